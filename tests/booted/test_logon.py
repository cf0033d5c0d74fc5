"""A template with the desktop, of an image where nobody is logged on at the screen; tests/apart has the stand-ins."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.host.progress import Lines
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import hypervisor
from pytest_smolvm.pool.pool import Pool
from tests.apart import stand_ins
from tests.booted.conftest import MEMORY, pool_on

WINLOGON = r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon"
PASSWORD = "smolvm"

pytestmark = [pytest.mark.slow, pytest.mark.tool("x86_64-w64-mingw32-gcc")]  # a template is baked, with a restart


@pytest.fixture(name="apart")
def _apart(image: Path, store: Store, tmp_path: Path) -> Iterator[Path]:
    """An image on which an SSH server's commands see no screen, and nobody is logged on there, as on most Windows."""
    kept = tmp_path / "kept"
    with SmolVM(image=image, memory=MEMORY, pool=pool_on(store)) as vm:
        stand_ins.install(vm, tmp_path)
        vm.registry.write(WINLOGON, "DefaultUserName", "somebody")
        vm.keep(kept)
        vm.shutdown()
    yield kept / "disk.qcow2"
    shutil.rmtree(kept)


def test_somebody_is_logged_on_while_the_template_is_baked(apart: Path, own_store: Store) -> None:
    """Its clones have the desktop at once; how that was done, and by which password, is in none of them."""
    said: list[str] = []
    pool = Pool(own_store, hypervisor.find(own_store), Lines(said.append))
    before = apart.read_bytes()

    with SmolVM(image=apart, memory=MEMORY, desktop=True, pool=pool) as vm:
        notepad = vm.desktop.launch("notepad.exe")
        notepad.get_by(control_type="Edit").type("seen")

        assert "seen" == notepad.get_by(control_type="Edit").text()
        assert vm.run("$PID").stdout != vm.run("$PID", desktop=True).stdout
        assert {"DefaultUserName": "somebody"} == vm.run_json(
            "$k = Get-ItemProperty $args[0]; $found = @{}; 'AutoAdminLogon', 'DefaultUserName', 'DefaultDomainName' |"
            " ? { $null -ne $k.$_ } | % { $found[$_] = $k.$_ }; $found",
            [f"Registry::{WINLOGON.replace('HKLM', 'HKEY_LOCAL_MACHINE')}"],
        )
        assert not vm.exists(r"C:\T\secret-DefaultPassword")

        vm.reboot()
        assert [] == [window for window in vm.desktop.windows() if "Notepad" in window.title()]
        assert not vm.exists(r"C:\T\secret-DefaultPassword")
    pool.close()
    shutil.rmtree(own_store.templates)

    assert any("nobody is logged on at the guest's screen: it restarts" in line for line in said)
    assert before == apart.read_bytes()
