"""Leases: who counts, and what makes room."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import owner
from pytest_smolvm.host.store import Store
from pytest_smolvm.pool import leases
from pytest_smolvm.pool.leases import Capacity

SPEC = GuestSpec(image=Path("win11.qcow2"), memory=256)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


@pytest.fixture(name="qemu")
def _qemu() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


def spare(room: Capacity) -> Path:
    with room.spare(SPEC) as lease:
        assert lease is not None
        return lease


def test_a_real_request_ends_a_spare(store: Store, qemu: subprocess.Popen[bytes]) -> None:
    room = Capacity(store, max_guests=2)
    lease = spare(room)
    room.mark(lease, qemu.pid)

    granted = room.lease(SPEC, SPEC)

    assert -signal.SIGKILL == qemu.wait()
    assert not room.claim(lease)
    assert set(granted) == set(store.leases.iterdir())


def test_a_spare_whose_pid_another_process_has_ends_alone(store: Store, qemu: subprocess.Popen[bytes]) -> None:
    room = Capacity(store, max_guests=2)
    lease = spare(room)
    pid, started, boot = owner.of(qemu.pid).split("-")
    lease.write_text(json.dumps({**json.loads(lease.read_text()), "qemu": f"{pid}-{int(started) - 1}-{boot}"}))

    room.lease(SPEC, SPEC)

    assert qemu.poll() is None


def test_a_spare_that_somebody_took_is_no_spare(store: Store, qemu: subprocess.Popen[bytes]) -> None:
    room = Capacity(store, max_guests=2)
    lease = spare(room)
    room.mark(lease, qemu.pid)
    assert room.claim(lease)

    room.lease(SPEC)

    assert qemu.poll() is None
    assert 2 == len(list(store.leases.iterdir()))


def test_a_spare_leaves_room_for_a_request(store: Store) -> None:
    room = Capacity(store, max_guests=2)
    room.lease(SPEC)

    with room.spare(SPEC) as lease:
        assert lease is None


@pytest.mark.parametrize("text", ["", "{", '{"memory": 1, "of": "another version"}', "[]"])
def test_what_is_no_lease_counts_as_none(store: Store, text: str) -> None:
    (store.leases / f"{owner.me()}.1").write_text(text)
    (store.leases / f"{owner.me()}.2{leases._ASIDE}").write_text('{"memory": 1}')  # being written

    assert 1 == len(Capacity(store, max_guests=1).lease(SPEC))


def test_a_lease_that_cannot_be_written_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Capacity(store)
    (lease,) = room.lease(SPEC)
    before = lease.read_bytes()

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        room.claim(lease)

    assert before == lease.read_bytes()
    assert [lease] == list(store.leases.iterdir())
