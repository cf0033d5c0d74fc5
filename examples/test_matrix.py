"""One test on every image of the project, and with everything that may be installed on it."""

import pytest

from pytest_smolvm import SmolVM, windows_layer

SETTINGS = r"C:\ProgramData\App\settings.ini"
pytestmark = pytest.mark.windows_vm(images="all")  # or a list of names, or "tag:server"


@windows_layer()
def app(vm: SmolVM) -> None:
    """Made once for each image."""
    vm.write_text(SETTINGS, "[main]\nmode=test\n")


def test_every_windows_is_one(windows_vm_module: SmolVM) -> None:
    assert "Windows" in windows_vm_module.run("ver", shell="cmd").stdout


@pytest.mark.parametrize(
    "installed",
    [pytest.param(False, id="plain"), pytest.param(True, id="app", marks=pytest.mark.windows_vm(layer=app))],
)
def test_settings_are_there_if_the_app_is(windows_vm: SmolVM, installed: bool) -> None:
    assert installed == windows_vm.exists(SETTINGS)
