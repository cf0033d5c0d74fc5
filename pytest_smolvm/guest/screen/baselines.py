"""What a screen or a window is expected to look like, kept in files beside the tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.errors import ScreenMismatch, UsageError
from pytest_smolvm.guest.screen import pictures

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass
class Baselines:
    """Where baselines are, and what becomes of pictures that do not match them."""

    directory: Callable[[], Path] = Path
    """Gives what names are relative to: the directory of the test that runs, or else the current one."""
    update: bool = False
    """Write what is seen as the new baseline, instead of failing: of pictures."""
    results: Callable[[], Path] | None = None
    """Gives an existing directory for pictures of what differs; None: where the baseline is."""
    update_trees: bool = False
    """Write the trees of windows that are seen."""

    def path(self, name: str) -> Path:
        """The baseline called `name`.

        :raises UsageError: it is not the name of a PNG file.
        """
        if not name.endswith(".png"):
            raise UsageError(f"{name!r} is no name of a baseline: it must end in .png")
        return self.directory() / name

    def find(self, name: str | os.PathLike[str]) -> Path:
        """Any file that is kept with them."""
        return self.directory() / name

    def write(self, path: Path, picture: Image) -> None:
        """Make a picture the baseline."""
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)

    def mismatch(self, path: Path, seen: Image | None, share: float, max_diff: float) -> ScreenMismatch:
        """The error for a screen that does not match, with the pictures that tell why.

        :param seen: the screen as it was last, masked as the baseline is for the comparison.
        :param share: how many pixels differ, from 0.0 to 1.0.
        """
        if not path.exists():
            return ScreenMismatch(f"there is no baseline {path}; --smolvm-update-screens writes it")
        baseline = pictures.of_file(path)
        if seen is None or baseline.size != seen.size:
            is_now = "no picture at all" if seen is None else "{}x{}".format(*seen.size)
            what = "has {}x{} pixels, the screen {}".format(*baseline.size, is_now)
        else:
            what = f"differs from the screen in {share:.3%} of its pixels, and {max_diff:.3%} may"
        return ScreenMismatch(f"{path} {what}; {self._kept(path, seen, baseline)}")

    def _kept(self, path: Path, seen: Image | None, baseline: Image) -> str:
        """Keep the pictures of a mismatch; says where they are, or why they are not."""
        if seen is None:
            return "nothing was kept"
        kept = {"actual": seen, "expected": baseline}
        if seen.size == baseline.size:
            kept["diff"] = pictures.shown(seen, pictures.difference(seen, baseline))
        try:
            place = self.results() if self.results is not None else path.parent
            files = {what: place / f"{path.stem}-{what}.png" for what in kept}
            for what, file in files.items():
                kept[what].save(file)
        except OSError as exc:
            return f"its pictures could not be kept: {exc}"
        return "see " + ", ".join(map(str, files.values()))
