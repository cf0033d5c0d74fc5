"""The last part of a build on a real guest: the practice image stands in for the installed disk."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice.build import practice_image
from pytest_smolvm.images.windows import BuildError, Recipe
from pytest_smolvm.images.windows.finish import check_secrets, finished
from pytest_smolvm.machine import hypervisor
from tests.images.windows.discs import virtio_iso, windows_iso


class Acting(Silent):
    """Progress that does something as soon as a script is about to run."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def note(self, text: str) -> None:
        self._act()


@pytest.mark.parametrize("steps", [{}, {"answer files": "failed: it is in use"}])
def test_a_password_that_may_be_left(steps: dict[str, str]) -> None:
    """No image with it is sealed, unless it is the public one."""
    with pytest.raises(BuildError, match=r"may be left in the system: the step (was not tried|failed: it is in use)"):
        check_secrets(steps, public=False)
    check_secrets({"answer files": "ok"}, public=False)
    check_secrets(steps, public=True)


@pytest.fixture(name="finish")
def _finish(store: Store, tmp_path: Path) -> Callable[..., BuildError]:
    directory = tmp_path / "proof"
    directory.mkdir()
    base = Recipe(
        iso=windows_iso(tmp_path / "w.iso"),
        virtio_iso=virtio_iso(tmp_path / "v.iso"),
        output=tmp_path / "out.qcow2",
        memory=2048,
        secure_boot=False,
    )

    def finish(act: Callable[[Path], object] = lambda _: None, **changes: object) -> BuildError:
        with pytest.raises(BuildError) as caught:
            finished(
                practice_image(store, Silent()),
                replace(base, **changes),
                hypervisor.find(store),
                directory,
                progress=Acting(lambda: act(directory)),
                steps={},
            )
        assert (directory / "qemu.log").exists()
        return caught.value

    return finish


def test_a_script_fails(finish: Callable[..., BuildError], tmp_path: Path) -> None:
    """Its own words are in the error, and the screen is kept."""
    script = tmp_path / "bad.cmd"
    script.write_bytes(b"@echo out of paper\r\n@exit /b 3\r\n")

    error = finish(extra_scripts=(script,))

    assert error.phase == "finishing"
    assert "a script of the recipe failed" in error.what
    assert "out of paper" in error.what
    assert (tmp_path / "proof" / "last.png").stat().st_size > 1000


def test_a_file_that_windows_cannot_have(finish: Callable[..., BuildError], tmp_path: Path) -> None:
    """Nothing to do with the guest, but the phase is told all the same."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "install.cmd").touch()
    (tmp_path / "app" / "a:b.txt").touch()

    error = finish(bake_app=tmp_path / "app")

    assert error.phase == "finishing"
    assert "could not be brought into the guest" in error.what
    assert "a:b.txt" in error.what


def test_the_guest_is_lost(finish: Callable[..., BuildError], tmp_path: Path) -> None:
    """QEMU is killed, as the host's out-of-memory killer would."""
    script = tmp_path / "fine.cmd"
    script.write_bytes(b"@exit /b 0\r\n")

    error = finish(act=kill_qemu, extra_scripts=(script,))

    assert error.phase == "finishing"
    assert "the installation itself is kept" in error.advice


def kill_qemu(directory: Path) -> None:
    found = subprocess.run(
        ["pgrep", "-f", f"qemu-system.*{directory}/"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.split()
    for pid in found:
        os.kill(int(pid), signal.SIGKILL)
