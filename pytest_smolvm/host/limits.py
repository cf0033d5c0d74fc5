"""What of this host's memory and processors this process may use: containers get less than there is."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pytest_smolvm.host import proc

_MIB = 2**20
# cgroup v1 says a huge number where there is no limit.
_NO_LIMIT = 2**60


def memory_mib() -> tuple[int, int]:
    """MiB of RAM that this process and its children may have, and MiB of it that are available now."""
    total, available = proc.memory_mib()
    for group in groups("memory"):
        limit = _number(group, "memory.max", "memory.limit_in_bytes")
        if limit is not None and limit < _NO_LIMIT:
            used = _number(group, "memory.current", "memory.usage_in_bytes") or 0
            # Pages of files that nobody has used for a while are counted as used, and given up for whoever needs them.
            free = limit - used + _inactive_files(group)
            total, available = min(total, limit // _MIB), max(0, min(available, free // _MIB))
    return total, available


def in_ram_mib(directory: Path) -> int:
    """MiB of RAM that the file system of a directory takes; 0 for one that is kept on a disk."""
    if not _is_in_ram(directory):
        return 0
    used = os.statvfs(directory)
    return (used.f_blocks - used.f_bfree) * used.f_frsize // _MIB


@cache
def _is_in_ram(directory: Path) -> bool:
    return proc.file_system(directory) == "tmpfs"


def processors() -> int:
    """How many processors this process and its children may keep busy, at least 1."""
    usable = len(os.sched_getaffinity(0))
    for group in groups("cpu"):
        share = _share(group)
        if share is not None:
            usable = min(usable, math.ceil(share))
    return max(1, usable)


@cache
def groups(controller: str) -> tuple[Path, ...]:
    """The control groups that limit this process, from its own one upwards, as far as they can be seen (cgroups(7)).

    :param controller: ``memory`` or ``cpu``.
    """
    return tuple(_groups(controller))


def _groups(controller: str) -> Iterator[Path]:
    for kinds, name in proc.cgroups():
        if kinds == [""] or controller in kinds:
            for root, place in proc.cgroup_mounts("" if kinds == [""] else controller):
                group = place / os.path.relpath(name, root)
                if ".." in group.parts or not group.is_dir():
                    group = place  # a container sees its own group as the topmost, whatever it is called outside
                yield from (path for path in (group, *group.parents) if path == place or place in path.parents)


def _number(group: Path, *names: str) -> int | None:
    """What a control group's file says, by its name in version 2 or 1; None if nothing, or that there is no limit."""
    for name in names:
        try:
            text = (group / name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        return int(text) if text.lstrip("-").isdigit() else None
    return None


def _inactive_files(group: Path) -> int:
    try:
        lines = (group / "memory.stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    counted = dict(line.split() for line in lines)
    return int(counted.get("total_inactive_file", counted.get("inactive_file", 0)))


def _share(group: Path) -> float | None:
    """Processors' worth of time that a group gets; None if there is no limit."""
    try:
        quota, period = (group / "cpu.max").read_text(encoding="ascii").split()
    except (OSError, ValueError):
        quota, period = (str(_number(group, f"cpu.cfs_{name}_us")) for name in ("quota", "period"))
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None
