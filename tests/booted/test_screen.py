"""What a failed test leaves of a guest that ran."""

from __future__ import annotations

import json

import pytest

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
