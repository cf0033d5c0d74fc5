"""Golden images as settings name them: paths, names with paths, names in the table, and the practice image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pytest_smolvm.errors import UsageError

PRACTICE = "practice"


def images(words: Sequence[str], base: Path) -> dict[str, Path | None]:
    """Names and paths out of ``PATH``, ``NAME=PATH`` and ``practice``.

    :param base: what relative paths are relative to.
    :raises UsageError: a name twice, or an empty one.
    """
    found: dict[str, Path | None] = {}
    for word in words:
        name, path = _named(word, base)
        if name in found:
            raise UsageError(f"two images are called {name!r}; name them apart with NAME=PATH")
        found[name] = path
    return found


def _named(word: str, base: Path) -> tuple[str, Path | None]:
    """An image's name and path."""
    name, sign, path = word.partition("=")
    if word == PRACTICE:
        return PRACTICE, None
    # A path may have the sign in it, as /builds/branch=main/win11.qcow2: it is one if it is there, or begins like one.
    if word and (not sign or "/" in name or absolute(word, base).exists()):
        return Path(word).stem, absolute(word, base)
    if not name or not path:
        raise UsageError(f"image {word!r}: expected a path, NAME=PATH or '{PRACTICE}'")
    return name, absolute(path, base)


def absolute(text: str, base: Path) -> Path:
    """A path that means the same file wherever the process goes.

    :raises UsageError: it begins with a home directory that is not known.
    """
    try:
        return base / Path(text).expanduser()
    except RuntimeError as exc:
        raise UsageError(f"{text!r}: {exc}; give a path without ~") from exc
