"""The images that somebody has named: what each is, and what a guest on it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.spec import CHOICES, DEFAULT_MEMORY, hidden
from pytest_smolvm.host import records
from pytest_smolvm.host.progress import Progress, Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice.recipe import MEMORY as PRACTICE_MEMORY

HARDWARE = frozenset({"memory", "bus", "firmware"})
"""What an image's record may say of the computer."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """A golden image."""

    name: str
    """What tests call it."""
    path: Path
    """The qcow2 file."""
    record: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What is written beside it: what it was made of and what its guests need; empty if nothing is."""

    @classmethod
    def at(cls, path: Path, name: str = "") -> Image:
        """The image in the file `path`, which need not be there.

        Where that is a link, the record may be beside what it leads to.

        :param name: what tests call it; empty takes the file's.
        """
        record = records.read(records.beside(path)) or records.read(records.beside(path.resolve()))
        return cls(name=name or path.stem, path=path, record=record or {})

    @property
    def memory(self) -> int:
        """MiB of RAM for a guest of whom nobody says otherwise."""
        memory = self._said("guest").get("memory")
        return memory if isinstance(memory, int) else DEFAULT_MEMORY

    @property
    def wants(self) -> dict[str, Any]:
        """What a guest is of whom nobody says otherwise: keywords of :class:`GuestSpec`."""
        found: dict[str, Any] = {"memory": self.memory}
        for said, key, want in _WANTS:
            value = self._said(said).get(key)
            if isinstance(value, str) and value and value in (CHOICES.get(want) or (value,)):
                found[want] = value
        return hidden(found)

    @property
    def hardware(self) -> dict[str, Any]:
        """The computer among these wants, without the account."""
        return {want: value for want, value in self.wants.items() if want in HARDWARE}

    def _said(self, about: str) -> Mapping[str, Any]:
        said = self.record.get(about)
        return said if isinstance(said, dict) else {}


# Where a record says what of its guests, and what we call it.
_WANTS = (
    ("guest", "bus", "bus"),
    ("guest", "firmware", "firmware"),
    ("account", "user", "ssh_user"),
    ("account", "password", "ssh_password"),
)


class Catalog:
    """The images of a run by name.

    :param paths: their files; the practice image has none before it is made.
    :param store: gives the store to make it in.
    """

    def __init__(
        self, paths: Mapping[str, Path | None], store: Callable[[], Store], progress: Progress = Silent()
    ) -> None:
        self._paths = paths
        self._store = store
        self._progress = progress
        self._found: dict[str, Image] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __getitem__(self, name: str) -> Image:
        """The image called `name`; the practice image is made first if it is not there yet, which takes minutes.

        :raises UsageError: no image has that name.
        :raises HostError: the practice image cannot be made here.
        """
        if name not in self._paths:
            known = ", ".join(self._paths) or "none"
            raise UsageError(f"no image is called {name!r}; configured are: {known} (--smolvm-image=NAME=PATH)")
        if name not in self._found:
            self._found[name] = Image.at(self._paths[name] or self._practice(), name)
        return self._found[name]

    def memory(self, name: str) -> int:
        """MiB of RAM for a guest on an image of whom nobody says otherwise. The image need not be made for that."""
        return PRACTICE_MEMORY if self._paths[name] is None else self[name].memory

    def made(self, name: str) -> bool:
        """Whether the image called `name` can be had without making it first, for all that is known here."""
        return name in self._found or self._paths.get(name) is not None

    def _practice(self) -> Path:
        from pytest_smolvm.images.practice.build import practice_image  # here: it brings much along, and is rarely made

        return practice_image(self._store(), self._progress)
