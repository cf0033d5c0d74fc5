"""What is done to a guest, told to whoever listens: by tables of methods, which themselves know nothing of it."""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from itertools import islice, repeat
from pathlib import PurePath
from typing import Any, Protocol, TypeVar

from pytest_smolvm.host import clock
from pytest_smolvm.host.secret import Secret

_Class = TypeVar("_Class", bound=type)

AROUND, AFTER, NEVER = "around", "after", ""
"""When the screen is worth a picture: before a step and after it, after it, or not at all."""
_SHOWN = 120  # characters of an argument
_OF_GUESTS = {
    "files": (
        *("upload_file", "upload_dir", "download_file", "download_dir"),
        *("write_text", "write_bytes", "read_text", "read_bytes", "mkdir", "remove"),
    ),
    "state": ("reboot", "shutdown", "revert", "snapshot", "delete_snapshot", "freeze"),
    "run": ("spawn",),
}
"""The guest object's methods that are told, by kind; what `run` runs is told by its history, with what came of it."""
_HIDDEN = {
    ("files", "write_text"): "text",
    ("screen", "type"): "text",
    ("desktop", "set_text"): "text",
    ("desktop", "launch"): "args",
    ("run", "spawn"): "program",
}
"""Parameters, by kind and method, that may well be a secret: of what goes into files, of what is typed where nobody
knows what it is typed into, and of what programs are told, as with `run`, there is the size only."""


@dataclass(eq=False)
class Deed:
    """Something that is done to a guest."""

    kind: str
    """``run``, ``files``, ``state``, ``screen`` or ``desktop``."""
    what: str
    """As a line of Python, without what no traceback shows either."""
    sees: str = NEVER
    """When the screen is worth a picture."""
    arguments: Mapping[str, object] = field(default_factory=dict, repr=False)
    began: float = 0.0
    """Seconds since 1970."""
    seconds: float = 0.0
    """How long it took, once it is over."""
    error: str = ""
    """What it raised."""
    details: dict[str, Any] = field(default_factory=dict)
    """What else is known of it, by name."""


class Hearer(Protocol):
    """Is told of each step, in the thread that takes it. It must not raise anything."""

    def begins(self, step: Deed) -> None:
        """It is about to begin."""

    def ends(self, step: Deed) -> None:
        """It is over, well or not."""


class Trail:
    """What is done to one guest. Of a step in a step only the whole is told. Safe with several threads."""

    def __init__(self) -> None:
        self._listeners: tuple[Hearer, ...] = ()
        self._current = threading.local()

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    @contextmanager
    def listening(self, listener: Hearer) -> Iterator[None]:
        """A block in which somebody is told."""
        self._listeners = (*self._listeners, listener)
        try:
            yield
        finally:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """What this thread does in the block is told to nobody."""
        before, self._current.step = self._under_way, Deed("", "")
        try:
            yield
        finally:
            self._current.step = before

    @contextmanager
    def step(
        self, kind: str, what: str, sees: str = NEVER, arguments: Mapping[str, object] | None = None
    ) -> Iterator[Deed]:
        """The block is a step; the caller may add to its details."""
        step = Deed(kind, what, sees, arguments or {})
        listeners = () if self._under_way else self._listeners
        if not listeners:
            yield step
            return
        for listener in listeners:
            listener.begins(step)
        self._current.step = step
        step.began, started = clock.utc(), clock.now()
        try:
            yield step
        except BaseException as exc:
            step.error = f"{type(exc).__name__}: {exc}"
            raise
        finally:
            step.seconds = clock.now() - started
            self._current.step = None
            for listener in listeners:
                listener.ends(step)

    @property
    def _under_way(self) -> Deed | None:
        """This thread's."""
        return getattr(self._current, "step", None)

    def tell(self, kind: str, what: str) -> None:
        """Something has happened by itself, perhaps in the middle of a step."""
        deed = Deed(kind, what, began=clock.utc())
        for listener in self._listeners:
            listener.begins(deed)
            listener.ends(deed)

    def note(self, **details: object) -> None:
        """Add something to the step that is under way in this thread, if one is; it replaces what has the same name."""
        if self._under_way is not None:
            self._under_way.details.update(details)


def tells(
    kind: str,
    where: Callable[[Any], Any],
    subject: Callable[[Any], str],
    *,
    acts: Iterable[str] = (),
    waits: Iterable[str] = (),
) -> Callable[[_Class], _Class]:
    """Decorate a class: these methods of it are told.

    :param where: gives an object's :class:`Trail`.
    :param subject: gives what an object is called.
    :param acts: those that change what is on the screen.
    :param waits: those that wait for something to be on it.
    """

    def decorate(cls: _Class) -> _Class:
        for names, sees in ((acts, AROUND), (waits, AFTER)):
            for name in names:
                # Of a base class's methods this class gets one that tells, and the base stays as it is.
                setattr(cls, name, _telling(getattr(cls, name), kind, where, subject, sees))
        return cls

    return decorate


def tell_of_guest(cls: type) -> None:
    """Have those methods of a class of guests' methods told that are in the table."""
    for kind, names in _OF_GUESTS.items():
        for name in names:
            if name in vars(cls):
                setattr(cls, name, _telling(vars(cls)[name], kind, lambda guest: guest.trail, lambda _: "vm", NEVER))


def _telling(
    method: Callable[..., Any], kind: str, where: Callable[[Any], Any], subject: Callable[[Any], str], sees: str
) -> Callable[..., Any]:
    signature = inspect.signature(method)

    @wraps(method)
    def telling(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # of no interest to whoever looks for what has failed
        trail: Trail = where(self)
        if not trail.heard:
            return method(self, *args, **kwargs)
        try:
            bound = signature.bind(self, *args, **kwargs).arguments
        except TypeError:
            return method(self, *args, **kwargs)  # which says so itself
        hidden = _HIDDEN.get((kind, method.__name__))
        named = [*zip(_positional(signature), args, strict=False), *kwargs.items()]
        texts = [_sized(value) if name == hidden else shown(value) for name, value in named]
        words = [
            *texts[: len(args)],
            *(f"{name}={text}" for name, text in zip(kwargs, texts[len(args) :], strict=True)),
        ]
        with trail.step(kind, f"{subject(self)}.{method.__name__}({', '.join(words)})", sees, bound):
            return method(self, *args, **kwargs)

    return telling


def _positional(signature: inspect.Signature) -> Iterator[str]:
    """What positional arguments are for, by name; without the object itself."""
    for parameter in islice(signature.parameters.values(), 1, None):
        if parameter.kind is parameter.VAR_POSITIONAL:
            yield from repeat(parameter.name)
        yield parameter.name


def _sized(value: object) -> str:
    """What may be a secret; of a program's words all but the first, its name."""
    if isinstance(value, str):
        return f"<{len(value)} characters>"
    if isinstance(value, (list, tuple)) and value:
        return f"[{shown(value[0])}, <{len(value) - 1} more>]" if len(value) > 1 else shown(value)
    return shown(value)


def shown(value: object) -> str:
    """An argument, shortened; of what is data its size, of variables their names."""
    if isinstance(value, Secret):
        return repr(value)  # a part of one is none
    if isinstance(value, (bytes, bytearray)):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name!r}: ..." for name in value) + "}"
    if isinstance(value, str) and len(value) > _SHOWN:
        value = value[:_SHOWN] + "..."
    text = repr(os.fspath(value) if isinstance(value, PurePath) else value)
    return text if len(text) <= 2 * _SHOWN else text[: 2 * _SHOWN] + "..."
