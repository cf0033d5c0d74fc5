"""What a failing run with real guests shows and leaves: none of the secrets that it was given."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_smolvm.host.store import Store

SECRET = "S3CR3T-4711"
SUITE = """
import logging, os, pytest
from pathlib import Path

TOKEN = os.environ["TOKEN"]

@pytest.fixture(scope="session")
def windows_vm_spec(): return {"env_vars": {"SUITE_TOKEN": TOKEN}}

def commands():
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                yield (place / "cmdline").read_bytes()
            except OSError:
                pass

def test_fails_with_everything(windows_vm_module):
    windows_vm_module.set_env({"SET_TOKEN": TOKEN})
    spec = windows_vm_module.spec
    lengths = windows_vm_module.run("$env:SUITE_TOKEN.Length; $env:SET_TOKEN.Length").stdout.split()
    assert lengths == 2 * [str(len(TOKEN))]
    seen = list(commands())
    assert any(b"qemu-system" in words for words in seen)
    exposed = [words for words in seen if TOKEN.encode() in words]
    assert exposed, "nothing is exposed"

def test_loses_its_guest(windows_vm_module):
    os.kill(windows_vm_module._running().machine.child.pid, 9)
    windows_vm_module.set_env({"SET_TOKEN": TOKEN})
"""


def test_a_failing_run_shows_and_keeps_no_secret(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    monkeypatch.setenv("TOKEN", SECRET)
    inner.makepyfile(SUITE)

    result = inner.runpytest_subprocess(
        "--tb=long", "--showlocals", "-ra", "-vv", "-s", "--smolvm-keep=failed", "--log-level=DEBUG",
        "--junitxml=junit.xml", "-o", "junit_logging=all",
    )  # fmt: skip

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*AssertionError: nothing is exposed*", "*GuestDied: QEMU ended*"])
    shown = result.stdout.str() + result.stderr.str() + (inner.path / "junit.xml").read_text()
    assert "DEBUG" in shown
    assert SECRET not in shown
    places = list(store.kept.glob("test_a_failing_run_shows_and_keeps_no_secret.py*"))
    kept = [path for place in places for path in place.rglob("*")]
    assert 1 == sum(path.name == "serial.log" for path in kept)
    # The guest's own disk has them, in its registry.
    assert [] == [path for path in [*kept, *notes(store)] if holds_secret(path)]
    for place in places:
        shutil.rmtree(place)


def notes(store: Store) -> list[Path]:
    """What is written down in a store, besides disks and memory."""
    places = (store.root / name for name in ("leases", "locks", "owners", "runs", "templates"))
    return [path for place in places for path in place.rglob("*")]


def holds_secret(path: Path) -> bool:
    try:
        text = path.name + (path.read_text(errors="replace") if path.suffix in (".json", ".log", ".lock") else "")
    except OSError:  # a neighbour's, gone meanwhile
        return False
    return SECRET in text
