"""A build that is killed outright, as when the host loses its power, and the next one."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_smolvm.host import waiting
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.windows import Recipe
from tests.booted.conftest import guest_processes
from tests.images.windows.conftest import STALL

pytestmark = pytest.mark.slow

GONE_WITHIN = 10.0


def start(recipe: Recipe, store: Store) -> subprocess.Popen[str]:
    """The command itself, in a process of its own."""
    words: list[str | Path] = [
        sys.executable,
        "-m",
        "pytest_smolvm.cli.main",
        "--store",
        store.root,
        "windows",
        "build-image",
        "--no-secure-boot",
        "--stall",
        str(3 * STALL),
    ]
    words += ["--iso", recipe.iso, "--virtio-win-iso", recipe.virtio_iso, "--output", recipe.output]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True)


def kill_at(phase: str, recipe: Recipe, store: Store) -> int:
    """Start a build and kill it when it gets to `phase`; no QEMU or swtpm outlives it. Returns its process id."""
    build = start(recipe, store)
    assert build.stderr is not None
    with build, build.stderr as lines:
        assert any(phase in line for line in lines)
        assert guest_processes(recipe.output.parent)
        build.kill()
    assert build.returncode == -signal.SIGKILL
    waiting.until("QEMU and swtpm to be gone", lambda: not guest_processes(recipe.output.parent), timeout=GONE_WITHIN)
    assert not recipe.output.exists()
    return build.pid


def left(recipe: Recipe) -> set[str]:
    return {
        path.name for path in recipe.output.parent.iterdir() if path.name.lstrip(".").startswith(recipe.output.name)
    }


def test_killed_twice(recipe: Recipe, store: Store) -> None:
    """In the middle of the installation the next build starts over; after it, the next one goes on from there."""
    builds = [kill_at("copying files", recipe, store), kill_at("starting from virtio", recipe, store)]
    with start(recipe, store) as build:
        _, said = build.communicate()

    assert build.returncode == 0, said
    assert "going on from the system that an earlier build has installed" in said
    assert left(recipe) == {"win11.qcow2", "win11.qcow2.json", "win11.qcow2.screens"}
    assert [] == [path for pid in [*builds, build.pid] for path in store.runs.glob(f"*-{pid}-*")]
