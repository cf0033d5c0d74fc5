"""PowerShell's side of a command: the way a script gets in."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import PureWindowsPath

from pytest_smolvm.errors import UsageError

PROGRAM = "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass"

# Runs what comes on stdin, exactly as many bytes as it has, so that what follows is left for the script that it runs.
# -Command rather than -EncodedCommand: the latter turns stderr into CLIXML. The command line stays far below cmd's 8191
# characters however long the script is, and has no character that cmd.exe would touch inside quotes. Where a policy
# lets PowerShell speak a part of its language only, none of our scripts runs, and what it says of them would be taken
# for what it says of the caller's.
_BOOTSTRAP = (
    "$m=$ExecutionContext.SessionState.LanguageMode;if($m -ne 'FullLanguage'){{throw('Windows lets PowerShell run"
    " scripts in '+$m+' mode only, as App Control or AppLocker have it: none of pytest-smolvm''s can run;"
    " shell=''cmd'' can')}};"
    "$b=[byte[]]::new({size});$o=0;$stdin=[Console]::OpenStandardInput();"
    "while($o -lt {size}){{$n=$stdin.Read($b,$o,{size}-$o);if(-not $n){{exit 1}};$o+=$n}};"
    ".([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString($b)))"
)
_INT = range(-(2**31), 2**31)
_LONG = range(-(2**63), 2**63)
Argument = str | int | float | bool | PureWindowsPath | None


def command(script: str, args: Sequence[Argument] = ()) -> tuple[str, bytes]:
    """What runs `script` in a new powershell.exe: the command line for cmd.exe, and the bytes for its stdin.

    The exit code is `exit N`'s, else a failing last native command's, else 1 after a failure, else 0.
    """
    line, program = bootstrap("bytes", "call", "fresh")
    asked = request(script, args)
    return line, program + struct.pack("<i", len(asked)) + asked


def bootstrap(*names: str) -> tuple[str, bytes]:
    """What runs our scripts of these names, one after another, in a new powershell.exe: command line and stdin."""
    program = text_of(*names).encode()
    return f'{PROGRAM} -Command "{_BOOTSTRAP.format(size=len(program))}"', program


@cache
def text_of(*names: str) -> str:
    """Our own scripts of these names, joined."""
    folder = files(__package__) / "scripts"
    return "".join((folder / f"{name}.ps1").read_text(encoding="ascii") for name in names)


@cache
def library() -> str:
    """The source of what a guest compiles, or what was compiled for its image: C# 5, as every Windows can."""
    return source_in(__package__)


def source_in(package: str) -> str:
    """What is in the folder scripts/library of a package, as one source."""
    sources = sorted((files(package) / "scripts" / "library").iterdir(), key=lambda entry: entry.name)
    return "\n".join(entry.read_text(encoding="ascii") for entry in sources)


def library_name(source: str) -> str:
    """What the compiled library is called."""
    return f"smolvm-{_digest(source)}"


def loading(source: str) -> bytes:
    """What library.ps1 reads."""
    text = source.encode()
    return _digest(source).encode() + struct.pack("<i", len(text)) + text


@cache
def digest() -> str:
    """What changes with our own scripts."""
    folder = files(__package__) / "scripts"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".ps1"))
    return _digest(text_of(*(name.removesuffix(".ps1") for name in names)) + library())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def request(script: str, args: Sequence[Argument] = ()) -> bytes:
    """A script and the values for its parameters, as call.ps1 reads them.

    :raises UsageError: an argument is of a type that cannot be passed.
    """
    parts = [("s", unmarked(script)), *map(_part, args)]
    encoded = [(kind.encode(), text.encode("utf-8", "surrogatepass")) for kind, text in parts]
    return struct.pack("<i", len(parts)) + b"".join(kind + struct.pack("<i", len(raw)) + raw for kind, raw in encoded)


def unmarked(script: str) -> str:
    """A script without the byte order mark of the file it was read from, which would be a letter of its first word."""
    return script.removeprefix("\ufeff")


def _part(value: Argument) -> tuple[str, str]:
    if value is None:
        return "n", ""
    if isinstance(value, (str, PureWindowsPath)):
        return "s", str(value)
    if isinstance(value, bool):
        return "b", "1" if value else "0"
    if isinstance(value, int) and value in _LONG:
        return ("i" if value in _INT else "l"), str(value)
    if isinstance(value, float):
        return "f", {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))
    raise UsageError(
        f"{value!r} cannot be an argument of a script: text, paths of Windows, numbers, booleans and None can"
    )
