"""What is sent to a guest to run a script."""

from __future__ import annotations

import re
import struct
from pathlib import PureWindowsPath

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.commands import powershell

SCRIPTS = ("bytes", "call", "fresh", "native", "library", "start", "json", "spawn", "spawned")


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_are_ascii_because_5_1_reads_files_in_the_ansi_code_page(name: str) -> None:
    assert powershell.text_of(name).isascii()


def test_the_library_is_named_after_what_is_in_it() -> None:
    assert powershell.library_name("a") != powershell.library_name("b")
    assert powershell.loading("class C;") == powershell.library_name("class C;")[7:].encode() + b"\x08\0\0\0class C;"


def test_variables_are_set_by_windows_own_function() -> None:
    """Environment.SetEnvironmentVariable deletes one that is to be empty, on .NET Framework; it is there for deleting only."""
    calls = re.findall(r"[^.]\bEnvironment\.SetEnvironmentVariable\((.*)\);", powershell.library())

    assert calls
    assert [call for call in calls if not call.endswith("null")] == []


@pytest.mark.parametrize("name", ["spawn", "spawned"])
def test_scripts_name_the_functions_of_windows_that_they_call(name: str) -> None:
    shared, own = powershell.text_of("native"), powershell.text_of(name)
    ours = dict(re.findall(r"^function ([\w-]+)(.*?)^}$", shared + own, re.MULTILINE | re.DOTALL))
    asked = re.search(r"^\$Native = New-Native (.*?)(?=^\S)", own + "\n.", re.MULTILINE | re.DOTALL)
    assert asked is not None
    starting = re.search(r"^\$Starting = (.*)$", shared, re.MULTILINE)
    assert starting is not None
    named = set(re.findall(r"'(\w+)'", asked[1].replace("$Starting", starting[1])))

    body, called = own, set[str]()
    while new := {word for word in re.findall(r"\b[A-Z]\w+-\w+\b", body) if word in ours} - called:
        called |= new
        body += "".join(ours[word] for word in new)

    assert set(re.findall(r"\$Native::(\w+)", body)) == named


@pytest.mark.parametrize(
    "request_and_stdin",
    [powershell.command("x" * 10**6, ["a" * 10**6]), powershell.bootstrap("library", "start")],
)
def test_a_command_line_is_short_and_means_the_same_to_cmd(request_and_stdin: tuple[str, bytes]) -> None:
    line, _ = request_and_stdin
    program, command = line.split(' -Command "')

    assert len(line) < 4000
    assert program.startswith("powershell.exe ")
    assert command.endswith('"')
    assert not re.search(r'["%!\r\n]', command[:-1])


def test_a_script_is_sent_without_the_byte_order_mark_of_its_file_and_arguments_as_they_are() -> None:
    assert powershell.request("param($a) $a", ["\ufeffx"]) == powershell.request("\ufeffparam($a) $a", ["\ufeffx"])


def test_a_path_of_windows_is_an_argument() -> None:
    assert powershell.request("x", ["C:\\a b"]) == powershell.request("x", [PureWindowsPath("C:/a b")])


def test_a_new_powershell_gets_our_program_and_the_request_on_stdin() -> None:
    line, stdin = powershell.command("'ü'", ["it's", 5])

    program, asked = powershell.text_of("bytes", "call", "fresh").encode(), powershell.request("'ü'", ["it's", 5])
    assert program + struct.pack("<i", len(asked)) + asked == stdin
    assert f"[byte[]]::new({len(program)})" in line


def test_a_request_has_typed_parts() -> None:
    def part(kind: bytes, text: bytes) -> bytes:
        return kind + struct.pack("<i", len(text)) + text

    expected = struct.pack("<i", 7) + part(b"s", b"code") + part(b"s", "ü".encode()) + part(b"i", b"-1")
    expected += part(b"l", b"2147483648") + part(b"f", b"0.1") + part(b"b", b"0") + part(b"n", b"")

    assert expected == powershell.request("code", ["ü", -1, 2**31, 0.1, False, None])


@pytest.mark.parametrize("value", [object(), b"bytes", [1], 2**63])
def test_what_cannot_be_an_argument_is_refused(value: object) -> None:
    with pytest.raises(UsageError, match="cannot be an argument"):
        powershell.request("code", [value])  # type: ignore[list-item]
