"""A store that is full."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_smolvm.errors import BootError, StoreError
from pytest_smolvm.host.store import Store


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
