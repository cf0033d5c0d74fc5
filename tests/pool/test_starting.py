"""Guests that take a second attempt; QEMU and login are stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import BootError, CannotClone, Unrestorable
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import cloning, starting
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Template, TemplateFiles

DAMAGED = Unrestorable("process", "damaged")
NOWHERE = TemplateFiles(Path("/nowhere"))


def clones(monkeypatch: pytest.MonkeyPatch, *outcomes: Exception | str) -> list[Template | None]:
    """Templates can be had, and are restored with these outcomes; what was asked to be replaced is listed."""
    replaced: list[Template | None] = []
    left = list(outcomes)

    def baked(_spec: object, _site: object, instead_of: Template | None = None) -> Template:
        replaced.append(instead_of)
        return Template(NOWHERE, (len(replaced), 0))

    @contextmanager
    def clone(_template: object, _spec: object, _hypervisor: object, files: RunDirectory) -> Iterator[Any]:
        outcome = left.pop(0)
        files.serial_log.write_text(str(outcome))
        if isinstance(outcome, Exception):
            raise outcome
        yield SimpleNamespace(files=files)

    monkeypatch.setattr(starting, "baked", baked)
    monkeypatch.setattr(cloning, "clone", clone)
    monkeypatch.setattr(starting, "login", lambda *_: SimpleNamespace(close=lambda: None))
    return replaced


def test_a_clone_that_fails_once_is_no_damaged_template(
    site: Site, spec: GuestSpec, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = clones(monkeypatch, DAMAGED, "second")

    with starting.running(spec, site):
        pass

    assert [None] == replaced
    assert [] == said


def test_a_guest_of_a_later_attempt_is_the_one_that_is_kept(
    site: Site, spec: GuestSpec, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = clones(monkeypatch, DAMAGED, DAMAGED, "third")

    with starting.running(spec, site) as guest:
        guest.keep = site.store.kept / "guest"

    assert "third" == (site.store.kept / "guest" / "serial.log").read_text()
    assert [None, Template(NOWHERE, (1, 0))] == replaced
    assert 1 == len(said)
    assert [] == list(site.store.runs.iterdir())


def test_a_template_is_replaced_for_no_other_reason_and_only_once(
    site: Site, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = BootError("process", "QEMU did not start")
    cases: list[tuple[list[Exception], int]] = [([refused], 1), ([DAMAGED] * 3, 2)]
    for outcomes, readied in cases:
        replaced = clones(monkeypatch, *outcomes)
        with pytest.raises(BootError), starting.running(spec, site):
            pass
        assert readied == len(replaced)


def test_a_guest_is_cold_where_it_cannot_be_cloned(
    site: Site, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def baked(*_: object) -> None:
        raise CannotClone("no")

    @contextmanager
    def cold(*_: object) -> Iterator[str]:
        yield "booting"

    monkeypatch.setattr(starting, "baked", baked)
    monkeypatch.setattr("pytest_smolvm.machine.machine.cold", cold)

    with starting.running(spec, site) as guest:
        assert "booting" == str(guest.machine)
        assert guest.ssh is None
