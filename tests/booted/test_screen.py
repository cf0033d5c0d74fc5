"""What a failed test leaves of a guest that ran; and a screen on which there is no desktop."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from pytest_smolvm import GuestUnreachable, Screen, SmolVM
from pytest_smolvm.host.waiting import until

EVIDENCE = """
import os, signal

def test_wrong(windows_vm):
    windows_vm.run("echo was here& exit 3", shell="cmd")
    assert False

def test_dead(windows_vm):
    os.kill(windows_vm._running().machine.child.pid, signal.SIGKILL)
    windows_vm.screen.save("x.png")
"""


def test_a_failed_test_leaves_evidence(inner: pytest.Pytester) -> None:
    """Of a guest that has ended, what there still is."""
    inner.makepyfile(test_it=EVIDENCE)

    result = inner.runpytest_subprocess()

    result.assert_outcomes(failed=2)
    results = inner.path / "test-results" / "smolvm"
    wrong, dead = results / "test_it.py-test_wrong", results / "test_it.py-test_dead"
    header = (wrong / "screen.png").read_bytes()[:24]
    assert (b"\x89PNG", 1280, 800) == (header[:4], int.from_bytes(header[16:20]), int.from_bytes(header[20:24]))
    runs = (wrong / "runs.txt").read_text(encoding="utf-8")
    assert "cmd  exit code 3\n> echo was here& exit 3\n  was here" in runs
    assert "clone" == json.loads((wrong / "guest.json").read_text(encoding="utf-8"))["boot"]
    assert "screen.png: QEMU ended" in (dead / "missing.txt").read_text(encoding="utf-8")
    assert "serial.log" in {path.name for path in wrong.iterdir()}
    result.stdout.fnmatch_lines(["*GuestDied: QEMU ended*"])


@pytest.mark.slow  # the guest restarts
def test_the_firmwares_menu_is_read_and_used(windows_vm: SmolVM) -> None:
    """By pictures and keys alone, since no system runs; and on from there to the system."""
    vm, screen = windows_vm, windows_vm.screen
    with suppress(GuestUnreachable):  # it is faster than its answer
        vm.run("shutdown /r /t 0", shell="cmd")

    until("the firmware's menu", lambda: called(screen), timeout=300, interval=0)
    press(screen, "down", "down", "enter")
    screen.wait_for_text("Boot Manager Menu")
    press(screen, "esc")
    screen.wait_for_text("Boot Maintenance Manager")
    press(screen, "down", "down", "enter")  # Continue

    vm.wait_for_ssh()
    assert "up" == vm.run("echo up", shell="cmd").stdout.strip()


def called(screen: Screen) -> bool:
    """Press the key that it takes, for the moment in which the firmware looks; whether its menu is there."""
    screen.press("esc")
    # The menu's, and that of a screen on which there is nothing yet: while there is a logo no time is lost by reading.
    return screen.size == (640, 480) and "Boot Manager" in screen.text()


def press(screen: Screen, *keys: str) -> None:
    """One after another, each when what the last has brought about is there."""
    for key in keys:
        screen.wait_until_still(0.5)
        screen.press(key)
