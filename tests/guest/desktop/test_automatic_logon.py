"""Winlogon's values and the LSA's secret, as our library sets them and takes them back; tests/apart has the stand-in.

By the practice guest's programs, which run on this host.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pytest_smolvm.guest.commands import resident, run
from pytest_smolvm.guest.commands.resident import Resident
from pytest_smolvm.guest.desktop import logon
from pytest_smolvm.guest.desktop.session import run_in
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.secret import Secret
from tests.apart import stand_ins
from tests.userland import practice_userland

WINLOGON = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"
SECRET = "T/secret-DefaultPassword"

pytestmark = pytest.mark.tool("x86_64-w64-mingw32-gcc")


class Computer:
    """One with the stand-in.

    :param drive: its drive C:.
    """

    def __init__(self, ssh: Ssh, drive: Path) -> None:
        self._ssh = ssh
        self.drive = drive

    def cmd(self, line: str) -> str:
        return run.run(self._ssh, line, shell="cmd", timeout=60).check().stdout

    @property
    def winlogon(self) -> list[list[str]]:
        """Its values, but for one that has nothing to do with this."""
        found = [line.split() for line in self.cmd(f'reg query "{WINLOGON}"').splitlines() if "REG_" in line]
        return sorted(value for value in found if value[0] != "Shell")


@pytest.fixture(name="computer", scope="module")
def _computer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Computer]:
    place = tmp_path_factory.mktemp("userland")
    with practice_userland(place) as ssh:
        computer = Computer(ssh, place / "tree/home/smolvm/.wine/drive_c")
        computer.cmd(r"mkdir C:\T")
        for library in stand_ins.logon_libraries(tmp_path_factory.mktemp("libraries")):
            shutil.copy(library, computer.drive / "T")
        for line in (
            stand_ins.UNMADE,
            rf"mkdir {stand_ins.LIBRARIES}",
            rf"copy C:\T\*.dll {stand_ins.LIBRARIES}",
            *stand_ins.OVERRIDES,
        ):
            computer.cmd(line)
        yield computer


def test_it_is_told_and_all_of_it_taken_back(computer: Computer) -> None:
    """Also what was set before, as by who installed Windows: a count of logons, which would end it, and a name."""
    computer.cmd(f'reg add "{WINLOGON}" /v DefaultUserName /d somebody=else /f')
    computer.cmd(f'reg add "{WINLOGON}" /v AutoLogonCount /t REG_DWORD /d 3 /f')
    before = computer.winlogon
    started = Resident(computer._ssh.tunnel, resident.start(computer._ssh, processes=1))
    script = partial(run_in, computer._ssh, started)

    assert logon.is_wanting(script) is False  # its commands are on the screen, too
    told = logon.arrange(script, Secret("Grüße = 7!"))
    meanwhile, kept = computer.winlogon, (computer.drive / SECRET).read_bytes().decode("utf-16-le")
    for _ in range(2):  # the secret is gone at the second
        logon.forget(script, told)
    started.close()

    assert "Grüße = 7!" == kept
    assert ["AutoAdminLogon", "DefaultDomainName", "DefaultUserName"] == [value[0] for value in meanwhile]
    assert ["REG_SZ", "1"] == meanwhile[0][1:]
    assert ["REG_SZ", "smolvm"] == meanwhile[2][1:]
    assert before == computer.winlogon
    assert not (computer.drive / SECRET).exists()
