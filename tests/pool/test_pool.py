"""Spares that are not wanted, and guests that take a second attempt; guests are stand-ins."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import BootError, CannotClone, Unrestorable
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.telling import Lines
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.hypervisor import Host
from pytest_smolvm.pool import cloning, templates
from pytest_smolvm.pool.pool import Place, Pool, _Making, _Prepared, _Spare

PATIENCE = 10.0


@pytest.fixture(name="pool")
def _pool(tmp_path: Path) -> Iterator[Pool]:
    pool = Pool(
        Store.at(tmp_path / "store"), Host(sys.executable, "7.2.22", Accelerator("tcg", "Nehalem", "")), Silent()
    )
    yield pool
    pool.close()
    assert [] == [*pool.store.leases.iterdir(), *pool.store.runs.iterdir()]


@pytest.fixture(name="spec")
def _spec(tmp_path: Path) -> GuestSpec:
    image = tmp_path / "win11.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "1M"], check=True)
    return GuestSpec(image=image, memory=256)


@pytest.fixture(name="qemu")
def _qemu() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


@dataclass
class Maker:
    """Makes a spare as soon as it may."""

    pool: Pool
    qemu: subprocess.Popen[bytes]
    may: threading.Event = field(default_factory=threading.Event)
    gone: list[str] = field(default_factory=list)
    lease: Path | None = None

    def __call__(self, spec: GuestSpec, making: _Making) -> _Prepared | None:
        with ExitStack() as stack:
            self.lease = stack.enter_context(self.pool.capacity.spare(spec))
            assert self.lease is not None
            assert self.may.wait(PATIENCE)
            stack.enter_context(self.pool.store.run_directory())
            stack.callback(self.gone.append, "guest")
            guest: Any = SimpleNamespace(machine=SimpleNamespace(child=self.qemu))
            return _Prepared(guest, self.lease, stack.pop_all())
        return None


@pytest.fixture(name="maker")
def _maker(pool: Pool, qemu: subprocess.Popen[bytes]) -> Maker:
    return Maker(pool, qemu)


def test_a_spare_that_suits_is_handed_over(pool: Pool, spec: GuestSpec, maker: Maker) -> None:
    maker.may.set()
    pool._spare = _Spare(spec, maker)

    place = pool._spare_place(spec.having(env_vars={"A": "1"}))

    assert place is not None
    assert place.lease == maker.lease
    pool.close()
    assert not maker.gone
    place.release()  # before anybody has used it
    assert ["guest"] == maker.gone


def test_nobody_waits_for_a_spare_that_does_not_suit(pool: Pool, spec: GuestSpec, maker: Maker) -> None:
    pool._spare = _Spare(spec, maker)

    assert pool._spare_place(spec.having(memory=512)) is None
    assert pool._spare is None
    assert not maker.gone

    maker.may.set()
    pool.close()
    assert ["guest"] == maker.gone


def test_a_spare_that_was_taken_away_is_cleared(pool: Pool, spec: GuestSpec, maker: Maker) -> None:
    maker.may.set()
    pool._spare = _Spare(spec, maker)
    pool._spare.result()
    assert maker.lease is not None
    pool.capacity.release(maker.lease)

    assert pool._spare_place(spec) is None
    assert ["guest"] == maker.gone


def test_a_spare_whose_end_fails_gives_its_room_back(pool: Pool, spec: GuestSpec, maker: Maker) -> None:
    maker.may.set()
    pool._spare = _Spare(spec, maker)
    prepared = pool._spare.result()
    assert prepared is not None

    def fail() -> None:
        raise BootError("process", "it will not end")

    prepared.resources.callback(fail)
    with pytest.raises(BootError):
        pool.close()
    pool._disposals.clear()

    assert ["guest"] == maker.gone


@pytest.mark.parametrize("early", [True, False])
def test_a_spare_in_the_making_is_ended(
    pool: Pool, spec: GuestSpec, qemu: subprocess.Popen[bytes], early: bool
) -> None:
    began, stopped = threading.Event(), threading.Event()

    def prepare(_: GuestSpec, making: _Making) -> _Prepared | None:
        if early:
            assert stopped.wait(PATIENCE)
        making.begun(qemu)
        began.set()
        qemu.wait()  # as whoever waits for a login notices
        raise BootError("process", "QEMU ended")

    pool._spare = _Spare(spec, prepare)
    if not early:
        assert began.wait(PATIENCE)
    pool._dispose_of_spare()
    stopped.set()
    pool.close()

    assert qemu.returncode is not None


def test_nothing_is_baked_for_a_spare(pool: Pool, spec: GuestSpec) -> None:
    pool.expect(spec)
    assert pool._spare is not None

    assert pool._spare.result() is None
    assert [] == list(pool.store.templates.iterdir())


def test_a_host_that_cannot_clone_gives_cold_guests_with_room_for_them(pool: Pool, spec: GuestSpec) -> None:
    def memory() -> int:
        (place,) = pool.places(spec)
        weight: int = json.loads(place.lease.read_text())["memory"]
        place.release()
        return weight

    before = memory()
    cloning.remember(pool.store, pool.host, "QEMU refused migrate")

    assert before + spec.memory // 2 == memory()
    pool.expect(spec)
    assert pool._spare is None


def clones(monkeypatch: pytest.MonkeyPatch, *outcomes: Exception | str) -> list[templates.Template | None]:
    """Templates can be had, and are restored with these outcomes; what was asked to be replaced is listed."""
    replaced: list[templates.Template | None] = []
    left = list(outcomes)

    def ready(*_: object, instead_of: templates.Template | None, **__: object) -> templates.Template:
        replaced.append(instead_of)
        return templates.Template(Path("/nowhere"), (len(replaced), 0))

    @contextmanager
    def clone(_template: object, _spec: object, _host: object, directory: Path) -> Iterator[Any]:
        outcome = left.pop(0)
        (directory / "serial.log").write_text(str(outcome))
        if isinstance(outcome, Exception):
            raise outcome
        yield SimpleNamespace()

    monkeypatch.setattr(templates, "ready", ready)
    monkeypatch.setattr(templates, "clone", clone)
    monkeypatch.setattr("pytest_smolvm.pool.pool.login", lambda *_: SimpleNamespace(close=int))
    return replaced


DAMAGED = Unrestorable("process", "damaged")


def test_a_clone_that_fails_once_is_no_damaged_template(
    pool: Pool, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    pool._progress = Lines(said.append)
    replaced = clones(monkeypatch, DAMAGED, "second")

    with pool.guest(spec):
        pass

    assert [None] == replaced
    assert [] == said


def test_a_guest_of_a_later_attempt_is_the_one_that_is_kept(
    pool: Pool, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    pool._progress = Lines(said.append)
    replaced = clones(monkeypatch, DAMAGED, DAMAGED, "third")

    with pool.guest(spec) as guest:
        guest.keep = pool.store.kept / "guest"

    assert "third" == (pool.store.kept / "guest" / "serial.log").read_text()
    assert [None, templates.Template(Path("/nowhere"), (1, 0))] == replaced
    assert 1 == len(said)


def test_a_template_is_replaced_for_no_other_reason_and_only_once(
    pool: Pool, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[Exception] = [BootError("process", "QEMU did not start")]
    for outcomes, readied in ((refused, 1), ([DAMAGED] * 3, 2)):
        replaced = clones(monkeypatch, *outcomes)
        with pytest.raises(BootError), pool.guest(spec):
            pass
        assert readied == len(replaced)


def test_a_guest_is_cold_where_it_cannot_be_cloned(
    pool: Pool, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ready(*_: object, **__: object) -> None:
        raise CannotClone("no")

    @contextmanager
    def cold(*_: object) -> Iterator[str]:
        yield "booting"

    monkeypatch.setattr(templates, "ready", ready)
    monkeypatch.setattr("pytest_smolvm.machine.machine.cold", cold)

    with Place(pool, spec, pool.store.leases / "none").guest() as guest:
        assert "booting" == str(guest.machine)
        assert guest.ssh is None
