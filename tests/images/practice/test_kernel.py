"""The initial RAM disk and what goes into it."""

import io
import subprocess

import pytest

from pytest_smolvm.errors import ImageError
from pytest_smolvm.images.practice import recipe
from pytest_smolvm.images.practice.kernel import KernelFiles, cpio

FILES = KernelFiles(
    image=b"",
    modules={},
    dependencies={
        "kernel/a/scsi_common.ko.xz": (),
        "kernel/a/scsi_mod.ko.xz": ("kernel/a/scsi_common.ko.xz",),
        "kernel/a/virtio_scsi.ko.xz": ("kernel/a/scsi_mod.ko.xz", "kernel/a/scsi_common.ko.xz"),
        "kernel/b/virtio-rng.ko.xz": (),
    },
)


def test_modules_come_after_what_they_need() -> None:
    """modules.dep lists the nearest need first; loading goes the other way round, each module once."""
    names = [path.rpartition("/")[2] for path in FILES.in_order(["virtio_scsi", "scsi_mod", "virtio_rng"])]

    assert names == ["scsi_common.ko.xz", "scsi_mod.ko.xz", "virtio_scsi.ko.xz", "virtio-rng.ko.xz"]


def test_a_missing_module_is_named() -> None:
    """A kernel without a driver of ours cannot boot: that is said at build time."""
    with pytest.raises(ImageError, match="nvme"):
        FILES.in_order(["nvme"])


def test_the_archive_has_the_kernels_format() -> None:
    """Names, contents and padding are where a reader of "newc" looks for them."""
    archive = cpio([("init", 0o100755, b"12345"), ("modules", 0o40755, b"")])

    stream, entries = io.BytesIO(archive), {}
    while True:
        header = stream.read(110)
        size, name_size = int(header[54:62], 16), int(header[94:102], 16)
        name = stream.read(name_size)[:-1].decode()
        stream.seek(-(-stream.tell() // 4) * 4)
        if name == "TRAILER!!!":
            break
        entries[name] = stream.read(size)
        stream.seek(-(-stream.tell() // 4) * 4)
    assert entries == {"init": b"12345", "modules": b"", "dev": b""}


def test_shell_scripts_of_the_guest_are_sound() -> None:
    """They run as /bin/sh, far from anybody who could see a syntax error."""
    guest = recipe.SOURCES

    for script in (guest / "prepare.sh", guest / "linux" / "bridge", guest / "linux" / "desktop"):
        assert subprocess.run(["sh", "-n", script], check=False, capture_output=True, text=True).stderr == ""
