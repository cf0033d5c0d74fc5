"""PowerShell's side of a command: quoting, the way a script gets in, and CLIXML on the way out."""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Union
from xml.etree import ElementTree

from pytest_smolvm.errors import UsageError

_PROGRAM = "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass"

# Runs what comes on stdin, exactly as many bytes as it has, so that what follows is left for the script that it runs.
# -Command rather than -EncodedCommand: the latter turns stderr into CLIXML. The command line stays far below cmd's 8191
# characters however long the script is, and has no character that cmd.exe would touch inside quotes.
_READ = (
    "$b=[byte[]]::new({size});$o=0;$i=[Console]::OpenStandardInput();"
    "while($o -lt {size}){{$n=$i.Read($b,$o,{size}-$o);if(-not $n){{exit 1}};$o+=$n}};"
)
_BOOTSTRAP = _READ + "$stdin=$i;.([ScriptBlock]::Create([Text.Encoding]::UTF8.GetString($b)))"
# A script of a user. Not within try, where an error that ends one statement would end the whole script; and not ended
# by `exit`, which drops objects that the formatter still holds back, but by a note of $? that is looked at after
# Out-Default is done. A script with begin, process or end blocks can't take the note; one that does not parse neither.
_NOTE = "[AppDomain]::CurrentDomain.SetData(''smolvm'',$?)"
_SCRIPT = (
    "$OutputEncoding=[Text.UTF8Encoding]::new($false);"
    "try{{[Console]::OutputEncoding=$OutputEncoding;[Console]::InputEncoding=$OutputEncoding}}catch{{}};"
    "$ProgressPreference='SilentlyContinue';"
    "$smolvm=&{{" + _READ + "$u=[Text.Encoding]::UTF8;$t=$u.GetString($b,0,{script});"
    "try{{$s=[ScriptBlock]::Create($t+[char]10+'" + _NOTE + "')}}"
    "catch{{try{{$s=[ScriptBlock]::Create($t)}}catch{{[Console]::Error.WriteLine($_.Exception.InnerException.Message);exit 1}};$Error.Clear()}};"
    "@{{s=$s;a=&([ScriptBlock]::Create($u.GetString($b,{script},{size}-{script})))}}}};"
    "$smolvma=$smolvm.a;{lines}.$smolvm.s @smolvma 2>&1|Out-Default;"
    "if([AppDomain]::CurrentDomain.GetData('smolvm') -eq $false)"
    "{{$smolvm=$ExecutionContext.SessionState.PSVariable.GetValue('LASTEXITCODE');if($smolvm){{exit $smolvm}};exit 1}};exit 0"
)
# As with powershell.exe, standard input is a script's $input if it mentions that, else it is left to its programs.
_READS_INPUT = re.compile(r"\$\{?input\b", re.IGNORECASE)
_LINES = "$(while($null -ne ($smolvml=[Console]::In.ReadLine())){$smolvml})|"
_INT = range(-(2**31), 2**31)
_LONG = range(-(2**63), 2**63)
Argument = Union[str, int, float, bool, None]
_QUOTES = "'\u2018\u2019\u201a\u201b"  # all of them end a single-quoted string in PowerShell


def quote(text: str) -> str:
    """`text` as a single-quoted PowerShell string."""
    return "'" + re.sub(f"([{_QUOTES}])", r"\1\1", text) + "'"


def command(script: str, args: Sequence[Argument] = ()) -> tuple[str, bytes]:
    """What runs `script` in a new powershell.exe: the command line for cmd.exe, and the bytes for its stdin.

    The exit code is `exit N`'s, else a failing last native command's, else 1 after a failure, else 0.
    """
    text = script.encode("utf-8", "surrogatepass")
    payload = text + f",@({','.join(_literal(value) for value in args)})".encode("utf-8", "surrogatepass")
    lines = _LINES if _READS_INPUT.search(script) else ""
    return f'{_PROGRAM} -Command "{_SCRIPT.format(script=len(text), size=len(payload), lines=lines)}"', payload


def bootstrap(*names: str) -> tuple[str, bytes]:
    """What runs our scripts of these names, one after another, in a new powershell.exe: command line and stdin."""
    program = text_of(*names).encode()
    return f'{_PROGRAM} -Command "{_BOOTSTRAP.format(size=len(program))}"', program


@cache
def text_of(*names: str) -> str:
    """Our own scripts of these names, joined."""
    folder = files("pytest_smolvm") / "scripts"
    return "".join((folder / f"{name}.ps1").read_text(encoding="ascii") for name in names)


def digest() -> str:
    """What changes with our own scripts."""
    folder = files("pytest_smolvm") / "scripts"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".ps1"))
    return hashlib.sha256(text_of(*(name.removesuffix(".ps1") for name in names)).encode()).hexdigest()[:16]


def request(script: str, args: Sequence[Argument] = ()) -> bytes:
    """A script and the values for its parameters, as call.ps1 reads them.

    :raises UsageError: an argument is of a type that cannot be passed.
    """
    parts = [("s", script), *map(_part, args)]
    encoded = [(kind.encode(), text.encode("utf-8", "surrogatepass")) for kind, text in parts]
    return struct.pack("<i", len(parts)) + b"".join(kind + struct.pack("<i", len(raw)) + raw for kind, raw in encoded)


def _literal(value: Argument) -> str:
    kind, text = _part(value)
    if kind == "s":
        return quote(text)
    return {"n": "$null", "b": "$true" if text == "1" else "$false", "f": f"[double]'{text}'"}.get(kind, f"({text})")


def _part(value: Argument) -> tuple[str, str]:
    if value is None:
        return "n", ""
    if isinstance(value, str):
        return "s", value
    if isinstance(value, bool):
        return "b", "1" if value else "0"
    if isinstance(value, int) and value in _LONG:
        return ("i" if value in _INT else "l"), str(value)
    if isinstance(value, float):
        return "f", {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}.get(repr(value), repr(value))
    raise UsageError(f"{value!r} cannot be an argument of a script: text, numbers, booleans and None can")


def plain(text: str) -> str:
    """`text` with any CLIXML in it replaced by the text that a person would have seen.

    A powershell.exe that a script starts writes CLIXML to a redirected stderr (``#< CLIXML``). Progress is dropped.
    """
    if "#< CLIXML" not in text:
        return text
    out = []
    for part in re.split(r"#< CLIXML\r?\n|(<Objs .*?</Objs>)\r?\n?", text, flags=re.DOTALL):
        if part:
            out.append(_spoken(part) if part.startswith("<Objs ") else part)
    return "".join(out)


def _spoken(objects: str) -> str:
    try:
        root = ElementTree.fromstring(objects)
    except ElementTree.ParseError:
        return objects  # not ours to interpret, so not ours to lose
    streams = {"Error", "Warning", "Verbose", "Debug", "Information", "Output"}
    words = [node.text or "" for node in root.iter() if node.tag.endswith("}S") and node.get("S") in streams]
    return _unescaped("".join(words))


def _unescaped(text: str) -> str:
    """PowerShell writes UTF-16 units that XML lacks as ``_x000D_``."""
    units = re.sub(r"_x([0-9A-Fa-f]{4})_", lambda found: chr(int(found.group(1), 16)), text)
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
