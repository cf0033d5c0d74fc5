"""What a failed installation leaves to read: Setup's own logs, taken from the disk without mounting it."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from pytest_smolvm.errors import ToolError
from pytest_smolvm.host.programs import require, run

_SECTOR = 512
# "Windows Setup log files and event logs" (Microsoft Learn): while copying, after the first restart, and in the passes.
LOGS = (
    "$WINDOWS.~BT/Sources/Panther/setupact.log",
    "$WINDOWS.~BT/Sources/Panther/setuperr.log",
    "Windows/Panther/setupact.log",
    "Windows/Panther/setuperr.log",
    "Windows/Panther/UnattendGC/setupact.log",
    "Windows/Panther/UnattendGC/setuperr.log",
    "ProgramData/smolvm/setup/specialize.log",
    "ProgramData/smolvm/setup/first-logon.log",
)
_BASIC_DATA = UUID("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7")


def rescue(disk: Path, directory: Path, names: Sequence[str] = LOGS) -> tuple[Path, ...]:
    """Copy Setup's logs from the Windows partition of a qcow2 disk into `directory`.

    :returns: the files that were found; none if ntfs-3g is not installed or there is no Windows partition yet.
    """
    if shutil.which("ntfscat") is None:
        return ()
    partition = directory / "windows.raw"
    found = []
    try:
        where = _windows_partition(disk, partition)
        if where is None:
            return ()
        _extract(disk, partition, *where)
        for name in names:
            target = directory / name.replace("/", "-").replace("$", "").replace("~", "")
            if _copy(partition, name, target):
                found.append(target)
    except ToolError:
        pass  # what the installation died of is told anyway; these logs are a bonus
    finally:
        partition.unlink(missing_ok=True)
    return tuple(found)


def _windows_partition(disk: Path, scratch: Path) -> tuple[int, int] | None:
    """Offset and size of the last basic-data partition, read from the GPT (UEFI specification, 5.3)."""
    _extract(disk, scratch, 0, 64 * _SECTOR)
    table = scratch.read_bytes()
    if table[_SECTOR : _SECTOR + 8] != b"EFI PART":
        return None
    count, size = struct.unpack_from("<II", table, _SECTOR + 80)
    found = None
    for at in range(2 * _SECTOR, min(2 * _SECTOR + count * size, len(table)), size):
        if UUID(bytes_le=table[at : at + 16]) == _BASIC_DATA:
            first, last = struct.unpack_from("<QQ", table, at + 32)
            found = first * _SECTOR, (last - first + 1) * _SECTOR
    return found


def _extract(disk: Path, target: Path, offset: int, size: int) -> None:
    # Sparse, so it takes as much room as the partition holds.
    image = f"driver=raw,offset={offset},size={size},file.driver=qcow2,file.file.driver=file,file.file.filename={disk}"
    command = [
        require("qemu-img", "qemu-utils"),
        "convert",
        "--force-share",
        "--image-opts",
        "-O",
        "raw",
        image,
        str(target),
    ]
    run("read a partition of the disk", command)


def _copy(partition: Path, name: str, target: Path) -> bool:
    try:
        run("read a log of Setup", ["ntfscat", "-f", partition, name], log=target)
    except ToolError:
        target.unlink(missing_ok=True)
        return False
    return True
