"""Where an image is to be: the place for it, had to oneself while it is made."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from pytest_smolvm.errors import StoreError, UsageError
from pytest_smolvm.host.locks import LockBusy, exclusive
from pytest_smolvm.host.store import Store


@contextmanager
def claimed(output: Path, store: Store, *, replace: bool) -> Iterator[None]:
    """Have an output to oneself for the length of the block.

    :param replace: it may exist.
    :raises UsageError: it exists, its directory does not, or somebody else is making it.
    :raises StoreError: the directory may not be written.
    """
    output = output.expanduser().absolute()
    _check(output, replace)
    # In the store, since a lock file must outlive its use and would be litter beside the image.
    lock = store.lock(f"build-{blake2b(os.fsencode(output.resolve()), digest_size=12).hexdigest()}")
    try:
        with exclusive(lock, timeout=0):
            _check(output, replace)  # once more: another build may have finished meanwhile
            yield
    except LockBusy as exc:
        raise UsageError(
            f"another build is making {output} ({exc.holder}); wait for it or choose another output"
        ) from exc


def _check(output: Path, replace: bool) -> None:
    if output.is_dir():
        raise UsageError(f"{output} is a directory; --output names the image file to make")
    if not output.parent.is_dir():
        raise UsageError(f"the directory {output.parent} for the image does not exist; create it first")
    if not os.access(output.parent, os.W_OK | os.X_OK):
        raise StoreError(f"the directory {output.parent} cannot be written by you; choose another --output")
    if output.exists() and not replace:
        raise UsageError(f"{output} exists; choose another --output, or replace it with --force")
