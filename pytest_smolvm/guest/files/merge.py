"""Putting a tree that has arrived whole in its place: all of it or nothing, beside what is there already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from pytest_smolvm.errors import TransferError


class Side(Protocol):
    """Where it happens: the guest or this host."""

    def kinds(self, directory: str) -> Mapping[str, bool] | None:
        """Whether each name in it is a directory; None if there is no such directory."""

    def same(self, name: str) -> str:
        """A key under which two names meet that are one here."""

    def join(self, directory: str, name: str) -> str:
        """The path of something in a directory."""

    def has(self, path: str) -> bool:
        """Whether something is there."""

    def move(self, source: str, target: str) -> None:
        """Rename; nothing is at `target`."""


class Step(NamedTuple):
    """One renaming."""

    source: str
    target: str


@dataclass(frozen=True)
class _Move:
    source: str
    target: str
    replaces: bool


def put_in_place(side: Side, staged: str, target: str, attic: str, steps: list[Step]) -> None:
    """Move the directory `staged` to `target`; into it, file by file, where it exists.

    :param attic: an empty directory, for the files that were replaced.
    :param steps: empty; gets every step before it is made. What is in it after a failure is still to be undone.
    :raises TransferError: a file is in the way of a directory or the reverse, or something could not be moved; all is
        as it was before.
    """
    try:
        for number, move in enumerate(list(_plan(side, staged, target))):
            if move.replaces:
                _make(side, Step(move.target, side.join(attic, str(number))), steps)
            _make(side, Step(move.source, move.target), steps)
    except BaseException:
        undo(side, steps)
        raise


def undo(side: Side, steps: list[Step]) -> None:
    """Undo `steps`, the last first, and empty the list; of the last it may be unknown whether it was made."""
    while steps:
        step = steps[-1]
        if side.has(step.target) and not side.has(step.source):
            side.move(step.target, step.source)
        steps.pop()


def _make(side: Side, step: Step, steps: list[Step]) -> None:
    steps.append(step)
    side.move(step.source, step.target)


def _plan(side: Side, staged: str, target: str) -> Iterator[_Move]:
    present = side.kinds(target)
    if present is None:
        yield _Move(staged, target, False)
        return
    here = {side.same(name): name for name in present}
    for name, is_directory in (side.kinds(staged) or {}).items():
        source, there = side.join(staged, name), here.get(side.same(name))
        if there is None:
            yield _Move(source, side.join(target, name), False)
        elif is_directory != present[there]:
            raise TransferError(
                f"{side.join(target, there)} is {'a directory' if present[there] else 'a file'}, "
                f"but {name} to be put there is not"
            )
        elif is_directory:
            yield from _plan(side, source, side.join(target, there))
        else:
            yield _Move(source, side.join(target, there), True)
