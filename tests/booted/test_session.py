"""Windows of the session on the screen, for a guest whose SSH server does not see them; tests/apart has the stand-ins."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.guest.commands import resident
from pytest_smolvm.guest.commands.resident import Resident
from tests.apart.stand_ins import SCHEDULING, Apart, built


def pids(vm: SmolVM, **more: Any) -> set[str]:
    """The processes that scripts run in."""
    return {vm.run("$PID", **more).check().stdout.strip() for _ in range(4)}


def test_where_one_is_on_the_screen_no_second_powershell_is_started(windows_vm: SmolVM) -> None:
    assert pids(windows_vm) == pids(windows_vm, desktop=True)


@pytest.mark.slow  # four PowerShells are started
@pytest.mark.tool("x86_64-w64-mingw32-gcc")
def test_windows_are_used_from_where_none_are_seen(
    windows_vm: SmolVM, tmp_path_factory: pytest.TempPathFactory
) -> None:
    vm = windows_vm
    for program in built(tmp_path_factory.mktemp("programs")):
        vm.upload_file(program, rf"C:\T\{program.name}")
    vm.run(SCHEDULING, shell="cmd", check=True)
    vm.run("taskkill /f /im powershell.exe", shell="cmd", check=True)  # the guest has not enough files for more
    with vm._using() as ssh:
        unseeing: Any = Apart(ssh)
        vm._take_shells(Resident(ssh.tunnel, resident.start(unseeing, processes=1)))

    notepad = vm.desktop.launch("notepad.exe")
    notepad.get_by(control_type="Edit").type("seen")

    assert "seen" == notepad.get_by(control_type="Edit").text()
    assert pids(vm).isdisjoint(pids(vm, desktop=True))
    assert re.search("RunEx 4 1\n(.*\n)*DeleteTask", vm.read_text(r"C:\T\schedule.log").replace("\r", ""))
