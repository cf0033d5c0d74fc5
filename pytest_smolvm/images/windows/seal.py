"""Turn a finished disk into a golden image: compressed, read-only, whole or not there at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import ImageError, StoreError, ToolError
from pytest_smolvm.host import limits, records
from pytest_smolvm.host.programs import require, run

_MODE = 0o444


def seal(disk: Path, record: dict[str, Any], output: Path, work: Path, *, replace: bool) -> None:
    """Make a golden image of the qcow2 `disk`, with its record beside it.

    :param record: what is written of it; its compression is added.
    :param work: a directory on the output's file system.
    :param replace: the output may exist.
    :raises StoreError: there was no room.
    :raises ImageError: something of that name appeared meanwhile and may not be replaced.
    """
    sealed = work / "sealed.qcow2"
    record["compression"] = compress(disk, sealed)
    # Written before and renamed after: where there is no room for the record, there is no image either.
    ready = work / "sealed.json"
    records.write(ready, record)
    publish(sealed, output, replace=replace)
    ready.replace(records.beside(output))


def compress(source: Path, target: Path) -> str:
    """Write the content of the qcow2 `source`, with its backing files, as one compressed qcow2.

    :returns: the compression used.
    :raises StoreError: there was no room.
    """
    # Unused clusters that were trimmed are not there any more, so they cost nothing; zstd reads four times as fast as
    # zlib and needs QEMU 5.1 with it built in, which is what has to read the image.
    kind = "zstd" if _takes_zstd(target.with_name(f".{target.name}.probe")) else "zlib"
    command = [
        require("qemu-img", "qemu-utils"),
        "convert",
        "-O",
        "qcow2",
        "-c",
        "-W",
        "-m",
        str(min(8, limits.processors())),
    ]
    try:
        run("compress the image", [*command, "-o", f"compression_type={kind}", source, target])
    except ToolError as exc:
        target.unlink(missing_ok=True)
        if "No space left" in exc.output:
            raise StoreError(
                f"{target.parent} is full: the compressed image does not fit; free space and build again"
            ) from exc
        raise
    return kind


def publish(made: Path, output: Path, *, replace: bool) -> None:
    """Give the file `made` its final name, read-only; it must be on the same file system.

    :raises ImageError: something of that name appeared meanwhile and may not be replaced.
    """
    made.chmod(_MODE)
    records.flush(made)
    if replace:
        made.replace(output)
        return
    try:
        os.link(made, output)  # unlike a rename, it never overwrites
    except FileExistsError as exc:
        raise ImageError(f"{output} appeared while the image was being built; it was left alone") from exc
    made.unlink()


def _takes_zstd(probe: Path) -> bool:
    try:
        run(
            "try zstd",
            [
                require("qemu-img", "qemu-utils"),
                "create",
                "-q",
                "-f",
                "qcow2",
                "-o",
                "compression_type=zstd",
                probe,
                "1M",
            ],
        )
    except ToolError:
        return False
    finally:
        probe.unlink(missing_ok=True)
    return True
