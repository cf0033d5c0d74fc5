"""Snapshots: states of a guest that its test may come back to, for as long as it has the guest."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.commands.resident import Endpoint
from pytest_smolvm.host import clock, use
from pytest_smolvm.pool.freezing import frozen
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Template

_LONGEST_NAME = 100


def check_name(name: str) -> None:
    """Do nothing if what is frozen may be called `name`.

    :raises UsageError: it may not.
    """
    legal = isinstance(name, str) and name.strip() == name and name.isprintable()
    if not legal or not 1 <= len(name) <= _LONGEST_NAME:
        raise UsageError(
            f"name={name!r}: a snapshot's name is 1 to {_LONGEST_NAME} printable characters, no space around them"
        )


@dataclass(frozen=True)
class Snapshot:
    """A state of a guest that it can be reverted to."""

    name: str
    parent: str | None
    """The snapshot that the guest had come from; None if it had come from none."""
    created: float
    """Seconds since 1970."""
    size: int
    """Bytes that it takes in the store."""


@dataclass(frozen=True)
class _State:
    name: str
    """Empty for one that nobody but its maker knows of."""
    created: float
    size: int
    template: Template


class Snapshots:
    """The snapshots of one guest and of those that take its place. Nothing of them is left when it is closed.

    :param site: where its guests are made.
    """

    def __init__(self, site: Site) -> None:
        self._store = site.store
        self._life = ExitStack()
        self._place = self._life.enter_context(site.store.run_directory())
        self._numbers = count(1)
        self._states: list[_State] = []
        self._made: list[Template] = []
        """Those of which there is something left on disk."""
        self._held: set[Path] = set()

    def all(self) -> list[Snapshot]:
        """Those that have a name, in the order in which they were taken."""
        names = {state.template: state.name for state in self._states if state.name}
        return [
            Snapshot(
                state.name,
                next((names[older] for older in list(state.template.lineage)[1:] if older in names), None),
                state.created,
                state.size,
            )
            for state in self._states
            if state.name
        ]

    def find(self, name: str) -> Template:
        """What the snapshot called `name` is.

        :raises UsageError: there is none.
        """
        return self._named(name).template

    def check_new(self, name: str) -> None:
        """Do nothing if a snapshot may be called `name`.

        :raises UsageError: it may not, or one is.
        """
        check_name(name)
        if any(state.name == name for state in self._states):
            raise UsageError(f"there is a snapshot {name!r} already; delete_snapshot({name!r}) removes it")

    def take(self, name: str, guest: RunningGuest, resident: Callable[[], Endpoint | None]) -> Template:
        """Freeze what the guest is now; it goes on.

        :param name: empty for one that :meth:`all` does not list.
        :param resident: says which processes of its resident PowerShell nobody uses.
        :raises StoreError: the store's file system is full, or has no hard links.
        :raises SmolVMError: as :func:`pytest_smolvm.pool.freezing.frozen` does.
        """
        self._hold(guest.origin)
        with self._store.full_disk_told():
            template = frozen(guest, self._place / str(next(self._numbers)), resident)
        self._made.append(template)
        self._states.append(_State(name, clock.utc(), _size(template.files.path), template))
        return template

    def delete(self, name: str, guest: RunningGuest | None) -> None:
        """Forget a snapshot; those that were taken later of guests that came from it stay.

        :param guest: the guest that there is now, which may need it still.
        :raises UsageError: there is none of that name.
        """
        self.forget(self._named(name).template, guest)

    def forget(self, template: Template, guest: RunningGuest | None) -> None:
        """Forget a snapshot, named or not."""
        self._states = [state for state in self._states if state.template != template]
        living = [state.template for state in self._states]
        users = [*living, guest.origin] if guest is not None and guest.origin is not None else living
        needed = {older for user in users for older in user.lineage}
        bases = {user.memory for user in users}
        for made in tuple(self._made):
            if made not in needed:
                shutil.rmtree(made.files.path, ignore_errors=True)
                self._made.remove(made)
            elif made not in living:
                _strip(made, bases)

    def close(self) -> None:
        """Remove all of them; the guest has ended."""
        self._life.close()

    def _named(self, name: str) -> _State:
        found = next((state for state in self._states if state.name and state.name == name), None)
        if found is None:
            others = ", ".join(repr(state.name) for state in self._states if state.name)
            raise UsageError(f"there is no snapshot {name!r}; there {f'are {others}' if others else 'is none at all'}")
        return found

    def _hold(self, origin: Template | None) -> None:
        """Have the store's template and layers of all these be in use, also while no guest runs, as when it reverts."""
        lineage = list(origin.lineage) if origin is not None else []
        for file in [one.files.state for one in lineage if one not in self._made]:
            if file not in self._held:
                self._life.enter_context(use.held(file))
                self._held.add(file)


def _strip(template: Template, bases: set[Path]) -> None:
    """Remove what only a guest that is restored needs: others are based on its disk, and perhaps on its memory."""
    for file in template.files.path.iterdir():
        if file not in (template.files.disk, template.files.variables, *bases):
            file.unlink()


def _size(directory: Path) -> int:
    return sum(file.stat().st_blocks * 512 for file in directory.iterdir())
