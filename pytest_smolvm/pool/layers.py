"""Layers: guests as a function has left them, made once per host and cloned like templates."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial

from pytest_smolvm.errors import BootError, SmolVMError
from pytest_smolvm.guest.commands.resident import Endpoint
from pytest_smolvm.guest.layer import Layer
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.progress import phase
from pytest_smolvm.machine import disk
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import templates, warming
from pytest_smolvm.pool.freezing import frozen
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Template

# Part of every key: how a layer is laid out on disk.
_FORMAT = 1


@dataclass(frozen=True)
class Unprepared:
    """A guest that is to become a layer."""

    guest: RunningGuest
    prepare: Callable[[], object]
    """Runs the layer's function in it, and starts a resident PowerShell if there is none afterwards."""
    resident: Callable[[], Endpoint | None]
    """Which of that one's processes nobody uses."""


Lend = Callable[[Layer, Template | None], AbstractContextManager[Unprepared]]
"""Gives a guest for a layer, restored from the layer that it builds on, if it builds on one."""


def key(spec: GuestSpec, hypervisor_key: str) -> str:
    """Names the template for the layer that a spec wants: a digest of everything that shapes it.

    :param hypervisor_key: names the template of its golden image.
    :raises UsageError: a file of the layer cannot be read.
    """
    assert spec.layer is not None
    shape = [_FORMAT, hypervisor_key, spec.layer.digest]
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()[:32]


def baked(spec: GuestSpec, site: Site, lend: Lend) -> Template:
    """The template for the layer that `spec` wants, made first if this host has none; by one process, the others wait.

    :raises BootError: its function failed, now or before in this run; what it raised is the cause.
    :raises UsageError: a file of the layer cannot be read.
    :raises SmolVMError: there is no guest to make it in.
    """
    layer = spec.layer
    assert layer is not None
    name = key(spec, templates.key(spec, site.hypervisor))
    with site.failures.remembered(name):
        if found := templates.find(site.store, name):
            return found
        parent = baked(spec.having(layer=layer.parent), site, lend) if layer.parent else None
        telling = partial(_wait_told, layer, site)
        with exclusive(site.store.lock(f"template-{name}"), while_waiting=telling):
            return templates.find(site.store, name) or _bake(spec, parent, site, lend, name)


def _bake(spec: GuestSpec, parent: Template | None, site: Site, lend: Lend, name: str) -> Template:
    layer = spec.layer
    assert layer is not None
    templates.discard(site.store, name)
    final = site.store.templates / name
    aside = site.store.aside(final)
    more = {"image": os.fspath(spec.image), "identity": disk.identity(spec.image), "memory": spec.memory}
    more["layer"] = layer.name
    with phase(site.progress, f"making the layer {layer.name}, once for this host"), lend(layer, parent) as unprepared:
        machine = unprepared.guest.machine
        try:
            unprepared.prepare()
            warming.settle(machine)
            frozen(unprepared.guest, aside, unprepared.resident, final=final, more=more)
        except Exception as exc:
            why = f"the layer {layer.name} could not be made: {type(exc).__name__}: {exc}{_seen(machine, site, layer)}"
            raise BootError("layer", why, machine.log_tail) from exc
    try:
        for file in aside.iterdir():
            with open(file, "rb") as written:
                os.fsync(written.fileno())
        aside.rename(final)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    made = templates.at(final)
    assert made is not None
    return made


def _seen(machine: Machine, site: Site, layer: Layer) -> str:
    """Where the guest's screen is kept, for who wants to know why its layer failed."""
    with suppress(SmolVMError, OSError):  # the guest is gone
        kept = site.store.kept / f"layer-{layer.name.replace(os.sep, '.')}"
        kept.mkdir(mode=0o700, exist_ok=True)
        picture = RunDirectory(kept).picture
        machine.display.picture(picture)
        return f" (the guest's screen: {picture})"
    return ""


def _wait_told(layer: Layer, site: Site, who: str) -> AbstractContextManager[None]:
    return phase(site.progress, f"waiting for {who} to make the layer {layer.name}")
