"""Errors cross process borders (xdist) whole."""

from __future__ import annotations

import pickle

import pytest

from pytest_smolvm import errors


@pytest.mark.parametrize(
    "error",
    [
        errors.ToolError("create the overlay", ("qemu-img", "create"), 1, "no space"),
        errors.BootError("disk", "nothing to boot", "BdsDxe: ..."),
        errors.GuestDied("QEMU ended", "tail"),
        errors.CommandFailed("exit 3", 3, "out", "err"),
        errors.TimedOut("the banner", 3.0, "firmware"),
        errors.CommandTimedOut("sleep", 3.0, "out", "err"),
    ],
)
def test_errors_survive_pickling(error: errors.SmolVMError) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert str(error) == str(again)
    assert vars(error) == vars(again)


def test_a_failed_command_shows_both_streams() -> None:
    text = str(errors.CommandFailed("setup.exe", 1603, "unpacking\n", "no licence\n"))

    assert "exit code 1603 from: setup.exe" in text
    assert "unpacking" in text
    assert "no licence" in text
