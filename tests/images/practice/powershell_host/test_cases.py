"""Our powershell.exe prints what Windows PowerShell 5.1 prints: the tables in cases.toml and cmdlets.toml."""

from __future__ import annotations

import base64
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from subprocess import list2cmdline
from typing import Any

import pytest

from pytest_smolvm.guest.files import file, filesystem
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.progress import nothing

HERE = Path(__file__).parent
CASES = [
    case
    for name in ("cases.toml", "cmdlets.toml")
    for case in tomllib.loads((HERE / name).read_text(encoding="utf-8"))["case"]
]
DIRECTORY = r"C:\work"


@pytest.fixture
def directory(connection: Ssh) -> Iterator[str]:
    """An empty directory."""
    filesystem.make_directories(connection.sftp, DIRECTORY)
    yield DIRECTORY
    connection.execute(f"rmdir /s /q {DIRECTORY}", on_stdout=nothing, on_stderr=nothing)


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_it_prints_what_windows_prints(case: dict[str, Any], connection: Ssh, directory: str) -> None:
    for name, text in case.get("files", {}).items():
        file.write(connection.sftp, rf"{directory}\{name}", text.encode("utf-8-sig"))
    out, err = bytearray(), bytearray()

    code = connection.execute(
        request(case, directory),
        stdin=case.get("stdin", "").encode(),
        on_stdout=out.extend,
        on_stderr=err.extend,
        timeout=120,
    )

    printed, complaints, expected = text_of(out), text_of(err), case | case.get("differs", {})
    if "out" in expected:
        assert re.search(expected["out"], printed, re.DOTALL), printed
    else:
        assert expected.get("stdout", "").replace("\n", "\r\n") == printed
    if "stderr" in expected:
        assert re.search(expected["stderr"], complaints, re.DOTALL), complaints
    else:
        assert complaints == ""
    assert expected.get("exit_code", 0) == code


@pytest.mark.parametrize("case", [case for case in CASES if "differs" in case], ids=lambda case: str(case["name"]))
def test_a_difference_has_a_reason_and_is_one(case: dict[str, Any]) -> None:
    differs = dict(case["differs"])

    assert len(differs.pop("why")) > 20
    assert differs
    assert all(case.get(key) != value for key, value in differs.items())


def request(case: dict[str, Any], directory: str) -> str:
    """The command line; a caret keeps cmd.exe from seeing anything in what follows it."""
    words = list2cmdline(case.get("args") or ["-NoProfile", "-NonInteractive", *script_words(case)])
    return f"cd /d {directory}& powershell.exe " + re.sub(r'([()^&|<>"!])', r"^\1", words)


def script_words(case: dict[str, Any]) -> list[str]:
    if case.get("encoded"):
        return ["-EncodedCommand", base64.b64encode(case["script"].encode("utf-16-le")).decode()]
    return ["-Command", case["script"]]


def text_of(raw: bytearray) -> str:
    return raw.decode("utf-8", "replace")
