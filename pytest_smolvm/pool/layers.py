"""Layers: guests as a function has left them, made once per host and cloned like templates."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import BootError, SmolVMError, Unrestorable, UsageError
from pytest_smolvm.guest.commands.resident import Endpoint
from pytest_smolvm.guest.layer import Layer
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import phase
from pytest_smolvm.machine import disk
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.pool import once, sight, templates, warming
from pytest_smolvm.pool.freezing import frozen
from pytest_smolvm.pool.pool import Reservation
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Shape, Template

FORMAT = 3
"""Part of every key: how a layer is laid out on disk."""


@dataclass(frozen=True)
class Unprepared:
    """A guest that is to become a layer."""

    machine: Callable[[], Machine]
    """The one that it is now: its function may revert it."""
    prepare: Callable[[], RunningGuest]
    """Runs the layer's function in it, and sees to it that it can be logged in to and has a resident PowerShell."""
    resident: Callable[[], Endpoint | None]
    """Which of that one's processes nobody uses."""


Lend = Callable[[Reservation, Layer], AbstractContextManager[Unprepared]]
"""Gives a guest to make a layer of, with the layer that it builds on: that is made first if there is none."""


def key(spec: GuestSpec, template: str) -> str:
    """Names the template for the layer that a spec wants: a digest of everything that shapes it.

    :param template: names the template of its golden image.
    :raises UsageError: a file of the layer cannot be read.
    """
    assert spec.layer is not None
    return named(template, spec.layer.digest, spec.network)


def named(template: str, digest: str, network: object) -> str:
    """Names the template for a layer.

    :param template: names the template of its golden image.
    :param digest: the layer's.
    :param network: what the guest may reach that it was made in. That is not only its clones' affair: a function that
        downloads something succeeds or fails.
    """
    return hashlib.sha256(json.dumps([FORMAT, template, digest, network]).encode()).hexdigest()[:32]


def about(spec: GuestSpec, name: str, digest: str) -> dict[str, Any]:
    """What is noted of a guest that is frozen in the store, besides its files.

    :param name: what it is called there.
    :param digest: tells it from others.
    """
    return {
        "image": os.fspath(spec.image),
        "identity": disk.identity(spec.image),
        "memory": spec.memory,
        "layer": name,
        "digest": digest,
        "network": spec.network,
        "shape": asdict(Shape.of(spec)),
    }


def lasts(guest: RunningGuest, site: Site) -> bool:
    """Whether what a guest differs from stays in the store when it ends, which snapshots do not."""
    lineage = guest.origin.lineage if guest.origin is not None else ()
    return not any(site.store.runs in one.files.path.parents for one in lineage)


@dataclass(frozen=True)
class Order:
    """A guest with a layer that somebody wants."""

    spec: GuestSpec
    place: Reservation
    """Its room, which the guest that is prepared takes first."""
    lend: Lend

    @property
    def layer(self) -> Layer:
        """What is wanted."""
        assert self.spec.layer is not None
        return self.spec.layer

    @property
    def site(self) -> Site:
        """Where it is made."""
        return self.place.site


@contextmanager
def guest(order: Order) -> Iterator[RunningGuest]:
    """The guest that was ordered, for the length of the block; its layer is made first if this host has none.

    :raises BootError: the layer's function failed, now or before in this run; what it raised is the cause.
    :raises UsageError: a file of the layer cannot be read.
    :raises SmolVMError: there is no guest to make it in.
    """
    with ExitStack() as life:
        yield _restored_or_remade(order, life)


def _restored_or_remade(order: Order, life: ExitStack) -> RunningGuest:
    made = _baked(order)
    for _ in range(2):
        with suppress(Unrestorable):  # perhaps it was disturbed, as by somebody who kills a TPM
            return life.enter_context(order.place.guest(made))
    order.site.progress.note(f"the layer {order.layer.name} cannot be used, making it anew")
    return life.enter_context(order.place.guest(_baked(order, instead_of=made)))


def _baked(order: Order, instead_of: Template | None = None) -> Template:
    """The template for a layer, made first if this host has none; by one process, the others wait.

    :param instead_of: one that could not be restored.
    """
    site = order.site
    name = key(order.spec, templates.key(order.spec, site.hypervisor))
    make, told = partial(_bake, order, site.store.templates / name), partial(_wait_told, order)
    with site.failures.remembered(name):
        return once.made(name, site, make, while_waiting=told, instead_of=instead_of, run=site.run)


def _bake(order: Order, final: Path) -> Template:
    with once.aside(final, order.site.store) as place:
        _freeze(order, place, final)
    made = templates.at(final)
    if made is None:
        raise Unrestorable("process", f"what the layer {order.layer.name} builds on was removed or replaced meanwhile")
    return made


def _freeze(order: Order, aside: Path, final: Path) -> None:
    """Leave in `aside` what a guest consists of that the layer's function has prepared."""
    spec, site, layer = order.spec, order.site, order.layer
    noted = about(spec, layer.name, layer.digest)
    with (
        order.lend(order.place, layer) as unprepared,
        phase(site.progress, f"making the layer {layer.name}, once for this host"),
    ):
        with _blamed(layer, unprepared.machine, site):
            prepared = unprepared.prepare()
            _check_lasting(prepared, site)
        warming.settle(prepared.machine)
        with site.store.full_disk_told():
            frozen(prepared, aside, unprepared.resident, final=final, more=noted)


def _check_lasting(guest: RunningGuest, site: Site) -> None:
    """Do nothing if what a guest differs from stays in the store when it ends.

    :raises UsageError: that is a snapshot.
    """
    if not lasts(guest, site):
        raise UsageError("its function has taken a snapshot, which ends with the guest; make it two layers instead")


@contextmanager
def _blamed(layer: Layer, current: Callable[[], Machine], site: Site) -> Iterator[None]:
    """What fails in the block is the layer's fault.

    :raises BootError: what failed, with a picture of the screen.
    """
    try:
        yield
    except Exception as exc:
        machine, seen, log = None, "", ""
        with suppress(SmolVMError):  # the function has thrown its guest away
            machine = current()
            seen, log = sight.kept(machine, site.store, f"layer-{layer.name}"), machine.log_tail
        why = f"the layer {layer.name} could not be made: {type(exc).__name__}: {exc}{seen}"
        # Unless somebody has killed QEMU, perhaps the kernel for want of memory: then the next test may be luckier.
        killed = machine is not None and machine.child.poll() == -signal.SIGKILL
        raise BootError("process" if killed else "layer", why, log) from exc


def _wait_told(order: Order, who: str) -> AbstractContextManager[None]:
    return phase(order.site.progress, f"waiting for {who} to make the layer {order.layer.name}")
