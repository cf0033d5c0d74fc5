"""Whether pytest reads the configuration file of the project that it was started in."""

from __future__ import annotations

from pathlib import Path

import pytest

# What pytest's "Configuration file formats" takes whatever is in it, and the one that needs a table of its own.
_ALWAYS = ("pytest.ini", ".pytest.ini")
_WITH_TABLE = ("pyproject.toml", "[tool.pytest")
WHY = "perhaps an option's value was taken for a path to tests; write options with an equals sign: --smolvm-image=PATH"
"""How that comes to be."""


def unread(config: pytest.Config) -> Path | None:
    """The file that pytest has passed over; None if it has read one, or there is none.

    While it looks for the project, pytest takes the value of an option that it does not know yet for a path to tests
    ("Initialization: determining rootdir and configfile"): ``--smolvm-image /images/win11.qcow2``, without the equals
    sign, makes the project begin where that path and the tests' meet.
    """
    if config.inipath is not None:
        return None
    start = config.invocation_params.dir
    return next((file for place in (start, *start.parents) if (file := _file(place))), None)


def _file(place: Path) -> Path | None:
    for name in _ALWAYS:
        if (place / name).is_file():
            return place / name
    name, table = _WITH_TABLE
    try:
        return place / name if table in (place / name).read_text(encoding="utf-8", errors="replace") else None
    except OSError:
        return None
