"""The answer file: golden files, and what Windows documents."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from pytest_smolvm.errors import AnswerFileError
from pytest_smolvm.images.windows.answers import schema, structure, validator
from pytest_smolvm.images.windows.answers.unattend import Answers, render, stage_command

GOLDEN = Path(__file__).parent / "golden"
WINDOWS_11 = Answers(
    index=6,
    ui_language="en-US",
    locale="en-US",
    timezone="UTC",
    computer_name="SMOLVM-WIN",
    user="smolvm",
    password="smolvm",
    product_key="W269N-WFGWX-YVC9B-4J6C9-T83GX",
    server=False,
    desktop=False,
    bypass_checks=False,
    skip_oobe=False,
)
CASES = {
    "windows-10": replace(
        WINDOWS_11,
        ui_language="de-DE",
        locale="de-DE",
        timezone="W. Europe Standard Time",
        desktop=True,
        skip_oobe=True,
    ),
    "windows-11": WINDOWS_11,
    "windows-10-first-start": replace(WINDOWS_11, index=None, product_key=None, skip_oobe=True),
    "windows-11-bypass": replace(WINDOWS_11, bypass_checks=True),
    "windows-11-evaluation": replace(WINDOWS_11, index=1, product_key=None),
    "windows-server-2022": replace(WINDOWS_11, index=2, product_key="VDYBN-27WPP-V4HQT-9VMD4-VMK7H", server=True),
    "windows-server-2022-first-start": replace(WINDOWS_11, index=None, product_key=None, server=True),
    "windows-server-2025": replace(WINDOWS_11, index=2, product_key="TVRH6-WHNXV-R9WG3-9XRFY-MY832", server=True),
}


@pytest.mark.parametrize("name", CASES)
def test_golden_files(name: str) -> None:
    """Any change of the answer file shows in review as a change of these files."""
    assert render(CASES[name]) == (GOLDEN / f"{name}.xml").read_text(encoding="utf-8")


def test_no_key() -> None:
    """Setup of Windows 11 24H2 asks for one where the element is missing, and evaluation media refuse an empty one."""
    text = render(replace(WINDOWS_11, product_key=None))

    assert re.search(r"<ProductKey>\s*<WillShowUI>Never</WillShowUI>\s*</ProductKey>", text)


def test_values_are_escaped() -> None:
    """Whatever a password holds, the file stays one answer file with that password in it."""
    password = "<&>\"'%]]> --> ü\u20ac"

    root = ElementTree.fromstring(render(replace(WINDOWS_11, password=password)))

    values = {element.text for element in root.iter(f"{{{schema.NAMESPACE}}}Value")}
    assert password in values


def test_no_byte_order_mark() -> None:
    """Setup ignores a file that begins with one and sits at its first page."""
    assert render(WINDOWS_11).encode("utf-8").startswith(b"<?xml")


def test_secrets_are_not_shown() -> None:
    """Neither by repr nor by an error."""
    secret = replace(WINDOWS_11, password="hunter2" * 30, product_key="AAAAA-BBBBB-CCCCC-DDDDD-EEEEE")

    assert "hunter2" not in repr(secret)
    assert "AAAAA" not in repr(secret)
    with pytest.raises(AnswerFileError) as caught:
        render(secret)
    assert "hunter2" not in str(caught.value)


def test_commands_fit() -> None:
    """RunSynchronousCommand takes 259 characters."""
    assert len(stage_command("first-logon")) <= 259


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            "<AcceptEula>true</AcceptEula>",
            "<AcceptEula>yes</AcceptEula>",
            "a value that this package's table does not have",
        ),
        (
            "<AcceptEula>true</AcceptEula>",
            "<AcceptEULA>true</AcceptEULA>",
            "AcceptEULA is not in this package's table",
        ),
        ('pass="specialize"', 'pass="generalize"', "for the pass 'generalize' is not in this package's table"),
        ('<Disk wcm:action="add">', "<Disk>", "wcm:action"),
        ('language="neutral"', 'language="en-US"', "language='neutral' only"),
        ("</unattend>", "", "not well-formed"),
        (
            "<DynamicUpdate>",
            "<DriverPaths><PathAndCredentials><Path>D:</Path></PathAndCredentials></DriverPaths><DynamicUpdate>",
            "DriverPaths",
        ),
    ],
)
def test_undocumented_content_is_refused(old: str, new: str, reason: str) -> None:
    """The check finds the mistakes that Setup ignores in silence; DriverPaths is in the wrong component."""
    text = render(WINDOWS_11)
    assert old in text

    with pytest.raises(AnswerFileError, match=reason):
        validator.check(text.replace(old, new, 1))


def test_every_documented_row_is_used() -> None:
    """The table holds what we write and nothing for its own sake."""
    used: set[tuple[str, str, str]] = set()
    for case in CASES.values():
        for where, name, component in structure.components(structure.parse(render(case))):
            used |= {(where, name, path) for path, _ in structure.leaves(component)}

    assert used == {(where, name, path) for (where, name), rows in schema.SETTINGS.items() for path in rows}
