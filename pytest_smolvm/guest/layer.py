"""What is put on top of a golden image once, for all tests that want it: a function that prepares a guest."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import UsageError


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
    def digest(self) -> str:
        """Changes with the function's code, the content of the files, the version, and all of that of its parent.

        :raises UsageError: a file cannot be read.
        """
        parts = [self.parent.digest if self.parent else "", inspect.getsource(self.prepare), repr(self.version)]
        return hashlib.sha256(json.dumps([*parts, *map(_content, self.files)]).encode()).hexdigest()

    def __call__(self, vm: Any) -> object:
        """Prepare another guest in the same way."""
        return self.prepare(vm)


def windows_layer(
    parent: Layer | None = None, files: Sequence[str | os.PathLike[str]] = (), version: object = 1
) -> Callable[[Callable[[Any], object]], Layer]:
    """Make a layer of the function that is decorated: it is run in a guest once per host, and what comes of it is kept.

    It runs again when its code, the content of `files`, `version`, its parent or the image change.

    :param parent: the layer that it builds on.
    :param files: what it takes into the guest; relative paths begin where the function's own file is.
    :param version: anything with a repr: to be changed when something changes that nobody can see from here.
    :raises UsageError: the function is a lambda, or uses variables of one around it, whose values nobody can see.
    """
    if parent is not None and not isinstance(parent, Layer):
        raise UsageError(f"parent={parent!r} is no layer: decorate it with @windows_layer()")

    def decorate(prepare: Callable[[Any], object]) -> Layer:
        if not inspect.isfunction(prepare) or prepare.__name__ == "<lambda>" or prepare.__closure__:
            raise UsageError(
                f"{prepare!r} cannot be a layer: give a function with a name that uses no variables of one around it, "
                "since a layer is made anew when its code changes"
            )
        here = Path(inspect.getsourcefile(prepare) or ".").absolute().parent
        return Layer(prepare, parent, tuple(here / file for file in files), version)

    return decorate


def _content(path: Path) -> str:
    """A file's, or that of all files in a directory by name."""
    try:
        if path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file())
            return json.dumps([[str(file.relative_to(path)), _content(file)] for file in inside])
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise UsageError(f"files= of a layer: {path} cannot be read: {exc.strerror}") from exc
