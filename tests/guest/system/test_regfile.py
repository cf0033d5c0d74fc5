"""Registry files: what is written for reg.exe, and what is understood of its own."""

from __future__ import annotations

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.system import regfile
from pytest_smolvm.guest.system.regfile import Data, RegistryValue

KEY = r"HKEY_CURRENT_USER\Software\App"


@pytest.mark.parametrize(
    ("data", "kind", "expected"),
    [
        ("text", None, "REG_SZ"),
        ("", None, "REG_SZ"),
        ('q"\\ %PATH%\r\n日本 🎈', "REG_EXPAND_SZ", "REG_EXPAND_SZ"),
        ("x" * 30_000, None, "REG_SZ"),
        (0, None, "REG_DWORD"),
        (0xFFFFFFFF, None, "REG_DWORD"),
        (1 << 32, None, "REG_QWORD"),
        (7, "REG_QWORD", "REG_QWORD"),
        (b"", None, "REG_BINARY"),
        (bytes(range(256)), None, "REG_BINARY"),
        (b"\x01", "REG_NONE", "REG_NONE"),
        (["one", "zwei ü"], None, "REG_MULTI_SZ"),
        ([], None, "REG_MULTI_SZ"),
        ([""], None, "REG_MULTI_SZ"),
        (["", "a", "", "", "b"], None, "REG_MULTI_SZ"),
        ([r"\??\C:\old.dll", "", r"\??\C:\new.dll", r"!\??\C:\x.dll"], None, "REG_MULTI_SZ"),
        ([r"\??\C:\old.dll", ""], None, "REG_MULTI_SZ"),
    ],
)
def test_what_is_written_is_what_is_read(data: Data, kind: str | None, expected: str) -> None:
    value = RegistryValue.of(data, kind)

    read = regfile.parse(regfile.render(KEY, {'na"me\\': value, "": value}))

    assert {KEY: {'na"me\\': RegistryValue(data, expected), "": RegistryValue(data, expected)}} == read


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (-1, None),
        (1 << 64, None),
        (1 << 32, "REG_DWORD"),
        (True, None),
        (1.5, None),
        ("a\0b", None),
        ("1", "REG_DWORD"),
        (["a", "b\0"], None),
        (["a", 1], None),
        (1, "REG_SZ"),
        ("x", "REG_LINK"),
    ],
)
def test_what_a_type_cannot_hold_is_refused(data: Data, kind: str | None) -> None:
    with pytest.raises(UsageError):
        RegistryValue.of(data, kind)


def test_an_export_of_windows_is_understood() -> None:
    text = (
        "Windows Registry Editor Version 5.00\r\n\r\n"
        "[HKEY_CURRENT_USER\\Software\\App [x]]\r\n"
        '@="default"\r\n'
        '"plain"="a\\\\b \\"c\\""\r\n'
        '"lines"="first\r\n[second]\r\n\\"third\\"=x"\r\n'
        '"number"=dword:0000002a\r\n'
        '"wide"=hex(b):01,00,00,00,00,00,00,00\r\n'
        '"path"=hex(2):25,00,41,00,\\\r\n  25,00,00,00\r\n'
        '"list"=hex(7):61,00,00,00,62,00,00,00,00,00\r\n'
        '"bytes"=hex:00,ff\r\n'
        '"strange"=hex(8):01\r\n'
        "\r\n"
        "[HKEY_CURRENT_USER\\Software\\App [x]\\Below]\r\n\r\n"
    )

    read = regfile.parse(b"\xff\xfe" + text.encode("utf-16-le"))

    assert read == {
        "HKEY_CURRENT_USER\\Software\\App [x]": {
            "": RegistryValue("default", "REG_SZ"),
            "plain": RegistryValue('a\\b "c"', "REG_SZ"),
            "lines": RegistryValue('first\n[second]\n"third"=x', "REG_SZ"),
            "number": RegistryValue(42, "REG_DWORD"),
            "wide": RegistryValue(1, "REG_QWORD"),
            "path": RegistryValue("%A%", "REG_EXPAND_SZ"),
            "list": RegistryValue(["a", "b"], "REG_MULTI_SZ"),
            "bytes": RegistryValue(b"\x00\xff", "REG_BINARY"),
            "strange": RegistryValue(b"\x01", "REG_8"),
        },
        "HKEY_CURRENT_USER\\Software\\App [x]\\Below": {},
    }


def test_an_export_of_wine_is_understood() -> None:
    text = 'Windows Registry Editor Version 5.00\r\n\r\n[HKEY_CURRENT_USER\\A]\r\n"x"="one\\ntwo\\\\n"\r\n\r\n'

    assert {"x": RegistryValue("one\ntwo\\n", "REG_SZ")} == regfile.parse(b"\xff\xfe" + text.encode("utf-16-le"))[
        r"HKEY_CURRENT_USER\A"
    ]


@pytest.mark.parametrize(
    ("stored", "strings"),
    [
        ("a\0\0b\0\0\0", ["a", "", "b", ""]),
        ("a\0b\0\0", ["a", "b"]),
        ("a\0b\0", ["a", "b"]),
        ("a\0b", ["a", "b"]),
        ("\0", []),
        ("", []),
    ],
)
def test_lists_of_windows_are_exact_and_those_of_careless_programs_are_read(stored: str, strings: list[str]) -> None:
    digits = stored.encode("utf-16-le").hex(",")
    text = f'Windows Registry Editor Version 5.00\r\n\r\n[{KEY}]\r\n"x"=hex(7):{digits}\r\n'

    assert {"x": RegistryValue(strings, "REG_MULTI_SZ")} == regfile.parse(b"\xff\xfe" + text.encode("utf-16-le"))[KEY]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (r"HKCU\Software\App", KEY),
        ("HKCU:\\Software\\App\\", KEY),
        (r"hkey_current_user\Software\App", KEY),
        ("HKLM", "HKEY_LOCAL_MACHINE"),
    ],
)
def test_keys_get_the_long_name_of_their_root(given: str, expected: str) -> None:
    assert expected == regfile.full_key(given)


@pytest.mark.parametrize(
    "key", ["", "Software", r"HKXX\a", r"HKCU\\a", 'HKCU\\a"b', "HKCU\\a\nb", "HKCU\\" + "x" * 256]
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(UsageError):
        regfile.full_key(key)


def test_a_value_is_deleted_by_a_minus_sign_and_a_key_by_one_before_it() -> None:
    value = regfile.render(KEY, {"x": None}).decode("utf-16")
    key = regfile.render_deletion(KEY).decode("utf-16")

    assert '"x"=-' in value.splitlines()
    assert f"[-{KEY}]" in key.splitlines()
