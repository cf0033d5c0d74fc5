"""Layers that fail: how often they are tried, and what is left of them. The guest is a program in QEMU's place."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from pytest_smolvm import windows_layer
from pytest_smolvm.errors import BootError, GuestDied
from pytest_smolvm.guest.layer import Layer
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import programs
from pytest_smolvm.pool import layers
from pytest_smolvm.pool.failures import Failures
from pytest_smolvm.pool.leases import Leases
from pytest_smolvm.pool.pool import Reservation
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import RunningGuest, restored
from pytest_smolvm.pool.templates import Template


@windows_layer()
def app(vm: Any) -> None:
    """Never called: what is done to the guest is up to each test."""


@pytest.fixture
def tries() -> list[str]:
    """How often the function was run."""
    return []


@pytest.fixture
def attempt(guest_spec: GuestSpec, template: Template, tries: list[str]) -> Iterator[Callable[..., BootError]]:
    """Asks for a guest with the layer, whose function raises; gives what comes of it."""
    with ExitStack() as life:

        def asked(site: Site, error: Exception, kills: bool = False) -> BootError:
            @contextmanager
            def lend(place: Reservation, layer: Layer) -> Iterator[layers.Unprepared]:
                with restored(template, guest_spec, site) as guest:

                    def prepare() -> RunningGuest:
                        tries.append(layer.name)
                        if kills:
                            os.kill(guest.machine.child.pid, signal.SIGKILL)
                            programs.await_end(guest.machine.child, 10.0)
                        raise error

                    yield layers.Unprepared(lambda: guest.machine, prepare, lambda: None)

            (lease,) = Leases(site.store).claim(guest_spec)
            life.callback(lease.release)
            order = layers.Order(guest_spec.having(layer=app), Reservation(site, guest_spec, lease), lend)
            with pytest.raises(BootError) as met, layers.guest(order):
                pass
            return met.value

        yield asked


def worker(site: Site, run: str) -> Site:
    """The same host, seen by another process."""
    return replace(site, failures=Failures(), run=run)


def test_what_fails_is_tried_once_in_a_run_whichever_worker_asks(
    inhabited: Site, attempt: Callable[..., BootError], tries: list[str]
) -> None:
    first = attempt(worker(inhabited, "one"), ValueError("exit code 3"))
    again = attempt(worker(inhabited, "one"), ValueError("exit code 4"))

    assert ("layer", ["app"]) == (first.stage, tries)
    assert "the layer app could not be made: ValueError: exit code 3" in first.reason
    assert first.args == again.args
    assert "not tried again" in "".join(again.__notes__)

    attempt(worker(inhabited, "two"), ValueError("exit code 5"))
    assert ["app", "app"] == tries
    assert [] == [path for path in inhabited.store.templates.iterdir() if inhabited.store.is_aside(path)]


def test_a_guest_that_somebody_kills_is_no_fault_of_its_layer(
    inhabited: Site, attempt: Callable[..., BootError], tries: list[str]
) -> None:
    for _ in range(2):
        assert "process" == attempt(worker(inhabited, "one"), GuestDied("QEMU was killed"), kills=True).stage

    assert ["app", "app"] == tries


def test_a_layer_is_another_one_on_another_template_and_network(guest_spec: GuestSpec) -> None:
    spec = guest_spec.having(layer=app)

    assert 3 == len({layers.key(spec, "a"), layers.key(spec, "b"), layers.key(spec.having(network="off"), "a")})
    assert layers.key(spec, "a") == layers.key(spec.having(env_vars={"A": "1"}), "a")
