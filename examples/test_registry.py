"""The registry, shared by the tests of a class and clean again before each of them."""

import pytest

from pytest_smolvm import SmolVM

KEY = r"HKCU:\Software\Example"


@pytest.mark.windows_vm(revert=True)
class TestRegistry:
    def test_write(self, windows_vm_class: SmolVM) -> None:
        script = (
            f"New-Item {KEY} -Force | Out-Null; Set-ItemProperty {KEY} Colour blue; (Get-ItemProperty {KEY}).Colour"
        )

        assert windows_vm_class.run(script).stdout.strip() == "blue"

    def test_nothing_is_left(self, windows_vm_class: SmolVM) -> None:
        assert windows_vm_class.run(f"Test-Path {KEY}").stdout.strip() == "False"
