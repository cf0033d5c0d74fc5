"""Text files of a guest: their bytes as text, and the reverse."""

from __future__ import annotations

from pytest_smolvm.errors import TransferError, UsageError

# What `>` of Windows PowerShell 5.1, `reg export` and `msiexec /l` write begins with the third.
_MARKS = ((b"\xff\xfe\0\0", "utf-32"), (b"\0\0\xfe\xff", "utf-32"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def decoded(content: bytes, encoding: str | None, path: str) -> str:
    """The content of a file as text, without a byte order mark.

    :param encoding: None: what the byte order mark says, UTF-8 if there is none.
    :param path: the file, for errors.
    :raises TransferError: it is not text in that encoding.
    :raises UsageError: there is no such encoding.
    """
    chosen = encoding or _marked(content)
    try:
        return content.decode(chosen)
    except LookupError:
        raise UsageError(f"encoding={encoding!r} is none that Python knows") from None
    except UnicodeError as exc:
        raise TransferError(f"{path} is not text in {chosen} ({exc}); {_advice(content, encoding)}") from exc


def encoded(text: str, encoding: str, path: str) -> bytes:
    """Text as the content of a file.

    :param path: the file, for errors.
    :raises UsageError: that encoding cannot hold it, or there is no such encoding.
    """
    try:
        return text.encode(encoding)
    except LookupError:
        raise UsageError(f"encoding={encoding!r} is none that Python knows") from None
    except UnicodeError as exc:
        raise UsageError(f"what {path} is to hold cannot be written in {encoding}: {exc}") from exc


def _marked(content: bytes) -> str:
    return next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8-sig")


def _advice(content: bytes, encoding: str | None) -> str:
    if encoding is not None and _marked(content) != "utf-8-sig":
        return f"it begins with the byte order mark of {_marked(content)}: leave out encoding="
    return "name another with encoding=, such as cp1252 for ANSI in Western Europe and America, or use read_bytes"
