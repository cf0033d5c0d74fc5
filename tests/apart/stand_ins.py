r"""The stand-ins as programs for a guest's folder C:\\T, and a connection whose commands run apart from the screen."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pytest_smolvm import SmolVM
from pytest_smolvm.guest.desktop import source
from pytest_smolvm.guest.link.channels import Sink
from pytest_smolvm.guest.link.ssh import Ssh

_HERE = Path(__file__).parent
_PROGRAMS = {"apart.exe": ["-municode"], "schedule.dll": ["-shared", "-lole32", "-loleaut32", "-luuid"]}
_LOGON = ("wtsapi32", "advapi32")
SCHEDULING = (
    r"reg add HKLM\Software\Classes\CLSID\{0F87369F-A4E5-4CFC-BD3E-73E6154572DD}\InprocServer32"
    r" /ve /d C:\T\schedule.dll /f"
)
"""Has the guest take schedule.dll for its Task Scheduler."""
LIBRARIES = r"C:\Users\smolvm\AppData\Local\pytest-smolvm"
"""Our own library's folder, where what it calls is looked for first."""
UNMADE = rf"del C:\Windows\System32\WindowsPowerShell\v1.0\{source.name()}.dll"
"""Has a practice guest compile it there: as the image brings it, it lies beside PowerShell, which would take them, too."""
OVERRIDES = [rf"reg add HKCU\Software\Wine\DllOverrides /v *{name} /d native,builtin /f" for name in _LOGON]
"""Have wine take what is there; else it takes its own of that name."""
APART = r"C:\T\apart.exe"
"""Runs a command line where nobody sees it; fit for sshd's DefaultShell."""


def built(directory: Path) -> list[Path]:
    """The programs; needs the compiler of MinGW."""
    for name, options in _PROGRAMS.items():
        source = _HERE / f"{Path(name).stem}.c"
        words: list[str | Path] = ["x86_64-w64-mingw32-gcc", "-O1", "-s", source, "-o", directory / name, *options]
        subprocess.run(words, check=True)
    return [directory / name for name in _PROGRAMS]


def logon_libraries(directory: Path) -> list[Path]:
    """The libraries that tell and decide who is logged on; they belong into `LIBRARIES`, with `OVERRIDES`."""
    made = [directory / f"{name}.dll" for name in _LOGON]
    for library in made:
        words: list[str | Path] = ["x86_64-w64-mingw32-gcc", "-O1", "-s", "-shared", _HERE / "logon.c", "-o", library]
        subprocess.run([*words, _HERE / "logon.def"], check=True)
    return made


def install(vm: SmolVM, directory: Path) -> None:
    r"""Make a guest one whose SSH server's commands run apart from the screen, with nobody logged on there.

    What it is asked to keep as a secret is in C:\T\secret-NAME.
    """
    for program in built(directory):
        vm.upload_file(program, rf"C:\T\{program.name}")
    for library in logon_libraries(directory):
        vm.upload_file(library, rf"{LIBRARIES}\{library.name}")
    for command in (UNMADE, SCHEDULING, *OVERRIDES, rf"reg add HKLM\SOFTWARE\OpenSSH /v DefaultShell /d {APART} /f"):
        vm.run(command, shell="cmd", check=True)


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
            rf"{APART} {request}", on_stdout=on_stdout, on_stderr=on_stderr, stdin=stdin, timeout=timeout
        )
