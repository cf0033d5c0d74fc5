"""CLIXML, which a powershell.exe that a script starts writes to a redirected stderr, as a person would have seen it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

_MARK = "#< CLIXML"
_PART = re.compile(r"#< CLIXML\r?\n|(<Objs .*?</Objs>)\r?\n?", re.DOTALL)
_BEGUN = "<Objs "


def plain(text: str) -> str:
    """`text` with any CLIXML in it replaced. Progress is dropped."""
    if _MARK not in text:
        return text
    speaking = Plain()
    return speaking.feed(text) + speaking.finish()


class Plain:
    """Replaces CLIXML in a text that comes in pieces: whole lines, but for the last."""

    def __init__(self) -> None:
        self._marked = False
        self._pending = ""

    def feed(self, text: str) -> str:
        """Take the next piece; what can be told until now."""
        before = ""
        if not self._marked:
            before, mark, rest = text.partition(_MARK)
            if not mark:
                return text
            self._marked, text = True, mark + rest
        return before + self._told(self._pending + text)

    def _told(self, text: str) -> str:
        told, end = [], 0
        for found in _PART.finditer(text):
            told += [text[end : found.start()], _spoken(found[1]) if found[1] else ""]
            end = found.end()
        rest, begun, objects = text[end:].partition(_BEGUN)
        self._pending = begun + objects
        return "".join([*told, rest])

    def finish(self) -> str:
        """What was begun and had no end."""
        return self._pending


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
