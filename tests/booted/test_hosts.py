"""Hosts that lack something: firmware, a TPM, memory, room in the store. Each is said once, and nothing is left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import StoreError
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.programs import require
from pytest_smolvm.host.store import Store
from tests.booted.conftest import MEMORY, guest_processes, pool_on, template_of, tmpfs

TEST = "def test_guest(windows_vm): pass\n"
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


def test_no_firmware(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    masks = inner.path / "config/qemu/firmware"
    masks.mkdir(parents=True)
    for place in (Path("/usr/share/qemu/firmware"), Path("/etc/qemu/firmware")):
        for descriptor in place.glob("*.json"):
            (masks / descriptor.name).touch()  # hides it (QEMU's docs/interop/firmware.json)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(inner.path / "config"))
    inner.makepyfile(TEST)

    result = inner.runpytest_subprocess("-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*no UEFI firmware * on Debian or Ubuntu: apt-get install ovmf*"])


def test_no_tpm(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = inner.mkdir("tools")
    for tool in ("qemu-system-x86_64", "qemu-img"):
        (tools / tool).symlink_to(require(tool, tool))
    monkeypatch.setenv("PATH", str(tools))
    inner.makepyfile(TEST)

    result = inner.runpytest_subprocess("-rs")

    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*swtpm is not installed; on Debian or Ubuntu: apt-get install swtpm*"])


def test_a_user_without_privileges(inner: pytest.Pytester) -> None:
    """Who owns the store and has no other right: nothing in it may only work for root."""
    inner.makepyfile("def test_guest(windows_vm): assert 0 == windows_vm.run('ver', shell='cmd').exit_code\n")
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--"] if os.geteuid() == 0 else []

    result = inner.run(*bare, sys.executable, "-m", "pytest", "--smolvm-boot=clone")

    result.assert_outcomes(passed=1)


@AS_ROOT
def test_too_little_memory_is_free(inner: pytest.Pytester) -> None:
    table = Path("/proc/meminfo").read_text(encoding="ascii").splitlines(keepends=True)
    scarce = inner.path / "meminfo"
    scarce.write_text(
        "".join(f"MemAvailable: {300 * 1024} kB\n" if line.startswith("MemAvailable:") else line for line in table)
    )
    inner.makepyfile(TEST)
    store = inner.mkdir("store")  # in which no guest runs whose end could be waited for

    result = inner.run(
        *("unshare", "--mount", "sh", "-c", 'mount --bind meminfo /proc/meminfo && exec "$@"', "sh"),
        *(sys.executable, "-m", "pytest", f"--smolvm-store={store}"),
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*CapacityError: 1 guest of * MiB cannot start: only 300 of this host's * MiB are free*"]
    )
    assert [] == list((store / "leases").iterdir())


@contextmanager
def small(place: Path, mebibytes: int) -> Iterator[Store]:
    """A store on a file system of this size, in which nothing may be left but templates."""
    with tmpfs(place, mebibytes):
        store = Store.at(place)
        yield store
        assert [] == guest_processes(place)
        assert [] == [*store.runs.iterdir(), *store.leases.iterdir()]
        assert not any(map(store.is_aside, store.templates.iterdir()))


@AS_ROOT
def test_the_store_fills_up_while_a_template_is_baked(image: Path, tmp_path: Path) -> None:
    with small(tmp_path / "small", 200) as store:
        with (
            pytest.raises(StoreError, match="is full; pytest-smolvm prune"),
            SmolVM(image=image, pool=pool_on(store), memory=MEMORY),
        ):
            pass
        assert [] == list(store.templates.iterdir())


@AS_ROOT
def test_the_store_is_full_when_a_clone_is_asked_for(store: Store, image: Path, tmp_path: Path) -> None:
    spec = GuestSpec(image=image, memory=MEMORY)
    with SmolVM.of(spec, pool_on(store)) as vm:
        template = template_of(vm, store)

    with small(tmp_path / "small", 3000) as full:
        subprocess.run(["cp", "-a", "--sparse=always", template, full.templates], check=True)
        fill(full.root / "filling")

        with pytest.raises(StoreError, match="is full; pytest-smolvm prune"), SmolVM.of(spec, pool_on(full)):
            pass

        (full.root / "filling").unlink()
        with SmolVM.of(spec, pool_on(full)) as vm:  # the template is as good as before
            assert 0 == vm.run("ver", shell="cmd").exit_code


def fill(path: Path) -> None:
    with open(path, "wb") as file, pytest.raises(OSError, match="No space left"):
        while True:
            file.write(bytes(2**20))
