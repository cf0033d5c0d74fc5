"""Making a template, or a layer, once per host: by one process, the others wait for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pytest_smolvm.host import records
from pytest_smolvm.host.locks import exclusive
from pytest_smolvm.host.store import Store
from pytest_smolvm.pool import lessons, templates
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.templates import Template


def made(
    name: str,
    site: Site,
    make: Callable[[], Template],
    *,
    while_waiting: Callable[[str], AbstractContextManager[None]],
    instead_of: Template | None = None,
    run: str = "",
) -> Template:
    """What is called `name` in the store, made first if this host has none.

    :param make: makes it.
    :param while_waiting: says for whom it is waited.
    :param instead_of: one that could not be restored. It is removed, unless somebody has made another since.
    :param run: the test run that this process is a part of, if what failed in it before is not to be tried again.
    :raises SmolVMError: as `make` does, or did in the process that was waited for.
    """
    found = templates.find(site.store, name)
    if found is not None and found != instead_of:
        return found
    lock = site.store.lock(f"template-{name}")
    failed_before = lessons.last(lock)
    with exclusive(lock, while_waiting=while_waiting):
        found = templates.find(site.store, name)  # the one we waited for
        if found is None or found == instead_of:
            lessons.check(lock, failed_before, run)  # while we waited
            templates.discard(site.store, name)
            with lessons.told(lock, run):
                found = make()
            templates.discard_superseded(site.store, found)
        return found


@contextmanager
def aside(final: Path, store: Store) -> Iterator[Path]:
    """A place for what is to have the name `final` once it is whole; what was begun there goes if the block fails.

    :raises StoreError: the store's file system is full.
    """
    place = store.aside(final)
    try:
        yield place
        with store.full_disk_told():
            for file in place.iterdir():
                records.flush(file)  # a power cut must not leave one that only looks whole
            place.rename(final)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise
