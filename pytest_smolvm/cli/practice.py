"""``pytest-smolvm practice``: the practice image."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from pytest_smolvm.cli import command
from pytest_smolvm.cli.command import file, option
from pytest_smolvm.host.progress import Lines

if TYPE_CHECKING:
    from pytest_smolvm.cli.command import Commands

_OPTIONS = (
    file("--powershell", "use this official PowerShell win-x64 archive instead of our host", metavar="ARCHIVE"),
    file("--output", "where to put it (default: the store, as image 'practice')"),
    option("--mirror", "Debian mirror (default: the host's, or mmdebstrap's)", metavar="URL"),
)


def add_commands(commands: Commands) -> None:
    """Add the commands."""
    own = command.add_group(commands, "practice", "the practice image: a stand-in for Windows that anyone may build")
    command.add(own, "build", "build it from Debian's packages", _build, *_OPTIONS)


def _build(options: Namespace) -> int:
    from pytest_smolvm.images.practice.build import practice_image
    from pytest_smolvm.images.practice.recipe import PracticeRecipe

    recipe = PracticeRecipe(powershell=options.powershell, mirror=options.mirror)
    print(practice_image(command.store(options), Lines(command.say), recipe, options.output))
    return 0
