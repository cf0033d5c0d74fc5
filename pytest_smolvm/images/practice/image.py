"""The last step: root archive, overlay and kernel become one sealed disk image."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pytest_smolvm.host import records
from pytest_smolvm.host.programs import require, run
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice import disk
from pytest_smolvm.images.practice.kernel import initial_ram_disk, read_kernel, unify
from pytest_smolvm.images.practice.overlay import make_overlay
from pytest_smolvm.images.practice.recipe import MEMORY

# In the guest's tree files belong to several users; the kernel is in the EFI system partition.
_ASSEMBLE = """\
set -e
tree=$1 root=$2 overlay=$3
shift 3
mkdir "$tree"
tar -C "$tree" -xpf "$root" --numeric-owner --exclude='./dev/*' --exclude='./boot/*' --exclude='./usr/lib/modules/*'
tar -C "$tree" -xpf "$overlay" --numeric-owner
exec "$@"
"""


def make_image(root: Path, tools: Path, powershell: Path, scratch: Path, progress: Progress) -> Path:
    """Assemble the image in the empty directory `scratch`."""
    raw, overlay, tree = scratch / "disk.raw", scratch / "overlay.tar", scratch / "tree"
    with phase(progress, "assemble the disk"):
        kernel = read_kernel(root)
        make_overlay(overlay, kernel, tools, powershell)
        disk.partition(raw)
        disk.fill_system_partition(raw, unify(kernel.image, initial_ram_disk(kernel, tools / "initrd"), scratch))
        make_tree = disk.root_command(raw, os.fspath(tree))
        run(
            "assemble the practice guest's root",
            as_root(["sh", "-c", _ASSEMBLE, "sh", tree, root, overlay, *make_tree]),
        )
    with phase(progress, "compress the image"):
        image = scratch / "practice.qcow2"
        disk.seal(raw, image)
    return image


RECORD = {
    "version": 1,
    "system": {"edition": "practice guest", "build": "on wine", "language": "en-US"},
    "account": {"user": "smolvm", "password": "smolvm"},
    "guest": {"memory": MEMORY},
}
"""What is written beside a practice image, in the words of a Windows image's record."""


def publish(image: Path, output: Path, store: Store) -> None:
    """Move `image` to `output`, where it appears whole.

    It is renamed, from another file system after a copy beside it.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    beside = store.aside(output)  # reaped if we are killed meanwhile
    try:
        run("move the practice image to its place", ["mv", "-f", image, beside])
        beside.replace(output)
    finally:
        beside.unlink(missing_ok=True)
    note(output)


def note(image: Path) -> None:
    """Write the record of a practice image beside it. After the image: nothing is to be left of one that never was."""
    records.write(records.beside(image), RECORD)


def remove_scratch(scratch: Path) -> None:
    """Remove `scratch` with all it holds, also what belongs to users of the guest."""
    if scratch.exists():
        run("remove the scratch directory", as_root(["rm", "-rf", "--one-file-system", scratch]))


def as_root(command: Sequence[str | os.PathLike[str]]) -> list[str | os.PathLike[str]]:
    """`command` such that it may give files to any user: as it is for root, else in a user namespace."""
    if os.geteuid() == 0:
        return list(command)
    return [require("unshare", "util-linux"), "--user", "--map-auto", "--map-root-user", "--", *command]
