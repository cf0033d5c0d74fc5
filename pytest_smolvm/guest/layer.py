"""What is put on top of a golden image once, for all tests that want it: a function that prepares a guest."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath
from types import CodeType
from typing import Any

from pytest_smolvm.errors import UsageError
from pytest_smolvm.host import digest

_PLAIN = (str, bytes, int, float, bool, type(None), PurePath)


@dataclass(frozen=True)
class Layer:
    """A guest as a function leaves it; what :func:`windows_layer` makes of that function."""

    prepare: Callable[[Any], object]
    """Is given the guest."""
    parent: Layer | None
    """What it finds in it; None is the golden image."""
    files: tuple[Path, ...]
    version: object

    @property
    def name(self) -> str:
        """The function's."""
        return self.prepare.__qualname__

    @property
    def lineage(self) -> Iterator[Layer]:
        """It, its parent, and so on.

        :raises UsageError: they go round in a circle.
        """
        met: list[Layer] = []
        layer: Layer | None = self
        while layer is not None:
            if any(layer is other for other in met):
                raise UsageError(f"layers that build on each other: {' on '.join(one.name for one in [*met, layer])}")
            met.append(layer)
            yield layer
            layer = layer.parent

    @property
    def digest(self) -> str:
        """Changes with the function's code, the constants in it, the content of the files, the version, the parent.

        :raises UsageError: a file cannot be read, or layers go round in a circle.
        """
        return hashlib.sha256(json.dumps([layer._own() for layer in self.lineage]).encode()).hexdigest()

    def __call__(self, vm: Any) -> object:
        """Prepare another guest in the same way."""
        return self.prepare(vm)

    def _own(self) -> list[str]:
        code = [inspect.getsource(self.prepare), *_constants(self.prepare), repr(self.version)]
        return [*code, *map(_content, self.files)]


def windows_layer(
    parent: Layer | None = None, files: Sequence[str | os.PathLike[str]] = (), version: object = 1
) -> Callable[[Callable[[Any], object]], Layer]:
    """Make a layer of the function that is decorated: it is run in a guest once per host, and what comes of it is kept.

    It runs again when its code, constants that this names, the content of `files`, `version`, its parent or the image
    change.

    :param parent: the layer that it builds on.
    :param files: what it takes into the guest; relative paths begin where the function's own file is.
    :param version: anything with a repr: to be changed when something changes that nobody can see from here.
    :raises UsageError: the function is a lambda, or uses variables of one around it that are no constants.
    """
    if parent is not None and not isinstance(parent, Layer):
        raise UsageError(f"parent={parent!r} is no layer: decorate it with @windows_layer()")
    if isinstance(files, (str, bytes, os.PathLike)):
        raise UsageError(f"files={files!r}: give a list of paths")

    def decorate(prepare: Callable[[Any], object]) -> Layer:
        if why := _unfit(prepare):
            raise UsageError(
                f"{prepare!r} cannot be a layer, which is made anew when its code changes: {why}; give a function "
                "with a name that takes the guest"
            )
        here = Path(inspect.getsourcefile(prepare) or ".").absolute().parent
        return Layer(prepare, parent, tuple(here / file for file in files), version)

    return decorate


def _unfit(prepare: Callable[[Any], object]) -> str:
    """Why nobody could tell whether a function has changed; empty if one can."""
    if not inspect.isfunction(prepare):
        return "it is no function"
    if prepare.__name__ == "<lambda>":
        return "its line may hold others"
    for name, cell in zip(prepare.__code__.co_freevars, prepare.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:
            return f"the variable {name} around it has no value yet"
        if not _is_plain(value):
            return f"the variable {name} around it is {type(value).__name__}, and only text, numbers and paths are seen"
    try:
        inspect.getsource(prepare)
    except (OSError, TypeError):
        return "its source is in no file"
    return ""


def _constants(prepare: Callable[[Any], object]) -> list[str]:
    """The text, numbers and paths that a function names: of its module, of functions around it, and its defaults."""
    assert inspect.isfunction(prepare)
    free = zip(prepare.__code__.co_freevars, prepare.__closure__ or (), strict=True)
    around = {name: cell.cell_contents for name, cell in free}
    named = {name: prepare.__globals__[name] for name in _names(prepare.__code__) if name in prepare.__globals__}
    defaults = [*enumerate(prepare.__defaults__ or ()), *(prepare.__kwdefaults__ or {}).items()]
    found = [*named.items(), *around.items(), *defaults]
    return [f"{name}={value!r}" for name, value in found if _is_plain(value)]


def _names(code: CodeType) -> list[str]:
    """What a function's code names, and that of functions in it."""
    inside = [name for const in code.co_consts if isinstance(const, CodeType) for name in _names(const)]
    return sorted({*code.co_names, *inside})


def _is_plain(value: object) -> bool:
    return all(map(_is_plain, value)) if isinstance(value, tuple) else isinstance(value, _PLAIN)


def _content(path: Path) -> str:
    """A file's, or that of all files in a directory by name."""
    try:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file())
            return json.dumps([[str(file.relative_to(path)), _content(file)] for file in inside])
        stat = path.stat()
        return _digest(path, (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    except OSError as exc:
        raise UsageError(f"files= of a layer: {path} cannot be read: {exc.strerror}") from exc


@lru_cache(maxsize=1024)
def _digest(path: Path, mark: tuple[int, ...]) -> str:  # noqa: ARG001  # each test asks, and installers are large
    return digest.of_file(path)
