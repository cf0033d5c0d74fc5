"""PowerShell's side of a command: quoting, the way a script gets in, and CLIXML on the way out."""

from __future__ import annotations

import re
from xml.etree import ElementTree

# Ends a script with the code a caller expects: a failing native command's own, else 1 for any failure. Left alone,
# powershell.exe makes 1 of every native code (about_PowerShell_exe, 5.1).
_TAIL = "\nif (-not $?) { if ($LASTEXITCODE) { exit $LASTEXITCODE } else { exit 1 } }\nexit 0\n"
# Reads exactly as many bytes as the script has, so that what follows on stdin is the script's own input. -Command
# rather than -EncodedCommand: the latter turns stderr into CLIXML. The command line stays far below cmd's 8191
# characters however long the script is, and has no character that cmd.exe would touch inside quotes.
_BOOTSTRAP = (
    "$OutputEncoding=[Text.UTF8Encoding]::new($false);"
    "try{{[Console]::OutputEncoding=$OutputEncoding;[Console]::InputEncoding=$OutputEncoding}}catch{{}};"
    "$ProgressPreference='SilentlyContinue';"
    "try{{.([ScriptBlock]::Create((&{{$i=[Console]::OpenStandardInput();$b=[byte[]]::new({size});$o=0;"
    "while($o -lt {size}){{$n=$i.Read($b,$o,{size}-$o);if(-not $n){{break}};$o+=$n}};"
    "[Text.Encoding]::UTF8.GetString($b)}})))}}"
    "catch [Management.Automation.ParseException]{{[Console]::Error.WriteLine($_.Exception.Message);exit 1}}"
)
_QUOTES = "'\u2018\u2019\u201a\u201b"  # all of them end a single-quoted string in PowerShell


def quote(text: str) -> str:
    """`text` as a single-quoted PowerShell string."""
    return "'" + re.sub(f"([{_QUOTES}])", r"\1\1", text) + "'"


def command(script: str) -> tuple[str, bytes]:
    """What runs `script` in a new powershell.exe: the command line for cmd.exe, and the bytes for its stdin.

    The exit code is `exit N`'s, else a failing last native command's, else 1 after a failure, else 0.
    """
    payload = (script + _TAIL).encode("utf-8", "surrogatepass")
    bootstrap = _BOOTSTRAP.format(size=len(payload))
    return f'powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -Command "{bootstrap}"', payload


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
