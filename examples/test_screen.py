"""The screen: a key is pressed, and a picture of what is seen kept with the test's results."""

from pathlib import Path

from pytest_smolvm import SmolVM


def test_screen_is_seen(windows_vm: SmolVM, smolvm_artifacts: Path) -> None:
    windows_vm.screen.press("esc")
    picture = windows_vm.screen.screenshot()
    picture.save(smolvm_artifacts / "screen.png")

    assert picture.size == windows_vm.screen.size
