"""What Linux tells of processes and memory: the only reader of /proc (proc(5))."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

_PROC = Path("/proc")
_MEMORY = (b"MemTotal:", b"MemAvailable:", b"Hugetlb:")
_PROCESSOR = ("vendor_id", "cpu family", "model", "model name", "stepping", "microcode", "flags")


@cache
def boot() -> str:
    """This run of the host, from power-on to power-off."""
    return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii")[:8]


@cache
def namespace() -> str:
    """The set of processes that this one can see: in another container numbers mean other processes."""
    return f"{os.stat(_PROC / 'self/ns/pid').st_ino:x}"


def memory_mib() -> tuple[int, int]:
    """MiB of RAM this host has, and MiB that are available now."""
    return memory_of((_PROC / "meminfo").read_bytes())


def memory_of(meminfo: bytes) -> tuple[int, int]:
    """The same, out of what Linux writes about its memory.

    Without huge pages, which are reserved for whoever asks for them by name: Linux leaves them out of the second only.
    """
    total, available, huge = (int((meminfo.partition(name)[2].split(None, 1) or [b"0"])[0]) // 1024 for name in _MEMORY)
    return total - huge, available


def processor() -> dict[str, str]:
    """The first processor as Linux describes it, without what changes from moment to moment."""
    first = (_PROC / "cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0]
    lines = (line.partition(":") for line in first.splitlines())
    described = {name.strip(): value.strip() for name, _, value in lines}
    return {name: described[name] for name in _PROCESSOR if name in described}


def cgroups() -> list[tuple[list[str], str]]:
    """The control groups of this process: which resources each limits (one empty name in version 2), and its name."""
    lines = (_PROC / "self/cgroup").read_text(encoding="utf-8").splitlines()
    return [(kinds.split(","), name) for _, kinds, name in (line.split(":", 2) for line in lines)]


def cgroup_mounts(controller: str) -> list[tuple[str, Path]]:
    """Where the control groups of a resource can be looked at: the name of the topmost one there, and its directory.

    :param controller: ``memory``, ``cpu``; empty for version 2.
    """
    kind = "cgroup" if controller else "cgroup2"
    found = []
    for line in (_PROC / "self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        mount, _, file_system = line.partition(" - ")
        if file_system.split()[0] == kind and (not controller or controller in file_system.split()[-1].split(",")):
            found.append((mount.split()[3], Path(mount.split()[4])))
    return found


def started(pid: int) -> int:
    """When a process was started, in clock ticks since power-on.

    :raises OSError: it does not run.
    """
    state, ticks = (_stat(pid)[index] for index in (0, 19))
    if state in "ZX":
        raise ProcessLookupError(pid)  # dead, only not reaped
    return int(ticks)


def cpu_seconds(pid: int) -> float:
    """Processor time that a process has used so far.

    :raises OSError: it does not run.
    """
    user, system = (int(_stat(pid)[index]) for index in (11, 12))
    return (user + system) / os.sysconf("SC_CLK_TCK")


def exit_code(pid: int) -> int:
    """How a process has ended that its parent has not waited for yet, as subprocess says it.

    :raises OSError: it has been waited for.
    """
    return os.waitstatus_to_exitcode(int(_stat(pid)[49]))


def private_mib(pid: int) -> int:
    """MiB that a process has to itself; 0 if it cannot be seen."""
    try:
        _, resident, shared, *_ = map(int, (_PROC / str(pid) / "statm").read_text(encoding="ascii").split())
    except OSError:
        return 0
    return (resident - shared) * os.sysconf("SC_PAGE_SIZE") // 2**20


def open_files() -> dict[Path, set[int]]:
    """Files that processes have open, with the processes; of other users' processes only root sees them."""
    found: dict[Path, set[int]] = {}
    for pid in _pids():
        with suppress(OSError):  # it ended meanwhile, or is another user's
            for link in (_PROC / str(pid) / "fd").iterdir():
                with suppress(OSError):  # closed meanwhile
                    found.setdefault(Path(os.readlink(link)), set()).add(pid)
    return found


def commands() -> Iterator[tuple[int, list[str]]]:
    """The processes that can be seen from here, with the words of their command lines."""
    for pid in _pids():
        with suppress(OSError):  # it ended meanwhile
            yield pid, os.fsdecode((_PROC / str(pid) / "cmdline").read_bytes()).rstrip("\0").split("\0")


def directory(pid: int) -> Path:
    """The current directory of a process; "/" if that cannot be seen."""
    try:
        return Path(os.readlink(_PROC / str(pid) / "cwd"))
    except OSError:  # it has ended, or is another user's
        return Path("/")


def end_first(pid: int) -> None:
    """Have the kernel end this process rather than others when memory runs out (proc(5), oom_score_adj)."""
    with suppress(OSError):  # as in a sandbox without /proc
        (_PROC / str(pid) / "oom_score_adj").write_text("500", encoding="ascii")


def file_system(path: Path) -> str:
    """The kind of file system that a path lies on, such as ``ext4`` or ``nfs4``."""
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    kinds = {}
    for line in (_PROC / "self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
        mount, _, kind = line.partition(" - ")
        kinds[mount.split()[2]] = kind.split()[0]
    return kinds.get(wanted, "")


def written(device: Path) -> str:
    """How much has been written to a block device, or discarded, since it is there (Documentation/block/stat.rst)."""
    number = os.stat(device).st_rdev
    counted = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat").read_text(encoding="ascii").split()
    return ":".join(counted[4:7:2] + counted[11:14:2])


def _pids() -> Iterator[int]:
    return (int(process.name) for process in _PROC.iterdir() if process.name.isdigit())


def _stat(pid: int) -> list[str]:
    """The fields of a process from the third on: the second, the program's name, may hold spaces and parentheses."""
    text = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    return text.rpartition(")")[2].split()
