"""A practice disk on which WinRM answers instead of an SSH server: by the responder that tests of ours use on this host."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pytest_smolvm.images.practice.overlay import PRACTICE, SYSTEM
from pytest_smolvm.images.practice.recipe import SOURCES
from pytest_smolvm.images.windows.foreign.system import WINRM
from tests.guest.link.remote import RESPONDER
from tests.images.windows import installer_disc

_WINES = "usr/lib/x86_64-linux-gnu/wine/x86_64-windows/schtasks.exe"
# In the place of the desktop's program, which process 1 starts last: drives for the discs, as where there is an agent; the
# responder, whose commands are run as those of sshd are; and then the desktop.
_DESKTOP = """#!/bin/sh
while read -r module; do insmod "$module"; done </usr/lib/practice/modules.discs
for number in 0 1 2 3; do
    place=/run/practice/disc$number
    mkdir -p $place
    mount -t udf -o ro /dev/sr$number $place || mount -t iso9660 -o ro,norock,utf8 /dev/sr$number $place || continue
    letter=$(echo $number | tr 0123 defg)
    ln -sfn $place /home/smolvm/.wine/dosdevices/$letter:
done
cd /home/smolvm
setpriv --reuid 1000 --regid 1000 --clear-groups env -i HOME=/home/smolvm USER=smolvm PATH=/usr/bin \\
    perl /{practice}/wsman 5985 {account} {ways} /{practice}/shell -c </dev/null >/dev/null 2>&1 &
exec sh /{practice}/desktop.own
"""


def with_winrm(disk: Path, work: Path, *, ways: str = "Basic", account: str = "smolvm:smolvm") -> Path:
    """Take the SSH server from the plain practice disk `disk`, and have WinRM answer on it.

    :param work: an empty directory.
    :param ways: what it says it takes; it takes ``Basic``.
    :param account: whom it lets in.
    """
    desktop = work / "desktop"
    desktop.write_text(_DESKTOP.format(practice=PRACTICE, account=account, ways=ways), encoding="utf-8")
    desktop.chmod(0o755)
    files: dict[str, Path | None] = {
        f"{PRACTICE}/desktop": desktop,
        f"{PRACTICE}/desktop.own": SOURCES / "linux" / "desktop",
        f"{PRACTICE}/wsman": RESPONDER,
        f"{SYSTEM}/schtasks.exe": _compiled(Path(__file__).with_name("schtasks.c"), work / "schtasks.exe"),
        _WINES: None,  # which wine takes first
    }
    return installer_disc.make_bare(disk, work, WINRM, {Path("/", name): file for name, file in files.items()})


def _compiled(source: Path, program: Path) -> Path:
    words = ["x86_64-w64-mingw32-gcc", "-municode", "-O1", "-s", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*words, "-o", program, source], check=True)
    return program
