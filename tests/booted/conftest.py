"""What the tests on booted guests share: the image as a file, the store, and the proof that neither was harmed."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM, Window
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store, default_root
from pytest_smolvm.images.practice.build import practice_image
from pytest_smolvm.machine import hypervisor
from pytest_smolvm.plugin.image_words import images
from pytest_smolvm.pool.pool import Pool
from tests.booted.programs import Program

MEMORY = 1024
# What a run says when it begins to bake a template, and when it begins to wait for one.
BAKING = re.compile(r"baking the template of (\S+), once for this host \.\.\.$", re.MULTILINE)
WAITING = re.compile(r"waiting for process (\d+) to bake the template of \S+ \.\.\.$", re.MULTILINE)


@pytest.fixture(scope="session")
def store(request: pytest.FixtureRequest) -> Store:
    """The store this run uses."""
    return Store.at(Path(request.config.getoption("smolvm_store") or default_root()))


@pytest.fixture(scope="session")
def image(request: pytest.FixtureRequest, store: Store) -> Path:
    """The golden image as a file."""
    words = request.config.getoption("smolvm_image") or os.environ.get("SMOLVM_IMAGE", "").split(";")
    if not any(words):
        pytest.skip("no Windows image is configured: give --smolvm-image=practice")
    path = next(iter(images(words, request.config.invocation_params.dir).values()))
    return practice_image(store, Silent()) if path is None else path


@pytest.fixture(scope="session", autouse=True)
def golden_image_is_unchanged(request: pytest.FixtureRequest) -> Iterator[None]:
    """The golden image's digest is the same after all tests as before."""
    if not (request.config.getoption("smolvm_image") or os.environ.get("SMOLVM_IMAGE")):
        yield
        return
    path = request.getfixturevalue("image")
    before = _digest(path)
    yield
    assert before == _digest(path)


@pytest.fixture
def spec(image: Path) -> GuestSpec:
    """A clone of the practice image."""
    return GuestSpec(image=image, memory=MEMORY)


@pytest.fixture
def own_store(tmp_path: Path) -> Store:
    """A store of the test's own, for what would disturb others."""
    return Store.at(tmp_path / "store")


@pytest.fixture
def calm_store(tmp_path: Path, store: Store) -> Store:
    """A store with the templates of this run's, but with no guests of anybody else: for what is about room."""
    calm = Store.at(tmp_path / "store")
    for shared in ("templates", "locks", "owners"):  # the last, or who bakes there would count as dead here
        (calm.root / shared).rmdir()
        (calm.root / shared).symlink_to(store.root / shared)
    return calm


@pytest.fixture
def inner(pytester: pytest.Pytester, store: Store, image: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """pytester whose runs use the same store and image as this run."""
    monkeypatch.delenv("SMOLVM_REQUIRE", raising=False)
    monkeypatch.setenv("SMOLVM_HOME", str(store.root))
    monkeypatch.setenv("SMOLVM_IMAGE", str(image))
    monkeypatch.setenv("SMOLVM_MEMORY", str(MEMORY))
    return pytester


@pytest.fixture(scope="module")
def vm(request: pytest.FixtureRequest, windows_vm_module: SmolVM, tmp_path_factory: pytest.TempPathFactory) -> SmolVM:
    """A guest with the program that the module calls PROGRAM."""
    program: Program = request.module.PROGRAM
    program.install(windows_vm_module, tmp_path_factory.mktemp(program.name))
    return windows_vm_module


@pytest.fixture
def window(request: pytest.FixtureRequest, vm: SmolVM) -> Iterator[Window]:
    """The program's."""
    shown = vm.desktop.launch(request.module.PROGRAM.path)
    yield shown
    assert shown.spawned is not None
    shown.spawned.kill()


def guest_processes(place: Path) -> list[str]:
    """Command lines of QEMU and swtpm processes below `place`."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [
        line for line in listed if str(place) in line and line.split(" ")[0].endswith(("qemu-system-x86_64", "swtpm"))
    ]


def pool_on(store: Store, max_guests: int | None = None) -> Pool:
    """A pool that says nothing."""
    return Pool(store, hypervisor.find(store), Silent(), max_guests=max_guests)


def template_of(vm: SmolVM, store: Store) -> Path:
    """The directory of the template that a running guest is a clone of."""
    line = Path(f"/proc/{vm._running().machine.child.pid}/cmdline").read_text(encoding="utf-8")
    (template,) = (path for path in store.templates.iterdir() if f"{path}/" in line)
    return template


def overlay(path: Path, backing: Path) -> Path:
    """An image of its own, though all that is in it is the other's."""
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", "qcow2", path], check=True)
    return path


@contextmanager
def tmpfs(place: Path, mebibytes: int) -> Iterator[Path]:
    """A file system of this size in a new directory; it takes root."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0700,size={mebibytes}M", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def linux(program: str, arguments: str) -> str:
    """PowerShell that starts a program of the practice guest's Linux in its own directory: wine takes it by such a path."""
    return rf"""
$program = New-Object Diagnostics.ProcessStartInfo '\\?\unix\{program}', '{arguments}'
$program.WorkingDirectory = (Get-Location).ProviderPath
$program.UseShellExecute = $false
[void][Diagnostics.Process]::Start($program)
"""


def in_linux(vm: SmolVM, script: str) -> None:
    """Run a script of the practice guest's Linux to its end; there is room for telling that even if no more is."""
    begun = linux(r"bin\sh", f'-c "> begun; {script} && mv begun done"')
    vm.run("Set-Location C:\\Users\\smolvm\n" + begun, check=True)
    vm.wait_for_file(r"C:\Users\smolvm\done", timeout=120)


def fill_guest(vm: SmolVM, *sizes: str) -> None:
    """Take all of a guest's disk but for less than the last of these sizes; nothing is written, as that takes long.

    Twice, since what was deleted shortly before is free only once the file system has written its journal.

    :param sizes: fallocate's, the largest first.
    """
    fill = f"for s in {' '.join(sizes)}; do while /usr/bin/fallocate -l $s full$n; do n=$((n+1)); done; done"
    take = f"n=0; {fill}; /usr/bin/sync; {fill}; true"
    in_linux(vm, take)


def kill_every_powershell(vm: SmolVM) -> None:
    """End all powershell.exe of a guest, its resident too."""
    while vm.run("taskkill /f /im powershell.exe", shell="cmd").exit_code == 0:
        pass  # wine's ends one at a time


def _digest(path: Path) -> str:
    with open(path, "rb") as image:
        return hashlib.file_digest(image, "sha256").hexdigest()
