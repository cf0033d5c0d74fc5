"""Guests that do not come up, or go away: the error says how far it got, and nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import BootError, GuestDied, ImageError, LoginError
from pytest_smolvm.host.store import Store
from pytest_smolvm.pool.pool import Pool
from tests.booted.conftest import MEMORY, guest_processes, overlay, pool_on, tmpfs
from tests.shown import everything

WRONG_PASSWORD = "wr0ng-S3CR3T"


@pytest.fixture
def pool(own_store: Store) -> Iterator[Pool]:
    """A pool on a store of its own, which must be clean afterwards."""
    yield pool_on(own_store)
    assert [] == guest_processes(own_store.root)
    assert [] == list(own_store.runs.iterdir())
    assert [] == list(own_store.leases.iterdir())


def cold(image: Path, pool: Pool, **wants: Any) -> SmolVM:
    return SmolVM(image=image, pool=pool, boot="cold", memory=MEMORY, **wants)


def test_images_that_are_none(pool: Pool, image: Path, tmp_path: Path) -> None:
    text, short, orphan = tmp_path / "text.qcow2", tmp_path / "short.qcow2", tmp_path / "orphan.qcow2"
    text.write_text("not an image")
    with open(image, "rb") as whole:
        short.write_bytes(whole.read(image.stat().st_size // 2))
    base = tmp_path / "base.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", base, "1M"], check=True)
    overlay(orphan, base)
    base.unlink()

    for path, said in (
        (tmp_path / "gone.qcow2", "there is no image at"),
        (tmp_path, "is a directory"),
        (text, "is not a qcow2 image"),
        (short, "damaged or truncated"),
        (orphan, "Could not open backing file|cannot be used"),
    ):
        with pytest.raises(ImageError, match=said), cold(path, pool):
            pass


@pytest.mark.parametrize(("firmware", "word", "patience"), [("uefi", "BdsDxe", 25), ("bios", "No bootable device", 10)])
def test_a_disk_with_nothing_to_boot(pool: Pool, tmp_path: Path, firmware: str, word: str, patience: float) -> None:
    empty = tmp_path / "empty.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", empty, "64M"], check=True)

    with cold(empty, pool, boot_timeout=patience, firmware=firmware) as vm, pytest.raises(BootError) as caught:
        vm.wait_for_ssh()

    assert caught.value.stage == "disk"
    assert "nothing to boot" in str(caught.value)
    assert word in caught.value.log_tail


def test_a_guest_that_takes_too_long(pool: Pool, image: Path) -> None:
    with cold(image, pool, boot_timeout=3) as vm, pytest.raises(BootError, match="within 3 s"):
        vm.wait_for_ssh()


def test_a_wrong_password_is_said_soon_after_the_server_answers(pool: Pool, image: Path) -> None:
    with cold(image, pool, ssh_password=WRONG_PASSWORD) as vm:
        started = time.monotonic()
        with pytest.raises(LoginError, match="refused to log in 'smolvm'") as caught:
            vm.wait_for_ssh()

    assert WRONG_PASSWORD not in everything(caught.value)
    assert time.monotonic() - started < vm.spec.boot_timeout / 2


def test_qemu_killed_during_a_run(pool: Pool, image: Path) -> None:
    with cold(image, pool) as vm:
        vm.wait_for_ssh()
        killer = threading.Timer(
            2.0, lambda: subprocess.run(["pkill", "-KILL", "-f", f"qemu-system.*{pool.store.runs}"], check=True)
        )
        killer.start()
        with pytest.raises(GuestDied, match=r"QEMU ended with -9 .* perhaps the kernel for want of memory"):
            vm.run("ping -n 60 127.0.0.1", shell="cmd", timeout=60)
        killer.join()


def test_the_hosts_disk_fills_up(image: Path, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    with tmpfs(tmp_path / "small", 40) as place:
        small = Store.at(place)
        with cold(image, pool_on(small)) as vm:
            vm.wait_for_ssh()
            big = tmp_path / "big.bin"
            big.write_bytes(os.urandom(60 * 2**20))
            with pytest.raises(GuestDied, match="file system full"):
                vm.upload_file(big, r"C:\big.bin")
                vm.run("ping -n 120 127.0.0.1", shell="cmd")  # the guest writes its cache back meanwhile
        assert [] == list(small.runs.iterdir())


def test_a_killed_test_process_takes_its_guest_along(image: Path, own_store: Store) -> None:
    script = f"""
import os, sys
os.environ["SMOLVM_HOME"] = {str(own_store.root)!r}
from pytest_smolvm import SmolVM
with SmolVM(image={str(image)!r}, boot="cold", memory={MEMORY}):
    print("up", flush=True)
    sys.stdin.read()
"""
    child = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"up\n"
    assert len(guest_processes(own_store.root)) == 2
    child.send_signal(signal.SIGKILL)
    child.communicate()
    deadline = time.monotonic() + 5
    while guest_processes(own_store.root) and time.monotonic() < deadline:
        time.sleep(0.05)

    assert [] == guest_processes(own_store.root)
    assert own_store.reap() == 2  # its run directory and its lease
    assert [] == list(own_store.runs.iterdir())
