"""The ini key ``smolvm_images``: golden images by name, and what guests on each need."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.spec import CHOICES
from pytest_smolvm.plugin.image_words import PRACTICE, images

KEY = "smolvm_images"
ALL = "all"
TAG = "tag:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
_FIRMWARE = {
    "uefi": {"firmware": "uefi", "secure_boot": False},
    "secure-boot": {"firmware": "uefi", "secure_boot": True},
    "bios": {"firmware": "bios", "secure_boot": False},
}
_FORM = "NAME = PATH [tags=A,B] [user=NAME] [password=$VARIABLE] [memory=MIB] [cpus=N] [bus=BUS] [firmware=FIRMWARE]"


@dataclass(frozen=True, eq=False)
class Row:
    """One image of the table."""

    path: Path | None
    """None: the practice image, which has no path yet."""
    tags: frozenset[str]
    wants: Mapping[str, Any]
    """What every guest on it is to be: fields of :class:`pytest_smolvm.GuestSpec`."""
    password: str
    """The environment variable that holds the account's; empty for the one that the run's settings say."""


def table(lines: Sequence[str], place: Callable[[str], Path]) -> dict[str, Row]:
    """The rows of the table by name, in the order in which they are written.

    :param lines: the table's.
    :param place: makes a path of what is written for one.
    :raises UsageError: a line makes no sense; the message quotes it.
    """
    rows: dict[str, Row] = {}
    for line in lines:
        try:
            name, row = _row(line, place)
        except UsageError as exc:
            raise UsageError(f"{KEY}: {line!r}: {exc}") from exc
        if name in rows:
            raise UsageError(f"{KEY}: two images are called {name!r}")
        rows[name] = row
    return rows


def chosen(words: Sequence[str], base: Path, table: Mapping[str, Row]) -> tuple[dict[str, Path | None], dict[str, Row]]:
    """The images that tests run on whose markers name none, and the table with the paths that were said anew.

    :param words: what the setting says.
    :param base: what relative paths are relative to.
    :raises UsageError: as :func:`images` does.
    """
    named = {word: table[word].path for word in words if word in table}
    said = images([word for word in words if word not in table], base)
    if twice := set(named) & set(said):
        raise UsageError(f"two images are called {min(twice)!r}; name them apart with NAME=PATH")
    rows = {name: replace(row, path=said.get(name, row.path)) for name, row in table.items()}
    return {**named, **said}, rows


def select(wanted: object, known: Mapping[str, frozenset[str]], who: str) -> list[str]:
    """The images that are meant, each once; those of ``all`` and of a tag in the table's order.

    :param wanted: a name, ``all``, ``tag:NAME``, or a list of these.
    :param known: the tags of each image.
    :param who: says it, for errors.
    :raises UsageError: it means no image.
    """
    words = [wanted] if isinstance(wanted, str) else wanted
    if not isinstance(words, Sequence) or not words or not all(isinstance(word, str) for word in words):
        raise UsageError(f"{who}: give names of images, 'all', or 'tag:NAME', not {wanted!r}")
    return list(dict.fromkeys(name for word in words for name in _meant(word, known, who)))


def _meant(word: str, known: Mapping[str, frozenset[str]], who: str) -> list[str]:
    if word == ALL:
        return list(known)
    if not word.startswith(TAG):
        if word not in known:
            raise UsageError(f"{who}: no image is called {word!r}; there are {', '.join(known)}")
        return [word]
    found = [name for name, tags in known.items() if word.removeprefix(TAG) in tags]
    if not found:
        tags = ", ".join(sorted(frozenset().union(*known.values()))) or "none"
        raise UsageError(f"{who}: no image has the tag {word.removeprefix(TAG)!r}; tags are {tags}")
    return found


def _row(line: str, place: Callable[[str], Path]) -> tuple[str, Row]:
    name, sign, rest = (part.strip() for part in line.partition("="))
    try:
        words = shlex.split(rest)
    except ValueError as exc:
        raise UsageError(f"{exc}") from exc
    if not sign or not _NAME.fullmatch(name) or not words or name == ALL:
        raise UsageError(f"expected {_FORM}")
    wants: dict[str, Any] = {}
    for word in words[1:]:
        column, sign, value = word.partition("=")
        if not sign or column not in _COLUMNS:
            raise UsageError(f"unknown column {column!r}; possible are {', '.join(_COLUMNS)}")
        if column in wants:
            raise UsageError(f"{column} is said twice")
        wants[column] = _COLUMNS[column](value)
    path = None if words[0] == PRACTICE else place(words[0])
    tags, password, firmware = wants.pop("tags", frozenset()), wants.pop("password", ""), wants.pop("firmware", {})
    if "user" in wants:
        wants["ssh_user"] = wants.pop("user")
    return name, Row(path, tags, {**wants, **firmware}, password)


def _tags(value: str) -> frozenset[str]:
    tags = value.split(",")
    if not all(map(_NAME.fullmatch, tags)):
        raise UsageError(f"tags={value}: tags are letters, digits, _ . and -, with commas between them")
    return frozenset(tags)


def _text(value: str) -> str:
    if not value:
        raise UsageError("user= has no value")
    return value


def _variable(value: str) -> str:
    found = _VARIABLE.fullmatch(value)
    if found is None:  # what was written may be a password: it is not repeated
        raise UsageError("password= names the environment variable that holds it, as password=$SRV_PASSWORD")
    return found.group(1)


def _number(value: str) -> int:
    if not value.isdecimal():
        raise UsageError(f"{value!r} is not a whole number")
    return int(value)


def _bus(value: str) -> str:
    if value not in CHOICES["bus"]:
        raise UsageError(f"bus={value} is not one of {', '.join(CHOICES['bus'])}")
    return value


def _firmware(value: str) -> dict[str, Any]:
    if value not in _FIRMWARE:
        raise UsageError(f"firmware={value} is not one of {', '.join(_FIRMWARE)}")
    return _FIRMWARE[value]


_COLUMNS: dict[str, Callable[[str], Any]] = {
    "tags": _tags,
    "user": _text,
    "password": _variable,
    "memory": _number,
    "cpus": _number,
    "bus": _bus,
    "firmware": _firmware,
}
