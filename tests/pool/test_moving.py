"""Templates and layers on their way to another host: what arrives, and what is refused with which reason."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm import windows_layer
from pytest_smolvm.errors import HostError, ImageError, StoreError, UsageError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import proc, sparse
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import disk, firmware, machine, qemu
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.pool import archive, layers, moving, templates
from pytest_smolvm.pool.archive import Moved
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Shape, Template, TemplateFiles

MEMORY_BYTES = 64 * 2**20


@windows_layer()
def app(vm: Any) -> None:
    """What is done to the guest is up to each test."""


@windows_layer(parent=app)
def configured(vm: Any) -> None:
    """Likewise."""


@pytest.fixture
def elsewhere(site: Site, tmp_path: Path) -> Site:
    """Another host: another store, and otherwise the same."""
    return replace(site, store=Store.at(tmp_path / "elsewhere"))


@pytest.fixture
def root(site: Site, spec: GuestSpec) -> Template:
    """A template as whole as one without a system in it can be."""
    return made_root(site, spec, b"root's pages")


@pytest.fixture
def chain(site: Site, spec: GuestSpec, root: Template) -> list[Template]:
    """It, and two layers, one on the other."""
    first = made_layer(site, spec.having(layer=app), root, root)
    return [root, first, made_layer(site, spec.having(layer=configured), first, root)]


@pytest.fixture
def sent(site: Site, chain: list[Template], tmp_path: Path) -> Path:
    """An archive of them."""
    path = tmp_path / "configured.tar"
    moving.send(chain[-1], site, path)
    return path


def made_root(site: Site, spec: GuestSpec, pages: bytes) -> Template:
    files = TemplateFiles(site.store.templates / templates.key(spec, site.hypervisor))
    files.path.mkdir()
    disk.overlay(spec.image, files.disk)
    machine.blank_variables(site.hypervisor.config(spec.hardware, files.disk), files)
    templates.make_blanks(files, files)
    return noted(files, spec, pages, {})


def made_layer(site: Site, spec: GuestSpec, parent: Template, base: Template) -> Template:
    assert spec.layer is not None
    files = TemplateFiles(site.store.templates / layers.key(spec, templates.key(spec, site.hypervisor)))
    files.path.mkdir()
    for blank, overlay in ((parent.files.blank_disk, files.disk), (parent.files.blank_variables, files.variables)):
        overlay.write_bytes(blank.read_bytes())
    templates.make_blanks(files, files)
    about = {
        "layer": spec.layer.name,
        "digest": spec.layer.digest,
        "network": spec.network,
        "parent": os.fspath(parent.files.path),
        "parent_identity": parent.identity,
        "base": os.fspath(base.files.memory),
    }
    return noted(files, spec, spec.layer.name.encode(), about)


def noted(files: TemplateFiles, spec: GuestSpec, pages: bytes, about: dict[str, Any]) -> Template:
    with open(files.memory, "wb") as memory:
        memory.truncate(MEMORY_BYTES)
        memory.seek(MEMORY_BYTES // 2)
        memory.write(pages)
    files.state.write_bytes(b"devices of " + pages)
    record = {
        "files": {file.name: templates.fingerprint(file) for file in files.path.iterdir()},
        "image": os.fspath(spec.image),
        "identity": disk.identity(spec.image),
        "memory": spec.memory,
        "shape": asdict(Shape.of(spec)),
        **about,
    }
    files.record.write_text(json.dumps(record))
    found = templates.at(files.path)
    assert found is not None
    return found


def chain_of(template: Template) -> list[Template]:
    return list(reversed(list(template.lineage)))


def test_what_arrives_is_what_guests_there_begin_with(
    sent: Path, chain: list[Template], elsewhere: Site, spec: GuestSpec
) -> None:
    arrived = moving.receive(sent, elsewhere)

    wanted = spec.having(layer=configured)
    assert layers.key(wanted, templates.key(wanted, elsewhere.hypervisor)) == arrived.key
    assert 3 == len(chain_of(arrived)) == len(list(elsewhere.store.templates.iterdir()))
    for here, there in zip(chain, chain_of(arrived), strict=True):
        assert elsewhere.store.templates == there.files.path.parent
        for file in (here.files.memory, here.files.state):
            assert file.read_bytes() == (there.files.path / file.name).read_bytes()
        assert there.files.memory.stat().st_blocks * 512 < 2**20
        assert not [file for file in there.files.path.iterdir() if file.stat().st_mode & 0o077]
    disks = [one.files.disk for one in chain_of(arrived)]
    assert (disks[1], disks[0], spec.image) == disk.bases(arrived.files.disk)
    assert disks[2] == disk.base(arrived.files.blank_disk)
    assert chain_of(arrived)[0].files.memory == arrived.memory
    assert elsewhere.store.templates in disk.base(arrived.files.variables).parents


def test_an_archive_is_its_owners_and_no_larger_than_what_is_in_it(sent: Path) -> None:
    assert 0o600 == sent.stat().st_mode & 0o777
    assert sent.stat().st_size < 3 * 2**20
    assert [sent] == list(sent.parent.glob("*configured*"))


def test_what_was_received_can_be_sent_on_and_is_known_where_it_comes_from(
    sent: Path, site: Site, elsewhere: Site, chain: list[Template], tmp_path: Path
) -> None:
    moving.send(moving.receive(sent, elsewhere), elsewhere, tmp_path / "on.tar")
    third = replace(site, store=Store.at(tmp_path / "third"))

    assert 3 == len(chain_of(moving.receive(tmp_path / "on.tar", third)))
    templates.discard(site.store, chain[-1].key)
    back = moving.receive(tmp_path / "on.tar", site)
    assert chain[:2] == chain_of(back)[:2]
    assert 3 == len(list(site.store.templates.iterdir()))


def test_what_this_host_has_made_itself_stays(
    sent: Path, chain: list[Template], site: Site, elsewhere: Site, spec: GuestSpec, tmp_path: Path, said: list[str]
) -> None:
    own = made_root(elsewhere, spec, b"other pages")
    arrived = moving.receive(sent, elsewhere)

    assert own.key == chain[0].key
    assert own.intact
    assert own.key not in {one.key for one in arrived.lineage}
    assert b"root's pages" in arrived.memory.read_bytes()
    assert 4 == len(list(elsewhere.store.templates.iterdir()))

    sibling = tmp_path / "app.tar"
    moving.send(chain[1], site, sibling)
    assert list(arrived.lineage)[1] == moving.receive(sibling, elsewhere)
    assert said[-1].endswith("the layer app is here already, and stays as it is")
    moving.send(chain[0], site, tmp_path / "root.tar")
    assert own == moving.receive(tmp_path / "root.tar", elsewhere)
    assert 4 == len(list(elsewhere.store.templates.iterdir()))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"version": "8.2.2"}, "QEMU: 7.2.22 there, 8.2.2 here"),
        ({"tpm": "swtpm 0.8"}, "swtpm: none there, swtpm 0.8 here"),
        ({"accelerator": Accelerator("tcg", "qemu64", "")}, "machine: Westmere there, qemu64 here"),
        ({"accelerator": Accelerator("kvm", "host", "")}, "accelerator: tcg there, kvm here"),
    ],
)
def test_another_host_is_refused_with_what_differs(
    sent: Path, elsewhere: Site, change: dict[str, Any], why: str
) -> None:
    other = replace(elsewhere, hypervisor=replace(elsewhere.hypervisor, **change))

    with pytest.raises(HostError, match=rf"only on a host like its own:\n(.*\n)*  {why}"):
        moving.receive(sent, other)
    assert [] == list(elsewhere.store.templates.iterdir())


def test_another_machine_or_firmware_is_refused(
    sent: Path, elsewhere: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        command = qemu.command
        patch.setattr(qemu, "command", lambda *words, **fds: [*command(*words, **fds), "-device", "edu"])
        with pytest.raises(HostError, match="machine: nothing more there, edu here"):
            moving.receive(sent, elsewhere)

    found = firmware.find()
    (tmp_path / "code").write_bytes(found.code.read_bytes() + b"x")
    monkeypatch.setattr(firmware, "find", lambda **_: replace(found, code=tmp_path / "code"))
    with pytest.raises(HostError, match=r"firmware: [0-9a-f]{64} there, [0-9a-f]{64} here"):
        moving.receive(sent, elsewhere)


@pytest.mark.parametrize("changed", ["model", "flags"])
def test_under_kvm_the_processors_family_counts(
    site: Site, elsewhere: Site, spec: GuestSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str
) -> None:
    hypervisor = replace(site.hypervisor, accelerator=Accelerator("kvm", "host", ""))
    kvm = [replace(one, hypervisor=hypervisor) for one in (site, elsewhere)]
    processor = {"vendor_id": "GenuineIntel", "model": "85", "flags": "sse aes", "microcode": "1"}
    monkeypatch.setattr(proc, "processor", lambda: processor)
    moving.send(made_root(kvm[0], spec, b"pages"), kvm[0], tmp_path / "root.tar")
    monkeypatch.setattr(proc, "processor", lambda: {**processor, changed: "other"})

    with pytest.raises(HostError, match=r"processor: .* there, .*other here"):
        moving.receive(tmp_path / "root.tar", kvm[1])
    monkeypatch.setattr(proc, "processor", lambda: {**processor, "microcode": "2"})
    assert templates.key(spec, kvm[1].hypervisor) == moving.receive(tmp_path / "root.tar", kvm[1]).key


def test_the_image_must_be_here_and_the_same(sent: Path, elsewhere: Site, spec: GuestSpec, tmp_path: Path) -> None:
    whole, moved = spec.image.read_bytes(), tmp_path / "elsewhere.qcow2"
    spec.image.rename(moved)
    with pytest.raises(ImageError, match=rf"its golden image is not at {spec.image} or .*; name it with --image"):
        moving.receive(sent, elsewhere)

    spec.image.write_bytes(whole + b"more")
    with pytest.raises(ImageError, match=r"another image than .*: their contents differ"):
        moving.receive(sent, elsewhere)
    assert [] == list(elsewhere.store.templates.iterdir())

    arrived = moving.receive(sent, elsewhere, moved)
    wanted = spec.having(image=moved, layer=configured)
    assert layers.key(wanted, templates.key(wanted, elsewhere.hypervisor)) == arrived.key
    assert moved == disk.bases(arrived.files.disk)[-1]


def flipped(path: Path, place: bytes) -> None:
    data = bytearray(path.read_bytes())
    data[data.index(place)] ^= 1
    path.write_bytes(data)


HARM: dict[str, Callable[[Path], object]] = {
    "is damaged, or no archive of a snapshot": lambda path: path.write_bytes(b"no tar at all"),
    "is damaged, or no archive": lambda path: os.truncate(path, 100),
    "is damaged": lambda path: os.truncate(path, path.stat().st_size // 2),
    "the checksum of its manifest does not match": lambda path: flipped(path, b'"host"'),
    "is damaged, at .*/memory: a checksum does not match": lambda path: flipped(path, b"configured\0"),
    "is damaged, at .*/state: a checksum does not match": lambda path: flipped(path, b"devices of app"),
    "the archive .* cannot be read: No such file": lambda path: path.unlink(),
}


@pytest.mark.parametrize("why", HARM)
def test_a_damaged_archive_leaves_nothing_half_made(sent: Path, elsewhere: Site, why: str) -> None:
    HARM[why](sent)

    with pytest.raises(UsageError, match=why):
        moving.receive(sent, elsewhere)

    assert all(templates.at(path) is not None for path in elsewhere.store.templates.iterdir())
    assert [] == [path for path in elsewhere.store.templates.iterdir() if path.name.startswith(".")]


def test_other_formats_and_names_that_lead_elsewhere(
    tmp_path: Path, elsewhere: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("..", "../x", "a/b"):
        path = tmp_path / f"{len(name)}.tar"
        with archive.created(path) as writer:
            writer.describe([Moved(name, "", {}, {})], {})
        with pytest.raises(UsageError, match="is no name"):
            moving.receive(path, elsewhere)

    later = tmp_path / "later.tar"
    with archive.created(later) as writer:
        writer.describe([], {"format": 2})
    with pytest.raises(UsageError, match="has the format 2, and this pytest-smolvm reads 1"):
        moving.receive(later, elsewhere)


def test_what_is_interrupted_leaves_nothing(sent: Path, site: Site, elsewhere: Site, chain: list[Template]) -> None:
    class Interrupted(Silent):
        def started(self, phase: str) -> None:
            if phase == "unpacking the layer configured":
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moving.receive(sent, replace(elsewhere, progress=Interrupted()))
    left = {path.name for path in elsewhere.store.templates.iterdir()}
    assert {one.key for one in chain[:2]} == left

    with pytest.raises(KeyboardInterrupt), archive.created(sent.parent / "half.tar") as writer:
        writer.add("state", chain[0].files.state, sparse.content(chain[0].files.state))
        raise KeyboardInterrupt
    assert [] == list(sent.parent.glob("*half*"))


def test_what_cannot_be_sent(sent: Path, site: Site, spec: GuestSpec, chain: list[Template], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"configured\.tar is there already"):
        moving.send(chain[-1], site, sent)
    with pytest.raises(StoreError, match="cannot be written: No such file"):
        moving.send(chain[-1], site, tmp_path / "none" / "x.tar")
    other = replace(site, hypervisor=replace(site.hypervisor, version="8.2.2"))
    with pytest.raises(UsageError, match="of another QEMU or firmware"):
        moving.send(chain[-1], other, tmp_path / "x.tar")
    spec.image.write_bytes(spec.image.read_bytes() + b"more")
    with pytest.raises(UsageError, match="of another state of its image"):
        moving.send(chain[-1], site, tmp_path / "x.tar")
    older = {name: value for name, value in chain[0].record.items() if name != "shape"}
    chain[0].files.record.write_text(json.dumps(older))
    with pytest.raises(UsageError, match="another version of pytest-smolvm has made it"):
        moving.send(chain[0], site, tmp_path / "x.tar")
    assert not (tmp_path / "x.tar").exists()
