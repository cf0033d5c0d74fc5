"""Templates: which wants share one, and which one is whole."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm import windows_layer
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import proc
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import qemu
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.hardware import Hardware
from pytest_smolvm.machine.qemu import Config
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import templates, warming
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Template

OTHER: dict[str, Any] = {"memory": 512, "cpus": 3, "bus": "sata", "secure_boot": True, "firmware": "bios"}


@windows_layer()
def app(vm: Any) -> None:
    """What is done to the guest later."""


SAME: dict[str, Any] = {"env_vars": {"A": "1"}, "boot": "cold", "boot_timeout": 7.0, "network": "off", "layer": app}
"""Wants that do not shape what is frozen."""
Placed = Callable[[GuestSpec], Template]
KVM = Accelerator("kvm", "host", "")


def test_any_other_hardware_is_another_template(spec: GuestSpec, site: Site) -> None:
    keys = {templates.key(spec.having(**{name: value}), site.hypervisor) for name, value in OTHER.items()}

    assert set(OTHER) == {field.name for field in fields(Hardware)}
    assert len(OTHER) == len(keys - {templates.key(spec, site.hypervisor)})


def test_every_want_either_shapes_the_template_or_is_known_not_to(spec: GuestSpec, site: Site) -> None:
    before = templates.key(spec, site.hypervisor)

    assert {before} == {templates.key(spec.having(**{name: value}), site.hypervisor) for name, value in SAME.items()}
    assert before != templates.key(spec.having(ssh_user="else"), site.hypervisor)
    assert before != templates.key(spec.having(ssh_password="else"), site.hypervisor)
    assert before != templates.key(spec.having(desktop=True), site.hypervisor)
    known = {*OTHER, *SAME, "ssh_user", "ssh_password", "image", "desktop"}
    assert known == {field.name for field in fields(GuestSpec)}


def test_a_device_more_is_another_template(spec: GuestSpec, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever adds one need not think of the key."""
    command, before = qemu.command, templates.key(spec, site.hypervisor)

    for only in (False, True):

        def with_a_device(config: Config, files: RunDirectory, restored: bool = only, **fds: int) -> list[str]:
            more = ["-device", "edu"] if config.restored == restored else []
            return [*command(config, files, **fds), *more]

        monkeypatch.setattr(qemu, "command", with_a_device)
        assert before != templates.key(spec, site.hypervisor)


def test_another_way_of_warming_is_another_template(
    spec: GuestSpec, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = templates.key(spec, site.hypervisor)
    monkeypatch.setattr(warming, "recipe", lambda: "tepid")

    assert before != templates.key(spec, site.hypervisor)


def test_where_the_store_is_does_not_matter(spec: GuestSpec, site: Site, tmp_path: Path) -> None:
    other = replace(site, store=Store.at(tmp_path / "elsewhere"))

    assert templates.key(spec, site.hypervisor) == templates.key(spec, other.hypervisor)


@pytest.mark.parametrize("changed", ["model name", "microcode", "flags"])
def test_under_kvm_the_processor_counts(
    spec: GuestSpec, site: Site, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    """RAM in a template has programs in it that have looked at the processor already."""
    kvm = replace(site.hypervisor, accelerator=KVM)
    before = templates.key(spec, kvm), templates.key(spec, site.hypervisor)
    processor = proc.processor()
    monkeypatch.setattr(proc, "processor", lambda: {**processor, changed: "other"})

    after = templates.key(spec, kvm), templates.key(spec, site.hypervisor)

    assert before[0] != after[0]
    assert before[1] == after[1]


def test_under_kvm_the_kernel_counts(spec: GuestSpec, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    kvm = replace(site.hypervisor, accelerator=KVM)
    before, system = templates.key(spec, kvm), os.uname()
    other = os.uname_result((system.sysname, system.nodename, "9.9.9", system.version, system.machine))
    monkeypatch.setattr(os, "uname", lambda: other)

    assert before != templates.key(spec, kvm)


def test_one_whose_file_was_written_is_not_whole(
    spec: GuestSpec, store: Store, placed: Callable[[GuestSpec], Template]
) -> None:
    template = placed(spec)
    stat = templates.fingerprint(template.files.blank_disk)
    template.files.record.write_text(f'{{"files": {{"{template.files.blank_disk.name}": {stat}}}}}')
    assert templates.find(store, template.key) is not None

    template.files.blank_disk.write_bytes(b"something else")

    assert templates.find(store, template.key) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": []}', '{"files": {"gone": [1, 2]}}'])
def test_one_with_a_damaged_record_is_none(
    spec: GuestSpec, store: Store, placed: Callable[[GuestSpec], Template], text: str
) -> None:
    template = placed(spec)

    template.files.record.write_text(text)

    assert templates.find(store, template.key) is None


def test_one_that_is_discarded_is_gone(spec: GuestSpec, store: Store, placed: Callable[[GuestSpec], Template]) -> None:
    template = placed(spec)

    templates.discard(store, template.key)
    templates.discard(store, template.key)  # fine, too

    assert [] == list(store.templates.iterdir())


def test_templates_of_an_earlier_state_of_the_image_go(spec: GuestSpec, site: Site, placed: Placed) -> None:
    """Not those of other guests on it, nor those of other images, nor what is in use."""

    def place(memory: int, identity: str, image: str = "win11.qcow2", unused: float = 0.0) -> Template:
        template = placed(spec.having(memory=memory))
        template.files.record.write_text(json.dumps({"files": {}, "image": image, "identity": identity}))
        os.utime(template.files.state, (time.time() - unused,) * 2)
        return template

    earlier, used = place(512, "earlier"), place(513, "earlier")
    other_guest, other_image = place(514, "now"), place(515, "earlier", "win10.qcow2")
    long_unused = place(516, "now", unused=8 * 86400)

    with open(used.files.disk, "rb"):
        templates.discard_superseded(site.store, place(517, "now", unused=8 * 86400))

    left = {path.name for path in site.store.templates.iterdir()}
    assert {earlier.key, long_unused.key}.isdisjoint(left)
    assert {used.key, other_guest.key, other_image.key} < left
    assert 4 == len(left)


def test_what_differs_from_another_is_of_no_use_once_that_is_made_anew(
    spec: GuestSpec, site: Site, placed: Placed
) -> None:
    parent = placed(spec)
    child = site.store.templates / "child"
    child.mkdir()
    for name in ("disk.qcow2", "state"):
        (child / name).write_bytes(b"x")
    record = {"files": {}, "parent": str(parent.files.path), "parent_identity": parent.identity}
    (child / "record.json").write_text(json.dumps(record))
    found = templates.find(site.store, "child")
    assert found is not None
    assert [found.key, parent.key] == [one.key for one in found.lineage]

    known = json.loads(parent.files.record.read_text())
    parent.files.record.write_text(json.dumps({**known, "created": 1.0}))
    assert None is templates.find(site.store, "child")
    templates.discard(site.store, parent.key)
    assert None is templates.find(site.store, "child")


def test_a_long_chain_is_found(spec: GuestSpec, site: Site, placed: Placed) -> None:
    older = placed(spec)
    for number in range(60):
        directory = site.store.templates / str(number)
        directory.mkdir()
        for name in ("disk.qcow2", "state"):
            (directory / name).write_bytes(b"x")
        record = {"files": {}, "parent": str(older.files.path), "parent_identity": older.identity, "created": number}
        (directory / "record.json").write_text(json.dumps(record))
        found = templates.find(site.store, str(number))
        assert found is not None
        older = found

    assert 61 == len(list(older.lineage))
