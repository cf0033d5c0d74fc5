"""The table of claims on this host's memory: one empty file each, whose name says everything.

Looking is listing one directory, and a change is one rename: nobody ever sees half a claim, and a full disk leaves
none.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Container, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from pytest_smolvm.host import owner, proc
from pytest_smolvm.host.liveness import owner_of
from pytest_smolvm.host.store import Store

HELD = "held"
SPARE = "spare"
"""Nobody's yet: a real request may take its memory."""
WAITING = "waiting"
"""Not granted yet."""
_SAYS = re.compile(rf"({HELD}|{SPARE}|{WAITING})_(\d+)_(\d+)_(\d+)_([0-9a-f-]*)")


@dataclass(frozen=True)
class Claim:
    """What a claim's file name says."""

    id: str
    """Begins the name, and tells the owner."""
    state: str
    memory: int
    """MiB."""
    thread: int
    """The thread of its owner that asked."""
    ticket: int = 0
    """Its place in the queue, if it is waiting: the lowest is served first. What is asked for at once has one
    ticket."""
    qemu: str = ""
    """QEMU's process, once it runs; see :mod:`pytest_smolvm.host.owner`."""

    @property
    def name(self) -> str:
        """The file's name."""
        return f"{self.id}.{self.state}_{self.memory}_{self.thread}_{self.ticket}_{self.qemu}"

    @cached_property
    def owner(self) -> str:
        """Its owner's token."""
        return self.id.partition(".")[0]

    @property
    def asker(self) -> tuple[str, int]:
        """Who can do nothing else while he waits."""
        return self.owner, self.thread

    @property
    def untouched(self) -> int:
        """MiB that its guest may still take, for all that is known here."""
        pid = owner.pid(self.qemu) if owner.alive(self.qemu) else None
        return self.memory if pid is None else max(0, self.memory - proc.private_mib(pid))


@dataclass(frozen=True)
class Standing:
    """The claims of living processes, as they stand at one moment."""

    held: list[Claim]
    """What has been granted, spares among it."""
    waiting: list[Claim]


class Claims:
    """The claims of one store. Whoever changes any holds the table's lock."""

    def __init__(self, store: Store) -> None:
        self._directory = store.leases
        self._owners = store.owners
        self.lock = store.lock("leases")
        self._known: dict[str, Claim | None] = {}  # as it was last looked at: what a name says never changes

    def new(self, state: str, memory: int) -> Claim:
        """A claim of the calling thread, which is not in the table yet."""
        return Claim(self._owners.new_name(), state, memory, threading.get_native_id())

    def standing(self, but: Container[str] = ()) -> Standing:
        """Those of living processes on this host.

        :param but: ids of claims that are left out.
        """
        known = self._known
        self._known = {name: known.get(name) or _read(name) for name in os.listdir(self._directory)}
        found = [claim for claim in self._known.values() if claim is not None and claim.id not in but]
        if dead := {token for token in {claim.owner for claim in found} if not self._counts(token)}:
            found = [claim for claim in found if claim.owner not in dead]
        waiting = [claim for claim in found if claim.state == WAITING]
        return Standing([claim for claim in found if claim.state != WAITING] if waiting else found, waiting)

    def find(self, identity: str) -> Claim | None:
        """The claim of this id, None if it is gone."""
        return next(
            filter(None, (_read(name) for name in os.listdir(self._directory) if name.startswith(identity))), None
        )

    def put(self, claim: Claim, before: Claim | None = None) -> Claim:
        """Put a claim into the table, or in the place of what it was before.

        :raises OSError: the store cannot be written.
        """
        if before is None:
            self._path(claim).touch(mode=0o600)
        elif before != claim:
            self._path(before).rename(self._path(claim))
        return claim

    def remove(self, claims: Iterable[Claim]) -> None:
        """Take claims out of the table; what is not in it is no matter."""
        for claim in claims:
            self._path(claim).unlink(missing_ok=True)

    def _path(self, claim: Claim) -> Path:
        return self._directory / claim.name

    def _counts(self, token: str) -> bool:
        return self._owners.here(token) and self._owners.alive(token)


def granted(claim: Claim) -> Claim:
    """The claim once it is granted, or a spare's once somebody has it."""
    return replace(claim, state=HELD, ticket=0)


def _read(name: str) -> Claim | None:
    token, _, rest = name.partition(".")
    number, _, says = rest.partition(".")
    found = _SAYS.fullmatch(says)
    if found is None or owner_of(Path(name)) is None:
        return None
    state, memory, thread, ticket, qemu = found.groups()
    return Claim(f"{token}.{number}", state, int(memory), int(thread), int(ticket), qemu)
