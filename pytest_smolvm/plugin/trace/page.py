"""The page that shows what a test did with its guests: one file that needs nothing else, not even a network."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_smolvm.guest.screen.album import Taken
from pytest_smolvm.guest.trail import Deed
from pytest_smolvm.host import clock, records

if TYPE_CHECKING:
    from pytest_smolvm.guest.commands.history import PastRun
    from pytest_smolvm.plugin.trace.recorder import Recorder
# Not before a guest is there: they bring much along.

TRACE = "trace.html"
_LOG_BYTES = 64 * 1024
"""Of the end of each log."""
_LONGEST = 32 * 1024
"""Characters of an error."""
_MOST_PICTURE_BYTES = 24 << 20
"""Of all pictures of a page; those of the last steps are shown, of earlier ones it says that they are left out."""
_DATA = "/* data */"
"""Where the template has the data."""

Mask = Callable[[str], str]
"""Takes secrets out of a text."""


@dataclass(frozen=True)
class Phase:
    """Setup, call or teardown of a test."""

    when: str
    outcome: str
    error: str = field(repr=False)
    """What pytest says of a failure."""


@dataclass(frozen=True)
class Part:
    """A guest's part in a page."""

    place: Path
    """The directory with its files."""
    recorder: Recorder | None
    """None if nothing was recorded."""
    mask: Mask
    video: str = ""
    """The film's file, relative to the page's."""
    missing: tuple[str, ...] = ()
    """What could not be had besides what its files say."""


def write(path: Path, test: str, phases: list[Phase], parts: list[Part]) -> None:
    """Write the page.

    :param test: its name.
    :param parts: of all guests it used.
    :raises OSError: it cannot be written.
    """
    mask: Mask = str
    for part in parts:
        mask = partial(_both, mask, part.mask)
    pictures = _Pictures()
    steps = [_step(deed, number, part, mask, pictures) for number, part in enumerate(parts, 1) for deed in _deeds(part)]
    data = {
        "test": mask(test),
        "written": datetime.fromtimestamp(clock.utc(), UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "phases": [{"when": each.when, "outcome": each.outcome, "error": mask(_cut(each.error))} for each in phases],
        "guests": [_guest(part, mask, pictures) for part in parts],
        "steps": sorted(steps, key=lambda step: float(step["began"])),
        "left_out": sum(part.recorder.left_out for part in parts if part.recorder is not None),
        "pictures": pictures.urls,
    }
    path.write_text(page(data), encoding="utf-8")


def page(data: Mapping[str, Any]) -> str:
    """The template with its data."""
    template = (files(__package__) / "page.html").read_text(encoding="utf-8")
    # Nothing in it is taken for HTML: neither an end of the element that it is in, nor a comment that hides one.
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    # Half of a surrogate pair may be in a text of Windows; no file has an encoding for it.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    before, _, after = template.partition(_DATA)
    return before + text + after


class _Pictures:
    """Those of a page, each once."""

    def __init__(self) -> None:
        self.urls: dict[str, str] = {}
        self._names: dict[int, str] = {}
        self._left = _MOST_PICTURE_BYTES

    def add(self, png: bytes, key: int) -> str | None:
        """The name of a picture; None if there is no room for it."""
        if key not in self._names:
            if len(png) > self._left:
                return None
            self._left -= len(png)
            self._names[key] = name = f"p{len(self.urls)}"
            self.urls[name] = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
        return self._names[key]


def _deeds(part: Part) -> list[Deed]:
    """The last first, since pictures of the end matter most."""
    return part.recorder.deeds[::-1] if part.recorder is not None else []


def _step(deed: Deed, guest: int, part: Part, mask: Mask, pictures: _Pictures) -> dict[str, Any]:
    details = deed.details
    run: PastRun | None = details.get("run")
    step: dict[str, Any] = {
        "guest": guest,
        "kind": deed.kind,
        "what": mask(deed.what),
        "began": deed.began,
        "seconds": deed.seconds,
        "error": mask(_cut(deed.error)),
        "texts": [],
        "size": _size(deed),
    }
    if run is not None:
        step["shell"], step["ending"] = run.shell, mask(run.ending)
        step["texts"] += [["script", details.get("script", "")], ["output", run.stdout], ["error output", run.stderr]]
    step["texts"] += [["done by", details.get("by", "")], ["window", details.get("tree", "")]]
    step["texts"] = [[name, mask(text)] for name, text in step["texts"] if text]
    for name in ("before", "after"):
        if name in details:
            assert part.recorder is not None
            step[name] = _shown(details[name], part.recorder, pictures)
            step[f"no_{name}"] = part.recorder.album.fault(details[name])
        elif f"no {name}" in details:
            step[f"no_{name}"] = details[f"no {name}"]
    if (control := details.get("control")) is not None and "before" in details:
        step["mark"] = list(control.rectangle)
    return step


def _shown(taken: Taken, recorder: Recorder, pictures: _Pictures) -> str | None:
    png = recorder.album.png(taken)
    return None if png is None else pictures.add(png, id(taken))


def _size(deed: Deed) -> int | None:
    """Bytes that were moved, as far as that is easily told."""
    local, content = deed.arguments.get("local"), deed.arguments.get("content", deed.arguments.get("text"))
    if deed.kind != "files":
        return None
    if isinstance(content, (bytes, str)):
        return len(content)
    if not isinstance(local, (str, os.PathLike)):
        return None
    try:
        path = Path(local)
        return path.stat().st_size if path.is_file() else None
    except (ValueError, OSError):
        return None


def _guest(part: Part, mask: Mask, pictures: _Pictures) -> dict[str, Any]:
    logs = sorted(path for path in part.place.glob("*.log") if path.is_file())
    screen = part.place / "screen.png"
    picture = pictures.add(screen.read_bytes(), id(part)) if screen.exists() else None
    return {
        "facts": records.read(part.place / "guest.json") or {},  # which may be half a file, of a disk that was full
        "logs": {log.name: mask(_end(log)) for log in logs},
        "events": mask(_end(part.place / "events.txt")),
        "missing": [*mask(_end(part.place / "missing.txt")).splitlines(), *map(mask, part.missing)],
        "screen": picture,
        "video": part.video,
    }


def _end(path: Path) -> str:
    """The end of a file; nothing if there is none."""
    if not path.exists():
        return ""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        file.seek(max(0, size - _LOG_BYTES))
        return file.read(_LOG_BYTES).decode("utf-8", "replace")


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}\n... {len(text) - _LONGEST} characters are left out"


def _both(one: Mask, other: Mask, text: str) -> str:
    return other(one(text))
