"""The tree of a window that is kept in a file beside a test."""

from __future__ import annotations

import difflib

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.screen.baselines import Baselines

# Half of a surrogate pair may be in a text of Windows, and has no encoding otherwise.
_ERRORS = "surrogatepass"


class KeptTree:
    """A baseline of a tree.

    :param name: its file's.
    :raises UsageError: that is not the name of a YAML file.
    """

    def __init__(self, baselines: Baselines, name: str) -> None:
        if not name.endswith((".yaml", ".yml")):
            raise UsageError(f"{name!r} is no name of a tree: it must end in .yaml")
        self._path = baselines.find(name)

    def text(self) -> str | None:
        """What is kept; None if nothing is yet."""
        try:
            return self._path.read_text(encoding="utf-8", errors=_ERRORS).removesuffix("\n")
        except FileNotFoundError:
            return None

    def write(self, tree: str) -> None:
        """Keep a tree."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(f"{tree}\n", encoding="utf-8", errors=_ERRORS, newline="\n")

    def difference(self, seen: str) -> str:
        """What is other than in the file, in words and in lines."""
        kept = self.text()
        if kept is None:
            return f"there is no {self._path}; --smolvm-update-trees writes it"
        lines = difflib.unified_diff(kept.splitlines(), seen.splitlines(), self._path.name, "seen", lineterm="")
        return "\n".join([f"it is not as {self._path} has it:", *lines])
