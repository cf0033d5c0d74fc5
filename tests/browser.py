"""A page as a browser shows it: Chromium, without a window."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--no-first-run", "--disable-default-apps", "--disable-extensions", "--metrics-recording-only"),
)
_INSIDE = ("chrome:", "devtools:", "data:", "file:", "about:", "blob:")
_SECONDS = 120.0


@dataclass(frozen=True)
class Shown:
    """What came of a page."""

    dom: str
    """It after its scripts have run, as HTML."""
    complaints: list[str]
    """What the browser's console says."""
    requests: list[str]
    """What it has asked a network for."""


def shown(page: Path, scratch: Path, width: int = 1280, picture: Path | None = None) -> Shown:
    """Open a page.

    :param scratch: an existing directory, for the browser.
    :param width: of the window, in pixels.
    :param picture: where to put a picture of it.
    """
    log = scratch / "network.json"
    words = [
        *("chromium", *_QUIET, f"--user-data-dir={scratch / 'profile'}", f"--log-net-log={log}"),
        *("--enable-logging=stderr", f"--window-size={width},2000", "--virtual-time-budget=4000"),
        *((f"--screenshot={picture}",) if picture else ("--dump-dom",)),
        page.as_uri(),
    ]
    environment = {**os.environ, "HOME": str(scratch)}
    ended = subprocess.run(words, capture_output=True, text=True, check=True, timeout=_SECONDS, env=environment)
    complaints = re.findall(r"^.*CONSOLE.*$", ended.stderr, re.MULTILINE)
    return Shown(ended.stdout, complaints, _requests(log))


def _requests(log: Path) -> list[str]:
    """The addresses that the page has asked for, out of Chromium's own log of its network."""
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    asked = [event["params"] for event in events if "initiator" in event.get("params", {})]
    # What Chromium asks for on its own account is no page's.
    return [
        each["url"] for each in asked if each["initiator"] != "not an origin" and not each["url"].startswith(_INSIDE)
    ]
