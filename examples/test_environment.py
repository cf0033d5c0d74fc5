"""Settings by environment variable, written to the user's environment store before the test sees the guest."""

import pytest

from pytest_smolvm import SmolVM


@pytest.mark.windows_vm(env_vars={"APP_MODE": "production"})
def test_mode(windows_vm: SmolVM) -> None:
    assert windows_vm.run("$env:APP_MODE").stdout.strip() == "production"
    assert windows_vm.run("echo %APP_MODE%", shell="cmd").stdout.strip() == "production"


def test_change_it(windows_vm: SmolVM) -> None:
    windows_vm.set_env({"APP_MODE": "staging"})

    assert windows_vm.run("$env:APP_MODE").stdout.strip() == "staging"
