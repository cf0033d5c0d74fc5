"""A template with the desktop ready: a clone of it uses windows at once."""

from __future__ import annotations

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.guest.desktop import source

LOADED = "param($name) [AppDomain]::CurrentDomain.GetData($name).FullName"

pytestmark = pytest.mark.slow  # a template of its own is baked


@pytest.mark.windows_vm(desktop=True)
def test_each_powershell_of_a_clone_has_the_library_loaded(windows_vm: SmolVM) -> None:
    said = [windows_vm.run(LOADED, args=[source.name()], desktop=True).check().stdout.strip() for _ in range(2)]
    notepad = windows_vm.desktop.launch("notepad.exe")
    notepad.get_by(control_type="Edit").type("at once")

    assert ["SmolVM.Desktop.Door"] * 2 == said
    assert "at once" == notepad.get_by(control_type="Edit").text()
