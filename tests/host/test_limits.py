"""What a container may use of its host."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_smolvm.host import limits, proc

GIB = 2**30


@pytest.fixture(name="host", autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One with 256 GiB, of which 200 are free, and 64 processors."""
    monkeypatch.setattr(proc, "memory_mib", lambda: (256 * 1024, 200 * 1024))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)))
    monkeypatch.setattr(proc, "cgroups", list)
    limits.groups.cache_clear()
    yield
    limits.groups.cache_clear()


def groups(monkeypatch: pytest.MonkeyPatch, place: Path, name: str, root: str = "/", version: int = 2) -> None:
    """Control groups as a container finds them."""
    kinds = [""] if version == 2 else ["memory", "cpu"]
    monkeypatch.setattr(proc, "cgroups", lambda: [(["pids"], "/x"), (kinds, name)])
    monkeypatch.setattr(proc, "cgroup_mounts", lambda _: [(root, place)])


def write(directory: Path, **files: object) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (directory / name.replace("__", ".")).write_text(f"{content}\n", encoding="ascii")


def test_a_host_without_limits() -> None:
    assert (256 * 1024, 200 * 1024) == limits.memory_mib()
    assert 64 == limits.processors()


def test_the_processors_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `taskset -c 3`."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3})

    assert 1 == limits.processors()


@pytest.mark.parametrize("name", ["/", "/docker/0123"])
def test_a_container_sees_its_own_group_as_the_topmost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    write(tmp_path, memory__max=8 * GIB, memory__current=3 * GIB, memory__stat=f"file 9\ninactive_file {GIB}")
    write(tmp_path, cpu__max="150000 100000")
    groups(monkeypatch, tmp_path, name)

    assert (8 * 1024, 6 * 1024) == limits.memory_mib()
    assert 2 == limits.processors()


def test_the_narrowest_of_the_groups_above_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path / "user", memory__max=4 * GIB, memory__current=GIB, cpu__max="max 100000")
    write(tmp_path / "user/test", memory__max="max", memory__current=0, cpu__max="max 100000")
    groups(monkeypatch, tmp_path, "/user/test")

    assert (4 * 1024, 3 * 1024) == limits.memory_mib()
    assert 64 == limits.processors()


def test_the_first_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path, memory__limit_in_bytes=2**63 - 4096, memory__usage_in_bytes=GIB)
    write(tmp_path / "test", memory__limit_in_bytes=6 * GIB, memory__usage_in_bytes=2 * GIB)
    write(tmp_path / "test", memory__stat=f"inactive_file 0\ntotal_inactive_file {GIB}")
    write(tmp_path / "test", cpu__cfs_quota_us=300000, cpu__cfs_period_us=100000)
    groups(monkeypatch, tmp_path, "/docker/0123/test", root="/docker/0123", version=1)

    assert (6 * 1024, 5 * 1024) == limits.memory_mib()
    assert 3 == limits.processors()


def test_no_quota_in_the_first_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path, cpu__cfs_quota_us=-1, cpu__cfs_period_us=100000)
    groups(monkeypatch, tmp_path, "/", version=1)

    assert 64 == limits.processors()


def test_what_a_file_system_in_ram_takes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(proc, "file_system", lambda path: path.name)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_blocks=8192, f_bfree=2048, f_frsize=4096))

    assert 24 == limits.in_ram_mib(tmp_path / "tmpfs")
    assert 0 == limits.in_ram_mib(tmp_path / "ext4")


def test_a_group_that_is_full(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write(tmp_path, memory__max=GIB, memory__current=GIB + 4096)
    groups(monkeypatch, tmp_path, "/")

    assert (1024, 0) == limits.memory_mib()
