"""Programs of ours for the desktop: they print what reaches them, and that is what tests believe."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm import SmolVM, Window


@dataclass(frozen=True)
class Program:
    """One of those beside this file."""

    name: str
    libraries: tuple[str, ...] = ()
    """What its compiler is told to link, besides."""

    @property
    def path(self) -> str:
        """Where it is in a guest."""
        return rf"C:\T\{self.name}.exe"

    def install(self, vm: SmolVM, scratch: Path) -> None:
        """Put it into a guest."""
        source = Path(__file__).with_name(f"{self.name}.c")
        vm.upload_file(compiled(source, scratch, *self.libraries), self.path)


def compiled(source: Path, directory: Path, *libraries: str) -> Path:
    """A program for Windows, out of a file of C."""
    program = directory / f"{source.stem}.exe"
    words: list[str | Path] = ["x86_64-w64-mingw32-gcc", "-O1", "-s", "-mwindows", source, "-o", program, *libraries]
    subprocess.run(words, check=True)
    return program


def told(window: Window) -> list[str]:
    """What has reached a program, a line each: a number of a control and what happened."""
    assert window.spawned is not None
    return window.spawned.stdout.splitlines()
