"""The bytes that programs print as text: each line as what it is, since several programs may have written to a stream.

UTF-8 is the rule. Programs that know no UTF-8 print the console's code page, and some (wsl.exe, ``cmd.exe /u``) UTF-16
into a pipe.
"""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

from pytest_smolvm.guest.names import ENGLISH_CODE_PAGE

_UTF8_MARK = "\ufeff"
_UTF16_MARK = b"\xff\xfe"
_NEWLINES = 4  # that are looked at for the end of a line in UTF-16, in which a letter such as U+4E0A holds one's byte


def codec(code_page: str) -> str:
    """Python's name of a code page of Windows, given by its number; that of an en-US Windows for one without a name."""
    try:
        return codecs.lookup(f"cp{code_page}").name
    except LookupError:
        return ENGLISH_CODE_PAGE


def text(raw: bytes, *, cut: bool = False, code_page: str = ENGLISH_CODE_PAGE) -> str:
    """All that was printed, as text.

    :param cut: it may end in the middle of a character, of which nothing is told then.
    :param code_page: what programs print that know no UTF-8.
    """
    if b"\0" not in raw:
        try:
            return raw.decode("utf-8").removeprefix(_UTF8_MARK)
        except UnicodeDecodeError:
            pass  # not all of it
    decoder = Decoder(code_page)
    return "".join([*decoder.feed(raw), *decoder.finish(cut=cut)])


class Decoder:
    """Makes text of a stream line by line, while it comes.

    :param code_page: what programs print that know no UTF-8.
    """

    def __init__(self, code_page: str = ENGLISH_CODE_PAGE) -> None:
        self._code_page = code_page
        self._rest = bytearray()
        self._first = True
        self._wide = False  # whether the last line was UTF-16

    def feed(self, data: bytes) -> Iterator[str]:
        """Take the stream's next piece; the lines that it completes, with their ends."""
        self._rest += data
        yield from self._lines(ended=False)

    def finish(self, *, cut: bool = False) -> Iterator[str]:
        """The stream has ended: what is left of it, its last line without an end."""
        if cut and self._rest.endswith(b"\n") and len(self._rest) % 2 and _wide(bytes(self._rest[:-1]), self._wide):
            del self._rest[-1]  # half a newline
        yield from self._lines(ended=True)
        if self._rest:
            yield self._unmarked(self._last(bytes(self._rest), cut))
            self._rest.clear()

    def _lines(self, ended: bool) -> Iterator[str]:
        yield from self._usual_lines()
        start = 0
        while (end := self._end(start, ended)) is not None:
            line = bytes(self._rest[start:end])
            yield self._unmarked(line.decode("utf-16-le", "replace") if self._wide else self._narrow(line))
            start = end
        del self._rest[:start]

    def _usual_lines(self) -> Iterator[str]:
        """All lines at once, if they are UTF-8."""
        if self._wide or 0 in self._rest:
            return
        end = self._rest.rfind(b"\n") + 1
        try:
            lines = self._rest[:end].decode("utf-8")
        except UnicodeDecodeError:
            return
        del self._rest[:end]
        yield from map(self._unmarked, io.StringIO(lines, newline="\n"))

    def _unmarked(self, line: str) -> str:
        first, self._first = self._first, False
        return line.removeprefix(_UTF8_MARK) if first or self._wide else line

    def _end(self, start: int, ended: bool) -> int | None:
        """Where the line that begins at `start` ends; also sees whether it is UTF-16. None if that is still to come."""
        before, self._wide = self._wide, False
        first = at = self._rest.find(b"\n", start)
        seems_wide = before
        for _ in range(_NEWLINES):
            if at < 0:
                break
            line, after = bytes(self._rest[start:at]), self._rest[at + 1 : at + 2]
            seems_wide = _wide(line, before)
            if (at - start) % 2 or _is_utf8(line) or not (seems_wide or (line and _wide(line, True))):
                return first + 1
            if seems_wide and after == b"\0":
                self._wide = True
                return at + 2
            if not after:  # the other half of the newline, if it is one, is still to come
                at = -1
                break
            at = self._rest.find(b"\n", at + 1)
        if first < 0 or (at < 0 and seems_wide and not ended):
            self._wide = before
            return None
        return first + 1

    def _last(self, line: bytes, cut: bool) -> str:
        whole = line[: len(line) // 2 * 2]
        likely = self._wide or line.startswith(_UTF16_MARK) or 2 * whole[1::2].count(0) >= len(whole[1::2])
        if likely and (cut or whole == line) and _wide(whole, self._wide) and not (self._wide and _is_utf8(line)):
            self._wide = True
            return _letters(whole)
        self._wide = False
        return self._narrow(line, cut)

    def _narrow(self, line: bytes, cut: bool = False) -> str:
        try:
            return line.decode("utf-8")
        except UnicodeDecodeError as exc:
            before, in_the_middle = line[: exc.start], exc.end == len(line) and exc.reason == "unexpected end of data"
        if in_the_middle and (cut or not before.isascii()):
            return before.decode("utf-8") + ("" if cut else "\ufffd")
        return line.decode(self._code_page, "replace")


def _wide(line: bytes, likely: bool) -> bool:
    """Whether bytes are the beginning of a line in UTF-16.

    :param likely: the one before it was one: then it need have no letter of ASCII in it.
    """
    if not (likely or line.startswith(_UTF16_MARK) or 0 in line[1::2]):
        return False
    try:
        return "\0" not in _letters(line)
    except UnicodeDecodeError:
        return False


def _letters(beginning: bytes) -> str:
    """The letters that some bytes in UTF-16 begin with; half a one at their end does not count."""
    return codecs.getincrementaldecoder("utf-16-le")().decode(beginning)


def _is_utf8(line: bytes) -> bool:
    if not line or b"\0" in line:
        return False
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
