"""What is on the screen: looked at, waited for, and kept as a picture that stays when the test is over."""

from pathlib import Path

from pytest_smolvm import SmolVM


def test_desktop_is_calm(windows_vm: SmolVM, smolvm_artifacts: Path) -> None:
    windows_vm.screen.press("esc")
    windows_vm.screen.wait_until_still(0.5)
    windows_vm.screen.save(smolvm_artifacts / "desktop.png")

    assert (smolvm_artifacts / "desktop.png").stat().st_size > 0
