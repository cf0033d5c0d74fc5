"""The practice image: anyone may build it in minutes, and it is real where this project's code touches it."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from pytest_smolvm.errors import UsageError
from pytest_smolvm.host import records
from pytest_smolvm.host.locks import LockBusy, exclusive
from pytest_smolvm.host.programs import require
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice.image import make_image, note, publish, remove_scratch
from pytest_smolvm.images.practice.kernel import check_stub
from pytest_smolvm.images.practice.powershell import check_powershell, make_powershell, powershell_key
from pytest_smolvm.images.practice.recipe import PracticeRecipe, key
from pytest_smolvm.images.practice.root import make_root, root_key
from pytest_smolvm.images.practice.steps import Steps, note_use, remove_old, remove_unused
from pytest_smolvm.images.practice.tools import make_tools, tools_key

__all__ = ["PracticeRecipe", "build", "clear", "key", "practice_image"]

_PROGRAMS = {
    "gcc": "gcc",
    "x86_64-w64-mingw32-gcc": "gcc-mingw-w64-x86-64-win32",
    "mmdebstrap": "mmdebstrap",
    "objcopy": "binutils",
    "sfdisk": "fdisk",
    "mkfs.vfat": "dosfstools",
    "mcopy": "mtools",
    "mke2fs": "e2fsprogs",
    "qemu-img": "qemu-utils",
}
_LOCK = "lock"
_SCRATCH = "scratch"


class StepNames(NamedTuple):
    """What the steps of a recipe are called in the store's `work`."""

    tools: str
    powershell: str
    root: str


def step_names(recipe: PracticeRecipe) -> StepNames:
    """The names under which the steps of `recipe` are kept."""
    return StepNames(f"tools-{tools_key()}", f"powershell-{powershell_key(recipe)}", f"root-{root_key(recipe)}.tar")


def build(recipe: PracticeRecipe, output: Path, store: Store, progress: Progress) -> Path:
    """Build the sealed practice image at `output`. Steps of which nothing has changed come from the store's `work`.

    :raises HostError: a program is missing on this host, or there is no way to get a PowerShell.
    :raises UsageError: the PowerShell archive cannot be used.
    :raises ToolError: a step failed; what it printed is in `work`.
    """
    check_powershell(recipe)
    _check_host()
    work, output = store.work.resolve(), output.resolve()
    scratch = work / _SCRATCH
    with exclusive(
        work / _LOCK, while_waiting=lambda who: phase(progress, f"waiting for {who}, which builds a practice image")
    ):
        remove_scratch(scratch)  # left by a build that was killed
        scratch.mkdir()
        try:
            steps, names = Steps(work, scratch, progress), step_names(recipe)
            tools = steps.directory("compile the guest's programs", names.tools, make_tools)
            powershell = steps.directory(
                "make PowerShell",
                names.powershell,
                lambda target: make_powershell(recipe, target, work / "powershell.log"),
            )
            root = steps.file(
                "install Debian's packages and wine",
                names.root,
                lambda target: make_root(recipe, target, work / "root.log"),
            )
            remove_old(work)
            publish(make_image(root, tools, powershell, scratch, progress), output, store)
        finally:
            remove_scratch(scratch)
    return output


def practice_image(
    store: Store, progress: Progress, recipe: PracticeRecipe | None = None, output: Path | None = None
) -> Path:
    """The practice image, built first if it is not there; by one process, the others wait for it.

    :param output: where to put it; None keeps it in the store under a name that says what it was made of.
    :raises HostError: something needed for building is missing.
    """
    recipe = recipe or PracticeRecipe()
    if output is not None and not output.expanduser().absolute().parent.is_dir():
        raise UsageError(f"there is no directory {output.expanduser().absolute().parent} to put the image into")
    path = output.expanduser().absolute() if output else store.images / f"practice-{key(recipe)[:16]}.qcow2"
    if output is None and path.exists():
        if not records.beside(path).exists():  # whoever put it there was killed before its record
            note(path)
        for step in step_names(recipe):
            note_use(store.work / step)
        return path
    with exclusive(
        store.lock("practice"),
        while_waiting=lambda who: phase(progress, f"waiting for the practice image, which {who} is building"),
    ):
        if output is not None or not path.exists():
            build(recipe, path, store, progress)
    return path


def _check_host() -> None:
    """Fail now, not after minutes, if a step will miss something."""
    for program, package in _PROGRAMS.items():
        require(program, package)
    if os.geteuid() != 0:
        require("newuidmap", "uidmap")  # without it there is no user namespace with more than one user
    check_stub()


def clear(store: Store, stale: Callable[[Path], bool], progress: Progress) -> None:
    """Remove what builds have left in the store's `work`, as far as `stale` says, unless somebody builds there now."""
    work = store.work.resolve()
    try:
        with exclusive(work / _LOCK, timeout=0):
            remove_scratch(work / _SCRATCH)  # nobody's, since we have the lock
            for path in work.iterdir():
                if path.name.partition(".")[0] != _LOCK and stale(path):
                    with suppress(FileNotFoundError):
                        remove_unused(path)
    except LockBusy as exc:
        progress.note(f"{exc.holder} is building an image: what is in {work} stays")
