"""Two computers in one test: what is done to one does not reach the other."""

from collections.abc import Callable

from pytest_smolvm import SmolVM


def test_two_guests(windows_vm_factory: Callable[..., list[SmolVM]]) -> None:
    first, second = windows_vm_factory(count=2)

    first.write_text(r"C:\Users\smolvm\note.txt", "only here")

    assert first.read_text(r"C:\Users\smolvm\note.txt") == "only here"
    assert second.run(r"Test-Path C:\Users\smolvm\note.txt").stdout.strip() == "False"
