"""A store that is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_smolvm.errors import BootError, StoreError
from pytest_smolvm.host.store import Store, default_root


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Store:
    return Store.at(tmp_path / "store")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_says_so(store: Store, code: int) -> None:
    with pytest.raises(StoreError, match="prune"), store.full_disk_told():
        raise OSError(code, os.strerror(code))


def test_what_fails_on_a_full_disk_fails_for_that_reason(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)

    with pytest.raises(StoreError, match="is full") as caught, store.full_disk_told():
        raise BootError("process", "QEMU ended")

    assert isinstance(caught.value.__cause__, BootError)


@pytest.mark.parametrize(
    "error", [BootError("disk", "nothing to boot"), PermissionError(errno.EACCES, "no"), StoreError("read-only")]
)
def test_other_errors_stay_what_they_are(store: Store, error: Exception) -> None:
    with pytest.raises(type(error)) as caught, store.full_disk_told():
        raise error

    assert error is caught.value
    assert not list(store.root.glob("tmp*"))


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_store_that_others_may_write_to_is_refused(tmp_path: Path, mode: int) -> None:
    """They could put device states there that our QEMU loads."""
    root = tmp_path / "store"
    root.mkdir()
    root.chmod(mode)

    with pytest.raises(StoreError, match=f"others may write to {root}.*chmod"):
        Store.at(root)


def test_a_part_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    part = Store.at(tmp_path).templates
    part.chmod(0o777)

    with pytest.raises(StoreError, match=f"others may write to {part}"):
        Store.at(tmp_path)


def test_a_group_of_ones_own_is_nobody_else(tmp_path: Path) -> None:
    """As umask 002 gives it where every user has a group of his own."""
    root = tmp_path / "store"
    root.mkdir()
    root.chmod(0o775)

    if root.stat().st_gid == os.getuid():
        Store.at(root)


@pytest.mark.skipif(os.geteuid() != 0, reason="changing an owner needs root")
@pytest.mark.parametrize("part", [".", "templates"])
def test_a_store_of_somebody_else_is_refused(tmp_path: Path, part: str) -> None:
    Store.at(tmp_path / "store")
    os.chown(tmp_path / "store" / part, 65534, 65534)

    with pytest.raises(StoreError, match=r"belongs to another user.*SMOLVM_STORE"):
        Store.at(tmp_path / "store")


def test_a_home_that_cannot_be_found_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as a number without a name."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)

    for name in ("SMOLVM_STORE", "SMOLVM_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    with pytest.raises(StoreError, match="--smolvm-store"):
        default_root()
    monkeypatch.setenv("SMOLVM_STORE", "/srv/s")
    assert default_root() == Path("/srv/s")


def test_what_cannot_be_cleared_is_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.at(tmp_path)
    dead = store.leases / "smolvm-00000000-1-0123456789abcdef.01234567"
    dead.touch()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(Path, "unlink", refuse)

    assert 0 == store.reap()
    assert dead.exists()


def test_a_store_whose_path_is_no_text_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff"))

    with pytest.raises(StoreError, match=r"b\\udcff', is no UTF-8"):
        Store.at(root)
    assert [] == os.listdir(tmp_path)
