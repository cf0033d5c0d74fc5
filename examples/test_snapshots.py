"""Install once, try things, go back to just before: snapshots of a guest that the tests of a class share."""

import pytest

from pytest_smolvm import SmolVM

SETTINGS = r"C:\ProgramData\App\settings.ini"


@pytest.fixture(scope="class")
def installed(windows_vm_class: SmolVM) -> SmolVM:
    """A guest with the program on it. The installer here is a file; yours is setup.exe /quiet."""
    windows_vm_class.write_text(SETTINGS, "version=1\n")
    windows_vm_class.snapshot("installed")
    return windows_vm_class


class TestUpgrade:
    def test_it_can_be_upgraded(self, installed: SmolVM) -> None:
        installed.write_text(SETTINGS, "version=2\n")
        installed.snapshot("upgraded")

        assert "version=2" in installed.read_text(SETTINGS)

    def test_a_downgrade_is_as_if_nothing_had_been(self, installed: SmolVM) -> None:
        installed.revert("installed")

        assert "version=1" in installed.read_text(SETTINGS)

    def test_a_block_can_be_undone(self, installed: SmolVM) -> None:
        with installed.rollback():
            installed.remove(SETTINGS)

        assert installed.exists(SETTINGS)
