"""Guests that take a second attempt; QEMU and login are stand-ins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import BootError, CannotClone, HostKeyChanged, LoginError, Unrestorable
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import cloning, starting
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Template, TemplateFiles

DAMAGED = Unrestorable("process", "damaged")
NOWHERE = TemplateFiles(Path("/nowhere"))


def template(number: int) -> Template:
    """Each has a host key of its own."""
    return Template(NOWHERE, (number, 0), bytes([number]))


def clones(monkeypatch: pytest.MonkeyPatch, *outcomes: Exception | str) -> list[Template | None]:
    """Templates can be had, and are restored with these outcomes; what was asked to be replaced is listed."""
    replaced: list[Template | None] = []
    left = list(outcomes)

    def baked(_spec: object, _site: object, instead_of: Template | None = None) -> Template:
        replaced.append(instead_of)
        return template(len(replaced))

    @contextmanager
    def clone(_template: object, _spec: object, _hypervisor: object, files: RunDirectory) -> Iterator[Any]:
        outcome = left.pop(0)
        files.serial_log.write_text(str(outcome))
        if isinstance(outcome, Exception):
            raise outcome
        yield SimpleNamespace(files=files, ours=True, child=SimpleNamespace(poll=lambda: None))

    monkeypatch.setattr(starting, "baked", baked)
    monkeypatch.setattr(cloning, "clone", clone)
    monkeypatch.setattr(starting, "login", lambda *_: SimpleNamespace(close=lambda: None))
    return replaced


def logins(monkeypatch: pytest.MonkeyPatch, *outcomes: Exception | None) -> list[float]:
    """Who logs in to a clone meets these; for how long each was ready to wait is listed."""
    patience: list[float] = []
    left = list(outcomes)

    def login(_machine: object, _spec: object, timeout: float, _host_key: bytes) -> Any:
        patience.append(timeout)
        if (outcome := left.pop(0)) is not None:
            raise outcome
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(starting, "login", login)
    return patience


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
    assert [None, template(1)] == replaced
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
    def cold(*_: object, **__: object) -> Iterator[Any]:
        yield SimpleNamespace(name="booting")

    monkeypatch.setattr(starting, "baked", baked)
    monkeypatch.setattr("pytest_smolvm.machine.machine.cold", cold)

    with starting.running(spec, site) as guest:
        assert "booting" == getattr(guest.machine, "name", "")
        assert guest.ssh is None


DEAD = BootError("system", "no login over SSH within 60 s", "the log's end")


@pytest.mark.parametrize("error", [DEAD, LoginError("refused")])
def test_a_clone_that_lets_nobody_in_is_a_bad_template(
    site: Site, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """That very login worked when the template was made."""
    replaced = clones(monkeypatch, "first", "second", "third")
    patience = logins(monkeypatch, error, error, None)

    with starting.running(spec, site):
        pass

    assert [None, template(1)] == replaced
    assert max(patience) < spec.boot_timeout  # it need not boot
    assert [] == list(site.store.runs.iterdir())


def test_templates_that_are_dead_inside_cost_one_bake_a_run(
    site: Site, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    replaced = clones(monkeypatch, "first", "second", "third")
    patience = logins(monkeypatch, DEAD, DEAD, DEAD)

    for again in (False, True, True):
        with pytest.raises(BootError, match=r"lets nobody in.*within 60 s") as caught, starting.running(spec, site):
            pass
        assert again == bool(getattr(caught.value, "__notes__", []))
        assert "the log's end" == caught.value.log_tail

    assert 2 == len(replaced)
    assert 3 == len(patience)


def test_a_clone_has_the_host_key_of_its_template(site: Site, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever else answers on its port is not talked to, and is no reason to make another template."""
    replaced = clones(monkeypatch, "first")
    demanded: list[object] = []

    def login(*wanted: object) -> None:
        demanded.append(wanted[-1])
        raise HostKeyChanged

    monkeypatch.setattr(starting, "login", login)

    with pytest.raises(HostKeyChanged), starting.running(spec, site):
        pass

    assert [template(1).host_key] == demanded
    assert [None] == replaced


def test_a_clone_whose_qemu_was_killed_is_no_bad_template(
    site: Site, spec: GuestSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the kernel, when memory runs out."""
    replaced = clones(monkeypatch, "first", "second")
    monkeypatch.setattr(cloning, "clone", killed(cloning.clone))
    logins(monkeypatch, BootError("process", "QEMU ended with -9 while the guest was in use"))

    with pytest.raises(BootError, match="-9") as caught, starting.running(spec, site):
        pass

    assert not isinstance(caught.value, Unrestorable)
    assert [None] == replaced
    assert site.failures.known(starting.attempt(spec, site)) is None


def killed(clone: Any) -> Any:
    """Clones whose QEMU has ended."""

    @contextmanager
    def ended(*args: Any) -> Iterator[Any]:
        with clone(*args) as machine:
            machine.child = SimpleNamespace(poll=lambda: -9)
            yield machine

    return ended


@pytest.fixture(name="booted")
def _booted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Machines that boot."""
    machines: list[Any] = []

    @contextmanager
    def cold(*_: object, **__: object) -> Iterator[Any]:
        machines.append(SimpleNamespace(child=SimpleNamespace(poll=lambda: None)))
        yield machines[-1]

    monkeypatch.setattr("pytest_smolvm.machine.machine.cold", cold)
    return machines


def boots(spec: GuestSpec, site: Site, error: Exception | None = None, code: int | None = None) -> None:
    """A guest boots, and somebody logs in to it for the first time."""
    with starting.running(spec, site) as guest:
        machine: Any = guest.machine
        with guest.arriving():
            machine.child.poll = lambda: code
            if error is not None:
                raise error


@pytest.mark.parametrize("error", [BootError("system", "no login over SSH within 300 s"), LoginError("refused")])
def test_an_image_that_does_not_boot_costs_one_boot_a_run(
    site: Site, spec: GuestSpec, booted: list[Any], error: Exception
) -> None:
    cold = spec.having(boot="cold")
    for again in (False, True, True):
        with pytest.raises(type(error)) as caught:
            boots(cold, site, error)
        assert again == bool(getattr(caught.value, "__notes__", []))

    assert 1 == len(booted)
    boots(cold.having(boot_timeout=1000.0), site)  # has more time, and may come up
    boots(cold.having(ssh_password="another"), site)


def test_a_guest_that_somebody_kills_while_it_boots_says_nothing_of_its_image(
    site: Site, spec: GuestSpec, booted: list[Any]
) -> None:
    cold = spec.having(boot="cold")
    with pytest.raises(BootError):
        boots(cold, site, BootError("system", "QEMU ended with -9 while the guest was in use"), code=-9)

    boots(cold, site)


def test_a_guest_that_comes_up_after_all_is_no_reason_to_try_no_more(
    site: Site, spec: GuestSpec, booted: list[Any]
) -> None:
    cold = spec.having(boot="cold")
    with starting.running(cold, site) as guest:
        with pytest.raises(BootError), guest.arriving():
            raise BootError("system", "no login over SSH within 300 s")
        with guest.arriving():
            pass

    boots(cold, site)
