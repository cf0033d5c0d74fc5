"""Kept guests: frozen in the store as a test has left them, for somebody to go on with."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable
from pathlib import Path

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.commands.resident import Endpoint
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.secret import Secret
from pytest_smolvm.host.store import Store
from pytest_smolvm.pool import layers, once, templates
from pytest_smolvm.pool.freezing import frozen
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.snapshots import check_name
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Shape, Template

KEPT = "kept"
"""In a record: that it is a guest, and no test's to begin with."""


def keep(
    guest: RunningGuest, spec: GuestSpec, site: Site, name: str, resident: Callable[[], Endpoint | None]
) -> Template:
    """Freeze a guest in the store; it goes on. One that was kept under the same name goes, unless somebody uses it.

    :param name: what it is called from then on, besides the key that it gets.
    :param resident: says which processes of its resident PowerShell nobody uses.
    :raises UsageError: nothing may have such a name, or the guest differs from a snapshot, which ends with it.
    :raises StoreError: the store's file system is full, or has no hard links.
    :raises SmolVMError: as :func:`pytest_smolvm.pool.freezing.frozen` does.
    """
    check_name(name)
    if not layers.lasts(guest, site):
        raise UsageError("a guest of which a snapshot was taken cannot be kept running: its snapshots end with it")
    noted = layers.about(spec, name, uuid.uuid4().hex)
    key = layers.named(templates.key(spec, site.hypervisor), noted["digest"], spec.network)
    final = site.store.templates / key
    with site.store.full_disk_told(), once.aside(final, site.store) as place:
        frozen(guest, place, resident, final=final, more={**noted, KEPT: True})
    _discard_earlier(site.store, name, final)
    made = templates.at(final)
    assert made is not None
    guest.origin = made  # what comes next differs from what is there now
    return made


def spec_of(template: Template, password: str) -> GuestSpec:
    """What a frozen guest is.

    :param password: its account's.
    :raises UsageError: that is another one, or an earlier version of this package has frozen it.
    """
    record = template.record
    shape = Shape.from_record(record)
    user, digest = shape.account
    if hashlib.sha256(password.encode()).hexdigest() != digest:
        raise UsageError(f"the password of {user} in it is another one: have it in the variable SMOLVM_SSH_PASSWORD")
    network = record.get("network", "open")
    return GuestSpec(
        image=Path(record["image"]),
        ssh_user=user,
        ssh_password=Secret(password),
        network=network if isinstance(network, str) else tuple(network),
        **vars(shape.hardware),
    )


def _discard_earlier(store: Store, name: str, kept: Path) -> None:
    for directory in store.templates.iterdir():
        other = None if store.is_aside(directory) or directory == kept else templates.at(directory)
        if (
            other is not None
            and other.record.get(KEPT)
            and other.record.get("layer") == name
            and not templates.in_use(directory)
        ):
            templates.discard(store, directory.name)
