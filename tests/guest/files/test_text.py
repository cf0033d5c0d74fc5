"""What is in a text file of a guest."""

from __future__ import annotations

import pytest

from pytest_smolvm.errors import TransferError, UsageError
from pytest_smolvm.guest.files.text import decoded, encoded

PATH = r"C:\log.txt"
TEXT = "Größe 日本 🎈\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_what_a_text_is(encoding: str) -> None:
    assert TEXT == decoded(TEXT.encode(encoding), None, PATH)


def test_both_orders_of_utf_16_are_read() -> None:
    assert TEXT == decoded(b"\xfe\xff" + TEXT.encode("utf-16-be"), None, PATH)


def test_an_encoding_that_is_given_is_the_one_that_counts() -> None:
    assert "\ufeffx" == decoded(b"\xff\xfex\0", "utf-16-le", PATH)
    assert "ü" == decoded(b"\xfc", "cp1252", PATH)


def test_a_file_in_a_code_page_is_refused_by_name_and_with_advice() -> None:
    with pytest.raises(TransferError, match=r"C:\\log\.txt is not text in utf-8-sig .* 0xf6 in position 2.*cp1252"):
        decoded("Größe".encode("cp1252"), None, PATH)


def test_one_that_is_cut_in_a_character_is_refused_by_name() -> None:
    with pytest.raises(TransferError, match=r"C:\\log\.txt is not text in utf-16"):
        decoded(b"\xff\xfex", None, PATH)


def test_a_mark_that_contradicts_the_encoding_is_told() -> None:
    with pytest.raises(TransferError, match="mark of utf-16: leave out encoding="):
        decoded(b"\xff\xfex\0", "utf-8", PATH)


def test_what_an_encoding_cannot_hold_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"what C:\\log\.txt is to hold cannot be written in cp1252"):
        encoded("日本", "cp1252", PATH)


def test_an_encoding_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match="encoding='utf-9'"):
        decoded(b"x", "utf-9", PATH)
    with pytest.raises(UsageError, match="encoding='utf-9'"):
        encoded("x", "utf-9", PATH)
