"""Secrets: texts that are used, and shown by nothing that shows what a program is doing.

pytest prints the arguments of the function that failed, with ``--showlocals`` the variables of every function on the
way there, and other tools the same; so whoever holds a secret holds it wrapped, or drops the frames that cannot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import fields
from functools import wraps
from typing import Any, TypeVar

_Class = TypeVar("_Class", bound=type)


class Secret(str):
    """A text that no traceback shows."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def masked(value: Any) -> Any:
    """`value`, shown by no repr: a text, or a mapping's texts; anything else is as it was.

    For the first line of a function that takes a secret: ``password = masked(password)``.
    """
    if isinstance(value, str):
        return Secret(value)
    if isinstance(value, Mapping):
        return {name: masked(inner) for name, inner in value.items()}
    return value


def masked_but(shown: Collection[str], values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values, masked but for those with these names."""
    return {name: value if name in shown else masked(value) for name, value in values.items()}


def masks_secrets(cls: _Class) -> _Class:
    """Have a dataclass's constructor, whose arguments a traceback may show, mask what its repr does not show."""
    constructor: Any = cls.__init__  # type: ignore[misc]
    shown = {field.name for field in fields(cls) if field.repr}

    @wraps(constructor)
    def masking(self: Any, **values: Any) -> None:
        values = masked_but(shown, values)
        constructor(self, **values)

    cls.__init__ = masking  # type: ignore[misc]
    return cls


class unseen(AbstractContextManager[None]):  # noqa: N801 - it is used like a function
    """What is raised in the block comes without the frames below it, in its causes too: they hold a secret."""

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        while exc is not None:
            exc.__traceback__ = None
            exc = exc.__cause__ or exc.__context__
