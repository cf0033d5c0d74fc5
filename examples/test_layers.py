"""Install once per host, test many times: a layer is kept across runs until its code or its files change."""

import pytest

from pytest_smolvm import SmolVM, windows_layer

PLACE = r"C:\ProgramData\App"


@windows_layer()
def app(vm: SmolVM) -> None:
    """The program. Yours is uploaded and run: files=["app.msi"], and msiexec /i in the guest."""
    vm.write_text(rf"{PLACE}\version.txt", "1.0")


@windows_layer(parent=app)
def configured(vm: SmolVM) -> None:
    """The program with its settings. If they change, the program is not installed again."""
    vm.write_text(rf"{PLACE}\settings.ini", "[main]\nmode=test\n")


@pytest.mark.windows_vm(layer=app)
def test_it_is_installed(windows_vm: SmolVM) -> None:
    assert windows_vm.read_text(rf"{PLACE}\version.txt") == "1.0"
    assert not windows_vm.exists(rf"{PLACE}\settings.ini")


@pytest.mark.windows_vm(layer=configured)
def test_it_is_configured(windows_vm: SmolVM) -> None:
    assert "mode=test" in windows_vm.read_text(rf"{PLACE}\settings.ini")
