"""The resident PowerShell comes back when it was killed. Takes minutes under emulation."""

from __future__ import annotations

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import ResidentLostWarning
from tests.booted.conftest import kill_every_powershell


def test_a_killed_resident_is_started_again(windows_vm: SmolVM) -> None:
    kill_every_powershell(windows_vm)

    with pytest.warns(ResidentLostWarning):
        seen = [windows_vm.run("$PID", check=True).stdout]
    while seen[-1] not in seen[:-1]:  # a number that comes again is that of one that stays
        assert len(seen) < 40
        seen.append(windows_vm.run("$PID", check=True).stdout)
