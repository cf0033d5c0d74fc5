"""What a test has left, as extras of pytest-html's report, if that is installed and wanted."""

from __future__ import annotations

import base64
import os
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

_PLUGIN = "html"  # the name by which pytest-html registers itself (its entry point)
_PICTURE = "screen.png"
_PAGE = pytest.StashKey["Path | None"]()


def place(config: pytest.Config) -> Path | None:
    """Where pytest-html writes its page, if it does; to be asked first before a test has changed the directory."""
    if _PAGE not in config.stash:
        named = config.getoption("htmlpath", None)
        config.stash[_PAGE] = Path(os.path.expandvars(named)).expanduser().absolute() if named else None
    return config.stash[_PAGE]


def add(report: pytest.TestReport, config: pytest.Config, left: Path) -> None:
    """Add links to a test's directory, page and films, and the picture of the screen.

    :param left: the directory.
    :raises OSError: the picture cannot be read.
    """
    extras: Any = getattr(config.pluginmanager.getplugin(_PLUGIN), "extras", None)
    page = place(config)
    if extras is None or page is None:
        return
    from pytest_smolvm.plugin.trace.page import TRACE  # here, since a suite without an image must not pay for them
    from pytest_smolvm.plugin.trace.recording import VIDEO

    start = page.parent
    found = [extras.url(_relative(left, start), name="smolvm")]
    found += [
        extras.url(_relative(file, start), name=file.stem) for file in (left / TRACE, left / VIDEO) if file.exists()
    ]
    if (picture := left / _PICTURE).exists():
        found.append(extras.png(base64.b64encode(picture.read_bytes()).decode("ascii"), name="screen"))
    name = _attribute()
    setattr(report, name, [*getattr(report, name, []), *found])


@cache
def _attribute() -> str:
    """Where a report has its extras: 4.0 warns of the name that 3.x knows."""
    try:
        return "extra" if version("pytest-html").partition(".")[0] in ("2", "3") else "extras"
    except PackageNotFoundError:
        return "extras"


def _relative(file: Path, start: Path) -> str:
    return os.path.relpath(file, start)
