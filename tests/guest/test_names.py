"""Windows' rules, checked on this side of the wire."""

from __future__ import annotations

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest import names


def test_paths_of_pathlib_are_taken_if_they_are_of_windows() -> None:
    assert r"C:\a\b.txt" == names.absolute(PureWindowsPath("C:/a", "b.txt"))
    with pytest.raises(UsageError, match=r"'a.txt' is not an absolute"):
        names.absolute(PureWindowsPath("a.txt"))


@pytest.mark.parametrize("path", [PurePosixPath("C:/a"), b"C:/a", None, 3])
def test_what_is_no_path_of_windows_is_refused(path: Any) -> None:
    with pytest.raises(UsageError, match=re.escape(repr(path))):
        names.absolute(path)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (r"C:\Users\smolvm\a.txt", r"C:\Users\smolvm\a.txt"),
        ("c:/Program Files/x", r"c:\Program Files\x"),
        ("D:\\", "D:\\"),
        (r"C:\a\\b\ ".rstrip(), r"C:\a\b"),
        (r"C:\Grüße\日本.txt", r"C:\Grüße\日本.txt"),
        (r"C:\console.txt", r"C:\console.txt"),
        (r"C:\.config\.x", r"C:\.config\.x"),
    ],
)
def test_absolute_paths_come_out_with_backslashes(given: str, expected: str) -> None:
    assert expected == names.absolute(given)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a.txt", "not an absolute Windows path"),
        (r"\a.txt", "not an absolute Windows path"),
        ("C:a.txt", "not an absolute Windows path"),
        (r"\\server\share\x", "not an absolute Windows path"),
        (r"C:\a<b", "'<'"),
        ("C:\\a\nb", "does not allow"),
        (r"C:\a:stream", "':'"),
        (r"C:\dir.\x", "would drop"),
        (r"C:\nul", "reserved device name"),
        (r"C:\x\COM1.txt", "reserved device name"),
        (r"C:\x\aux .log", "reserved device name"),
        (r"C:\a\..\b", "'..'"),
        ("C:\\" + "x" * 256, "more than 255"),
        ("C:\\" + "\\".join(["x" * 200] * 200), "more than 32767"),
    ],
)
def test_what_windows_cannot_store_is_refused_with_the_reason(path: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason.replace("\\", "\\\\").replace(".", r"\.")):
        names.absolute(path)


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"": "x"}, "cannot be the name"),
        ({"A=B": "x"}, "cannot be the name"),
        ({"A\0": "x"}, "cannot be the name"),
        ({"A" * 255: "x"}, "more than 254"),
        ({"A": "x\0y"}, "NUL"),
        ({"A": "x" * 32768}, "more than 32767"),
        ({"Mode": "1", "MODE": "2"}, "the same one"),
        ({"Path": "x"}, "replace PATH"),
        ({"A": 1}, "must be text"),
    ],
)
def test_environment_that_windows_cannot_have(variables: dict[str, str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        names.check_environment(variables)


def test_an_error_about_a_variable_never_shows_its_value() -> None:
    with pytest.raises(UsageError) as caught:
        names.check_environment({"TOKEN": "s3cret\0"})

    assert "s3cret" not in str(caught.value)
