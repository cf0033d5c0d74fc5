"""Which SSH server answers: what it can do depends on its version."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WINDOWS = re.compile(r"OpenSSH_for_Windows_(\d+)\.(\d+)")


@dataclass(frozen=True)
class Server:
    """A server by its banner, such as ``SSH-2.0-OpenSSH_for_Windows_8.1``."""

    banner: str

    @property
    def windows(self) -> bool:
        """Whether it is Windows' own."""
        return _WINDOWS.search(self.banner) is not None

    def before(self, major: int, minor: int) -> bool:
        """Whether it is Windows' own, of an earlier version. Windows 10 and Server 2019 came with 7.7 or 8.1."""
        found = _WINDOWS.search(self.banner)
        return found is not None and (int(found[1]), int(found[2])) < (major, minor)
