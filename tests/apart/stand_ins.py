r"""The stand-ins as programs for a guest's folder C:\\T, and a connection whose commands run apart from the screen."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pytest_smolvm.guest.link.channels import Sink
from pytest_smolvm.guest.link.ssh import Ssh

_HERE = Path(__file__).parent
_PROGRAMS = {"apart.exe": ["-municode"], "schedule.dll": ["-shared", "-lole32", "-loleaut32", "-luuid"]}
SCHEDULING = (
    r"reg add HKLM\Software\Classes\CLSID\{0F87369F-A4E5-4CFC-BD3E-73E6154572DD}\InprocServer32"
    r" /ve /d C:\T\schedule.dll /f"
)
"""Has the guest take schedule.dll for its Task Scheduler."""


def built(directory: Path) -> list[Path]:
    """The programs; needs the compiler of MinGW."""
    for name, options in _PROGRAMS.items():
        source = _HERE / f"{Path(name).stem}.c"
        words: list[str | Path] = ["x86_64-w64-mingw32-gcc", "-O1", "-s", source, "-o", directory / name, *options]
        subprocess.run(words, check=True)
    return [directory / name for name in _PROGRAMS]


class Apart:
    """A connection whose commands run where nobody sees them, as those of Windows' SSH server do."""

    def __init__(self, ssh: Ssh) -> None:
        self._ssh = ssh
        self.code_page = ssh.code_page

    def execute(
        self, request: str, *, on_stdout: Sink, on_stderr: Sink, stdin: bytes = b"", timeout: float | None = None
    ) -> int:
        """See `Ssh.execute`."""
        return self._ssh.execute(
            rf"C:\T\apart.exe {request}", on_stdout=on_stdout, on_stderr=on_stderr, stdin=stdin, timeout=timeout
        )
