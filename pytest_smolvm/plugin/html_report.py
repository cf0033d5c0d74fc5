"""What a test has left, as extras of pytest-html's report, if that is installed and wanted."""

from __future__ import annotations

import base64
import os
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.plugin.trace.page import TRACE
from pytest_smolvm.plugin.trace.recording import VIDEO

_PLUGIN = "html"  # the name by which pytest-html registers itself (its entry point)
_PICTURE = "screen.png"


def add(report: pytest.TestReport, config: pytest.Config, place: Path) -> None:
    """Add links to a test's directory, page and films, and the picture of the screen.

    :param place: the directory.
    """
    extras: Any = getattr(config.pluginmanager.getplugin(_PLUGIN), "extras", None)
    page = config.getoption("htmlpath", None)
    if extras is None or not page:
        return
    start = Path(os.path.expandvars(page)).expanduser().absolute().parent
    found = [extras.url(_relative(place, start), name="smolvm")]
    found += [
        extras.url(_relative(file, start), name=file.stem) for file in (place / TRACE, place / VIDEO) if file.exists()
    ]
    if (picture := place / _PICTURE).exists():
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
