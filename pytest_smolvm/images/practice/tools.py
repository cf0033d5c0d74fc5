"""The guest's own programs: compiled on the host, for Linux by gcc and for Windows by mingw."""

from __future__ import annotations

from pathlib import Path

from pytest_smolvm.host.programs import require, run
from pytest_smolvm.images.practice.recipe import HERE, SOURCES, digest

_LINUX = SOURCES / "linux"
_WINDOWS = SOURCES / "windows"
_FLAGS = ("-Os", "-s", "-Wall", "-Wextra", "-Werror")
# Static: these are the first programs of the guest, and owe nothing to its C library's version.
_PROGRAMS = ("initrd", "init", "shell")
_PRELOADED = ("sshd", "wineserver", "explorer")
_WINDOWS_PROGRAMS = {
    "sshd.exe": ("sshd", "session", "spare", "environment", "console", "sftp", "names", "paths", "switch"),
    "shutdown.exe": ("shutdown",),
    "linux.exe": ("linux", "switch"),
    "sockets.dll": ("sockets",),
}


def tools_key() -> str:
    """The digest of what shapes the programs."""
    return digest([], [HERE / "tools.py", _LINUX, _WINDOWS])


def make_tools(directory: Path) -> None:
    """Compile everything into `directory`.

    :raises HostError: a compiler is missing.
    :raises ToolError: it failed.
    """
    gcc = require("gcc", "gcc")
    mingw = require("x86_64-w64-mingw32-gcc", "gcc-mingw-w64-x86-64-win32")
    for name in _PROGRAMS:
        run(f"compile {name}", [gcc, "-static", *_FLAGS, "-o", directory / name, _LINUX / f"{name}.c"])
    for name in _PRELOADED:
        run(
            f"compile {name}.so",
            [gcc, "-shared", "-fPIC", *_FLAGS, "-o", directory / f"{name}.so", _LINUX / f"{name}.c"],
        )
    for name, parts in _WINDOWS_PROGRAMS.items():
        sources: list[str | Path] = [_WINDOWS / f"{part}.c" for part in parts]
        if name.endswith(".dll"):
            sources += ["-shared", _WINDOWS / "sockets.def", "-lws2_32"]
        run(
            f"compile {name}",
            [
                mingw,
                *_FLAGS,
                "-municode",
                "-mwindows" if name == "sshd.exe" else "-mconsole",
                "-o",
                directory / name,
                *sources,
                "-lntdll",
            ],
        )
