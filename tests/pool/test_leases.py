"""Leases: who counts, and what makes room."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
from pathlib import Path

import pytest

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import owner
from pytest_smolvm.host.store import Store
from pytest_smolvm.pool.leases import Lease, Leases

SPEC = GuestSpec(image=Path("win11.qcow2"), memory=256)


def spare(room: Leases) -> Lease:
    lease = room.spare(SPEC)
    assert lease is not None
    return lease


def test_a_real_request_ends_a_spare(store: Store, qemu: subprocess.Popen[bytes]) -> None:
    room = Leases(store, max_guests=2)
    lease = spare(room)
    lease.mark(qemu.pid)

    granted = room.claim(SPEC, SPEC)

    assert -signal.SIGKILL == qemu.wait()
    assert not lease.take()
    assert {lease.path for lease in granted} == set(store.leases.iterdir())


def test_a_spare_whose_pid_another_process_has_ends_alone(store: Store, qemu: subprocess.Popen[bytes]) -> None:
    room = Leases(store, max_guests=2)
    lease = spare(room)
    pid, started, boot = owner.of(qemu.pid).split("-")
    lease.path.write_text(
        json.dumps({**json.loads(lease.path.read_text()), "qemu": f"{pid}-{int(started) - 1}-{boot}"})
    )

    room.claim(SPEC, SPEC)

    assert qemu.poll() is None


def test_a_spare_that_somebody_took_is_no_spare(store: Store, qemu: subprocess.Popen[bytes]) -> None:
    room = Leases(store, max_guests=2)
    lease = spare(room)
    lease.mark(qemu.pid)
    assert lease.take()

    room.claim(SPEC)

    assert qemu.poll() is None
    assert 2 == len(list(store.leases.iterdir()))


def test_a_spare_leaves_room_for_a_request(store: Store) -> None:
    room = Leases(store, max_guests=2)
    room.claim(SPEC)

    assert room.spare(SPEC) is None


@pytest.mark.parametrize("text", ["", "{", '{"memory": 1, "of": "another version"}', "[]"])
def test_what_is_no_lease_counts_as_none(store: Store, text: str) -> None:
    (store.leases / store.owners.new_name()).write_text(text)
    (store.leases / store.owners.new_name(".1234abcd.new")).write_text('{"memory": 1}')  # being written

    assert 1 == len(Leases(store, max_guests=1).claim(SPEC))


def test_a_lease_that_cannot_be_written_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Leases(store)
    (lease,) = room.claim(SPEC)
    before = lease.path.read_bytes()

    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(json, "dumps", full)
    with pytest.raises(OSError, match="No space"):
        lease.take()

    assert before == lease.path.read_bytes()
    assert [lease.path] == list(store.leases.iterdir())
