"""Leases: who counts, who is served first, and what makes room."""

from __future__ import annotations

import errno
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import CapacityError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import limits, owner, proc
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until
from pytest_smolvm.pool.claims import Claim, Claims
from pytest_smolvm.pool.leases import Lease, Leases, weight

SPEC = GuestSpec(image=Path("win11.qcow2"), memory=256)
PATIENCE = 10.0


@pytest.fixture(name="elsewhere")
def _elsewhere() -> Iterator[ThreadPoolExecutor]:
    """Threads that ask, each for itself."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


def spare(room: Leases) -> Lease:
    lease = room.spare(SPEC)
    assert lease is not None
    return lease


def waiting(store: Store, number: int) -> None:
    """So many wait for room."""

    def all_there() -> bool:
        return number == len(Claims(store).standing().waiting)

    until("those who wait", all_there, timeout=PATIENCE)


def test_a_real_request_ends_a_spare(store: Store, qemu: subprocess.Popen[bytes]) -> None:
    room = Leases(store, max_guests=2)
    lease = spare(room)
    lease.mark(qemu.pid)

    granted = room.claim(SPEC, SPEC)

    assert qemu.wait(PATIENCE) < 0
    assert room.take_over(lease.id) is None
    assert len(granted) == len(list(store.leases.iterdir()))


def test_a_spare_whose_pid_another_process_has_ends_alone(store: Store, qemu: subprocess.Popen[bytes]) -> None:
    room = Leases(store, max_guests=2)
    spare(room).mark(qemu.pid)
    (path,) = store.leases.iterdir()
    _number, started, _boot = owner.of(qemu.pid).split("-")
    path.rename(str(path).replace(f"-{started}-", f"-{int(started) - 1}-"))

    room.claim(SPEC, SPEC)

    assert qemu.poll() is None


def test_a_spare_that_somebody_took_is_no_spare(store: Store, qemu: subprocess.Popen[bytes]) -> None:
    room = Leases(store, max_guests=2)
    lease = spare(room)
    lease.mark(qemu.pid)
    assert room.take_over(lease.id) is not None

    room.claim(SPEC)

    assert qemu.poll() is None
    assert 2 == len(list(store.leases.iterdir()))


def test_a_spare_leaves_room_for_a_request(store: Store) -> None:
    room = Leases(store, max_guests=2)
    room.claim(SPEC)

    assert room.spare(SPEC) is None


@pytest.mark.parametrize("says", ["", "held", "held_x_1_0_", "granted_1_1_0_"])
def test_what_is_no_claim_counts_as_none(store: Store, says: str) -> None:
    (store.leases / f"{store.owners.new_name()}.{says}").touch()
    (store.leases / "readme.txt").touch()

    assert 1 == len(Leases(store, max_guests=1).claim(SPEC))


def test_a_claim_that_cannot_be_written_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "touch", full)
    with pytest.raises(OSError, match="No space"):
        Leases(store).claim(SPEC)

    assert [] == list(store.leases.iterdir())


def test_threads_of_one_process_may_hold_and_wait(store: Store, elsewhere: ThreadPoolExecutor) -> None:
    """One waits while another, which waits for nothing, has what it wants."""
    room = Leases(store, max_guests=1)
    (held,) = room.claim(SPEC)

    other = elsewhere.submit(room.claim, SPEC)
    waiting(store, 1)
    held.release()

    (granted,) = other.result(PATIENCE)
    granted.release()


def test_who_holds_all_there_is_cannot_wait_for_more(store: Store) -> None:
    room = Leases(store, max_guests=1)
    room.claim(SPEC)

    with pytest.raises(CapacityError, match="deadlock"):
        room.claim(SPEC)

    assert 1 == len(list(store.leases.iterdir()))


def test_who_has_asked_first_is_served_first(store: Store, elsewhere: ThreadPoolExecutor) -> None:
    """Whoever wants several gets them although others go on asking for one."""
    room = Leases(store, max_guests=3)
    held = room.claim(SPEC, SPEC, SPEC)
    served: list[str] = []

    def ask(name: str, number: int) -> list[Lease]:
        leases = room.claim(*[SPEC] * number)
        served.append(name)
        return leases

    several: Future[list[Lease]] = elsewhere.submit(ask, "several", 3)
    waiting(store, 3)
    single = elsewhere.submit(ask, "single", 1)
    waiting(store, 4)
    for lease in held:
        lease.release()
        time.sleep(0.3)  # in which the single one would fit

    for lease in several.result(PATIENCE):
        lease.release()
    single.result(PATIENCE)
    assert ["several", "single"] == served


def test_who_has_a_guest_and_wants_another_need_not_queue_behind_who_waits_for_his(
    store: Store, elsewhere: ThreadPoolExecutor
) -> None:
    room = Leases(store, max_guests=2)
    (first,) = room.claim(SPEC)
    both = elsewhere.submit(room.claim, SPEC, SPEC)
    waiting(store, 2)

    (second,) = room.claim(SPEC)

    first.release()
    second.release()
    assert 2 == len(both.result(PATIENCE))


@pytest.fixture(name="memory")
def _memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Says how much of the host's 32 GiB is available from now on."""
    free = [0]
    monkeypatch.setattr(limits, "memory_mib", lambda: (32 * 1024, free[0]))

    def say(mebibytes: int) -> None:
        free[0] = mebibytes

    return say


def test_what_guests_that_were_granted_have_not_touched_yet_is_not_granted_again(
    store: Store, memory: Callable[[int], None], elsewhere: ThreadPoolExecutor
) -> None:
    spec = SPEC.having(memory=4096, boot="cold")
    room = Leases(store)
    memory(12 * 1024)
    leases = room.claim(spec, spec)

    third = elsewhere.submit(room.claim, spec)
    waiting(store, 1)

    assert 3 * weight(spec) > 12 * 1024
    leases[0].release()
    third.result(PATIENCE)


def test_what_guests_have_touched_is_not_counted_twice(
    store: Store, memory: Callable[[int], None], qemu: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SPEC.having(memory=4096, boot="cold")
    room = Leases(store)
    memory(12 * 1024)
    (first,) = room.claim(spec)
    first.mark(qemu.pid)
    monkeypatch.setattr(proc, "private_mib", lambda pid: 4000 if pid == qemu.pid else 0)
    memory(12 * 1024 - 4000)

    assert 1 == len(room.claim(spec))


def test_what_a_store_in_ram_holds_is_not_granted(
    store: Store, memory: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Templates there are as big as their guests' RAM."""
    memory(32 * 1024)
    before = Leases(store).room(SPEC)
    monkeypatch.setattr(limits, "in_ram_mib", lambda _: 16 * 1024)

    assert before - 16 * 1024 // weight(SPEC) - 1 <= Leases(store).room(SPEC) <= before - 16 * 1024 // weight(SPEC)
    several = [SPEC.having(memory=4096, boot="cold")] * 4
    with pytest.raises(CapacityError, match="cannot start"):  # it may be pruned: that is not for ever
        Leases(store, patience=0.3).claim(*several)


def test_the_patience_for_memory_that_no_guest_has_is_told(store: Store, memory: Callable[[int], None]) -> None:
    memory(100)
    said: list[str] = []

    with pytest.raises(CapacityError, match=r"that was so for 0\.5 s"):
        Leases(store, say=said.append, patience=0.5).claim(SPEC)

    assert 1 == len(said)
    assert said[0].endswith("100 of 32768 MiB are free, and no guest uses the rest; given up after 0.5 s")


def test_memory_that_comes_back_in_a_moment_is_waited_for(store: Store, memory: Callable[[int], None]) -> None:
    """As after a compiler, though no guest has it."""
    memory(100)
    threading.Timer(0.5, memory, [4096]).start()

    assert 1 == len(Leases(store, patience=PATIENCE).claim(SPEC))


def test_memory_that_does_not_come_back_is_told(store: Store, memory: Callable[[int], None]) -> None:
    memory(100)

    with pytest.raises(CapacityError, match="only 100 of this host's 32768 MiB are free, and no guest uses the rest"):
        Leases(store, patience=0.3).claim(SPEC)

    assert [] == list(store.leases.iterdir())


def test_one_spare_makes_way_not_every_one(
    store: Store, memory: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spare's memory is free a moment after its end, which is waited for before another one is ended."""
    room = Leases(store)
    memory(32 * 1024)
    with subprocess.Popen(["sleep", "60"]) as first, subprocess.Popen(["sleep", "60"]) as second:
        children = (first, second)
        for child in children:
            spare(room).mark(child.pid)

        def now() -> tuple[int, int]:
            return 32 * 1024, 100 + sum(500 for child in children if child.poll() is not None)

        monkeypatch.setattr(limits, "memory_mib", now)
        monkeypatch.setattr(proc, "private_mib", lambda _: weight(SPEC))

        room.claim(SPEC)

        assert 1 == sum(child.poll() is None for child in children)
        first.kill()
        second.kill()


def test_a_claim_among_a_thousand_opens_none_of_them(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names say everything: to open them all took thirteen times as long as to list them."""
    table = Claims(store)
    for number in range(1000):
        table.put(Claim(f"{store.owners.me()}.{number:08x}", "held", 1, 1))
    opened: list[Path] = []

    def noting(name: str) -> Callable[..., Any]:
        opens: Callable[..., Any] = getattr(Path, name)

        def noted(path: Path, *how: Any, **more: Any) -> Any:
            opened.append(path)
            return opens(path, *how, **more)

        return noted

    for name in ("read_text", "read_bytes", "open"):
        monkeypatch.setattr(Path, name, noting(name))

    (lease,) = Leases(store).claim(SPEC)
    lease.release()

    assert [] == [path for path in opened if path.parent == store.leases]
