"""The bytes that programs print, as text."""

from __future__ import annotations

import pytest

from pytest_smolvm.guest.commands.decoding import Decoder, codec, text

WIDE = "Windows-Subsystem für Linux\r\n以上\r\n\r\nĊà 🎈\r\n"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", ""),
        ("ü€😀".encode(), "ü€😀"),
        (b"\xef\xbb\xbfx\n\xef\xbb\xbfy", "x\n\ufeffy"),
        (b"\x81\x84", "üä"),
        (b"a\x00b", "a\x00b"),
        (b"a\x00b\nc", "a\x00b\nc"),
        (b"ab\x00cd\x00", "ab\x00cd\x00"),
        (b"ab\n\x00cd\n", "ab\n\x00cd\n"),
        ("eins ü\r\n".encode() + b"zwei \x81\r\n" + "drei €\r\nvier".encode(), "eins ü\r\nzwei ü\r\ndrei €\r\nvier"),
        (b"x" * 100 + b"\xff\n" + "ü".encode(), "x" * 100 + "\u00a0\nü"),
        (WIDE.encode("utf-16-le"), WIDE),
        (WIDE.encode("utf-16"), WIDE),
        (WIDE.encode("utf-16-le") + "x".encode("utf-16-le"), WIDE + "x"),
        (WIDE.replace("\r", "").encode("utf-16-le"), WIDE.replace("\r", "")),
        (
            "vor ü\r\n".encode() + WIDE.encode("utf-16-le") + "nach ü\r\n\r\nende".encode(),
            f"vor ü\r\n{WIDE}nach ü\r\n\r\nende",
        ),
        (WIDE.encode("utf-16-le") + b"nach \x81\r\n", WIDE + "nach ü\r\n"),
        (b"vor\n" + "以上 x\r\nĊ\r\n".encode("utf-16-le"), "vor\n以上 x\r\nĊ\r\n"),
        (b"gr\x81n\n" + "x\r\n".encode("utf-16-le") + b"gr\x81n\nende", "grün\nx\r\ngrün\nende"),
        (b"\r\n" + "a\r\nb".encode("utf-16-le"), "\r\na\r\nb"),
        (b"Stra\xe1e Stra\xe1", "Straße Straß"),
        (b"Spa\xe1", "Spaß"),
        (b"\xc3\xbc \xc3", "ü \ufffd"),
    ],
)
def test_each_line_is_decoded_as_what_it_is(raw: bytes, expected: str) -> None:
    assert expected == text(raw)


@pytest.mark.parametrize("whole", ["x" * 9 + "ü€😀", "x\r\nzwölf 🎈" * 3])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_of_a_character_that_is_cut_nothing_is_told(whole: str, encoding: str) -> None:
    raw = whole.encode(encoding)

    for size in range(6, len(raw)):
        seen = text(raw[:size], cut=True)
        assert whole.startswith(seen)
        assert len(raw[:size]) - len(seen.encode(encoding)) < 4


def test_a_cut_character_does_not_change_what_comes_before() -> None:
    assert "ü\n" + "x" * 9 == text(("ü\n" + "x" * 9 + "😀").encode()[:-1], cut=True)


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16"])
def test_pieces_of_any_size_give_the_same_lines(size: int, encoding: str) -> None:
    raw = WIDE.encode(encoding) + b"am Ende \x81\nx"
    decoder, seen = Decoder(), list[str]()

    for start in range(0, len(raw), size):
        seen += decoder.feed(raw[start : start + size])
    seen += decoder.finish()

    assert [*WIDE.splitlines(keepends=True), "am Ende ü\n", "x"] == seen


@pytest.mark.parametrize("line", ["ü\r\n".encode(), b"\x81\n", "ü\r\n".encode("utf-16-le"), b"\r\n"])
def test_a_line_is_told_as_soon_as_it_has_ended(line: bytes) -> None:
    assert 1 == len(list(Decoder().feed(line)))


@pytest.mark.parametrize(
    ("number", "raw", "expected"),
    [
        ("850", b"\xc6 \x9d", "ã Ø"),
        ("866", b"\xaf\xe0\xa8\xa2\xa5\xe2", "привет"),
        ("932", b"\x93\xfa\x96\x7b", "日本"),
        ("936", b"\xc4\xe3\xff", "你\ufffd"),
        ("65001", b"\xff", "\ufffd"),
        ("12345", b"\x81", "ü"),
        ("", b"\x81", "ü"),
    ],
)
def test_what_is_no_utf_8_is_of_the_guest_s_code_page(number: str, raw: bytes, expected: str) -> None:
    assert expected == text(raw, code_page=codec(number))
    decoder = Decoder(codec(number))
    assert [expected] == [*decoder.feed(raw), *decoder.finish()]
