"""What the pool's tests share: a store, a golden image with nothing in it, and a program in QEMU's place."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Lines
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.pool import templates
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Template, TemplateFiles
from tests.guest.link.sshd import HOST_KEY, PASSWORD

ROOT = Path(__file__).parents[2]


@pytest.fixture
def said() -> list[str]:
    """What is told meanwhile."""
    return []


@pytest.fixture
def site(tmp_path: Path, said: list[str]) -> Site:
    """A store of its own, and a program that is there for a QEMU."""
    hypervisor = Hypervisor(sys.executable, "7.2.22", Accelerator("tcg", "Westmere", ""))
    return Site(Store.at(tmp_path / "store"), hypervisor, Lines(said.append))


@pytest.fixture
def store(site: Site) -> Store:
    """The site's."""
    return site.store


@pytest.fixture
def spec(tmp_path: Path) -> GuestSpec:
    """Wants for a guest on an empty disk."""
    image = tmp_path / "win11.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", image, "1M"], check=True)
    return GuestSpec(image=image, memory=256)


@pytest.fixture
def qemu() -> Iterator[subprocess.Popen[bytes]]:
    """A process that can be ended like a QEMU."""
    with subprocess.Popen(["sleep", "60"]) as child:
        yield child
        child.kill()


@pytest.fixture
def placed(site: Site) -> Callable[[GuestSpec], Template]:
    """Puts a template for a spec into the store, as whole as it must be to be found."""
    return partial(_placed, site)


def _placed(site: Site, spec: GuestSpec) -> Template:
    name = templates.key(spec, site.hypervisor)
    files = TemplateFiles(site.store.templates / name)
    files.path.mkdir()
    for file in (files.disk, files.variables, files.state, files.blank_disk, files.blank_variables):
        file.write_bytes(b"blank")
    record = {"files": {}, "host_key": HOST_KEY.asbytes().hex(), "image": str(spec.image), "memory": spec.memory}
    files.record.write_text(json.dumps(record))
    found = templates.find(site.store, name)
    assert found is not None
    return found


_STAND_IN = """#!{python}
import sys
sys.path.insert(0, {root!r})
from tests.pool.qemu_stand_in import main
main()
"""


@pytest.fixture
def inhabited(site: Site, tmp_path: Path) -> Site:
    """The site with a program in QEMU's place whose guests let in whoever has the password of `guest_spec`."""
    program = tmp_path / "qemu-system-x86_64"
    program.write_text(_STAND_IN.format(python=sys.executable, root=str(ROOT)), encoding="utf-8")
    program.chmod(0o755)
    return replace(site, hypervisor=replace(site.hypervisor, binary=str(program)))


@pytest.fixture
def guest_spec(spec: GuestSpec) -> GuestSpec:
    """Wants for a guest on that site."""
    return spec.having(ssh_password=PASSWORD, network="host")


@pytest.fixture
def template(inhabited: Site, guest_spec: GuestSpec) -> Template:
    """What its guests are made from."""
    return _placed(inhabited, guest_spec)
