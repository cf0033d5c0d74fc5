"""Templates that cannot be made, used or kept; QEMU is a script on a socket pair."""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import BootError, CannotClone, StoreError, Unrestorable
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Progress, Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.telling import Lines
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.hypervisor import Host
from pytest_smolvm.machine.qmp import Monitor
from pytest_smolvm.pool import cloning, templates
from pytest_smolvm.pool.templates import Template

HOST = Host(sys.executable, "7.2.22", Accelerator("tcg", "Nehalem", ""))
REFUSED: list[dict[str, Any]] = [{"error": {"desc": "State blocked by non-migratable device"}}]
STARTED: list[dict[str, Any]] = [{"return": {}}, {"event": "MIGRATION", "data": {"status": "active"}}]
FAILED: list[dict[str, Any]] = [*STARTED, {"event": "MIGRATION", "data": {"status": "failed"}}]


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


@pytest.fixture(name="spec")
def _spec(tmp_path: Path) -> GuestSpec:
    image = tmp_path / "win11.qcow2"
    image.write_bytes(b"QFI\xfb\0\0\0\3" + bytes(100))  # a header that tells of no base
    return GuestSpec(image=image, memory=256)


@contextmanager
def machine(**answers: list[dict[str, Any]]) -> Iterator[Any]:
    """A booted guest whose QEMU answers commands so, and others with nothing in particular."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs, theirs.makefile("rb") as lines:
            for line in lines:
                name = json.loads(line)["execute"].replace("-", "_")
                for answer in answers.get(name, [{"return": {}}]):
                    theirs.sendall(json.dumps(_addressed(answer, json.loads(line))).encode() + b"\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    with ours:
        yield SimpleNamespace(monitor=Monitor(ours), log_tail="")
    thread.join()


def _addressed(answer: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    return answer if "event" in answer or "id" not in request else {**answer, "id": request["id"]}


def ready(
    spec: GuestSpec, store: Store, progress: Progress | None = None, instead_of: Template | None = None
) -> Template:
    def warm(*_: object) -> AbstractContextManager[None]:
        return nullcontext()

    return templates.ready(spec, HOST, store, progress or Silent(), recipe="x", warm=warm, instead_of=instead_of)


def placed(spec: GuestSpec, store: Store) -> Template:
    """A template as whole as it must be to be found."""
    name = templates.key(spec, HOST, "x")
    (store.templates / name).mkdir()
    for file in ("blank-disk.qcow2", "blank-variables.qcow2"):
        (store.templates / name / file).write_bytes(b"blank")
    (store.templates / name / "record.json").write_text('{"files": {}}')
    found = templates.find(store, name)
    assert found is not None
    return found


def boots(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> list[Path]:
    """Golden images boot into `outcome`, or raise it; the directories they were booted in are listed."""
    booted: list[Path] = []

    @contextmanager
    def cold(_image: Path, _hardware: object, _host: Host, directory: Path, **_: object) -> Iterator[Any]:
        booted.append(directory)
        if isinstance(outcome, Exception):
            raise outcome
        yield outcome

    monkeypatch.setattr("pytest_smolvm.machine.machine.cold", cold)
    return booted


@pytest.mark.parametrize(
    ("answers", "why", "tries"),
    [
        ({"migrate": REFUSED}, "refused migrate: State blocked", 1),
        ({"migrate_set_capabilities": REFUSED}, "refused migrate-set-capabilities: State blocked", 1),
        (
            {"migrate": FAILED, "query_migrate": [{"return": {"error-desc": "Broken pipe"}}]},
            "refused migrate: Broken pipe",
            2,
        ),
        ({"migrate": FAILED}, "does not say why", 2),
    ],
)
def test_a_qemu_that_cannot_freeze_is_not_asked_again(
    answers: dict[str, list[dict[str, Any]]],
    why: str,
    tries: int,
    spec: GuestSpec,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said: list[str] = []
    with machine(**answers) as booting:
        booted = boots(monkeypatch, booting)
        for _ in range(2):
            with pytest.raises(CannotClone, match=why):
                ready(spec, store, Lines(said.append))

    assert tries == len(booted)
    assert 1 == sum("cannot be cloned here" in line for line in said)
    assert why in cloning.why_not(store, HOST)
    assert [] == list(store.templates.iterdir())


def test_a_full_disk_is_not_taken_for_a_host_that_cannot_clone(
    spec: GuestSpec, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", full)
    with machine(migrate=FAILED) as booting:
        boots(monkeypatch, booting)
        with pytest.raises(StoreError, match=f"store {store.root} is full; pytest-smolvm prune"):
            ready(spec, store)

    assert "" == cloning.why_not(store, HOST)
    assert [] == list(store.templates.iterdir())


def test_a_template_that_could_not_be_restored_is_baked_anew(
    spec: GuestSpec, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = placed(spec, store)
    booted = boots(monkeypatch, BootError("disk", "nothing to boot"))

    with pytest.raises(BootError, match="nothing to boot"):
        ready(spec, store, instead_of=failed)

    assert 1 == len(booted)
    assert [] == list(store.templates.iterdir())


def test_one_that_somebody_else_has_baked_since_is_not_removed(
    spec: GuestSpec, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = placed(spec, store)
    templates.discard(store, failed.directory.name)
    other = placed(spec, store)
    booted = boots(monkeypatch, BootError("disk", "nothing to boot"))

    assert other == ready(spec, store, instead_of=failed)
    assert other != failed
    assert not booted


def test_a_template_that_was_removed_meanwhile_cannot_be_restored(spec: GuestSpec, store: Store) -> None:
    template = placed(spec, store)
    shutil.rmtree(template.directory)

    with store.run_directory() as directory, pytest.raises(Unrestorable, match="removed meanwhile"):
        with templates.clone(template, spec, HOST, directory):
            pass


def test_a_qemu_that_does_not_start_is_not_the_templates_fault(spec: GuestSpec, store: Store) -> None:
    template = placed(spec, store)
    host = Host("/bin/false", "7.2.22", HOST.accelerator)

    with store.run_directory() as directory, pytest.raises(BootError, match="QEMU did not start") as caught:
        with templates.clone(template, spec, host, directory):
            pass

    assert not isinstance(caught.value, Unrestorable)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_so(store: Store, code: int) -> None:
    with pytest.raises(StoreError, match="prune"), templates.full_disk_told(store):
        raise OSError(code, os.strerror(code))


def test_what_fails_on_a_full_disk_fails_for_that_reason(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "posix_fallocate", full)

    with pytest.raises(StoreError, match="is full") as caught, templates.full_disk_told(store):
        raise BootError("process", "QEMU ended")

    assert isinstance(caught.value.__cause__, BootError)


@pytest.mark.parametrize(
    "error", [BootError("disk", "nothing to boot"), PermissionError(errno.EACCES, "no"), StoreError("read-only")]
)
def test_other_errors_stay_what_they_are(store: Store, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, templates.full_disk_told(store):
        raise error

    assert error is caught.value
    assert not list(store.root.glob("tmp*"))


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")
