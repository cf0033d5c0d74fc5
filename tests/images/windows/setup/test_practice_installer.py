"""The practice installer's own reading of answer files: as strict as Windows where ours must be right. No guest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pytest_smolvm.images.windows.answers.unattend import render, stage_command
from tests.images.windows.answers.test_unattend import WINDOWS_11
from tests.images.windows.installer_disc import SOURCES

pytestmark = pytest.mark.tool("gcc")
_READER = r"""
#include "answers.h"
#include <stdio.h>
int main(int argc, char **argv)
{
    static char text[1 << 20];
    size_t length = fread(text, 1, sizeof text, stdin);
    struct answers *answers = parse_answers(text, length);
    const char *value = answers ? answer(answers, argv[1], argv[2], 0) : "REFUSED";
    puts(value ? value : "NONE");
    return argc != 3;
}
"""


@pytest.fixture(name="reader", scope="module")
def _reader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("reader")
    (directory / "main.c").write_text(_READER, encoding="utf-8")
    program = directory / "reader"
    subprocess.run(
        ["gcc", "-O1", f"-I{SOURCES}", "-o", program, directory / "main.c", SOURCES / "answers.c"], check=True
    )
    return program


def read(reader: Path, text: str, component: str, path: str) -> str:
    run = subprocess.run([reader, component, path], input=text.encode(), stdout=subprocess.PIPE, check=True)
    return run.stdout.decode().rstrip("\n")


@pytest.mark.parametrize(
    ("component", "path", "value"),
    [
        ("windowsPE/Microsoft-Windows-Setup/", "ImageInstall/OSImage/InstallFrom/MetaData/Value", "6"),
        ("windowsPE/Microsoft-Windows-Setup/", "UserData/AcceptEula", "true"),
        ("windowsPE/Microsoft-Windows-Setup/", "UserData/Missing", "NONE"),
        (
            "specialize/Microsoft-Windows-Deployment/",
            "RunSynchronous/RunSynchronousCommand/Path",
            stage_command("specialize"),
        ),
        (
            "oobeSystem/Microsoft-Windows-Shell-Setup/",
            "FirstLogonCommands/SynchronousCommand/CommandLine",
            stage_command("first-logon"),
        ),
    ],
)
def test_reads_our_answer_file(reader: Path, component: str, path: str, value: str) -> None:
    """Every setting the installer acts on."""
    assert read(reader, render(WINDOWS_11), component, path) == value


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("</unattend>", ""),
        lambda text: text.replace("</UserData>", "</UserDate>"),
        lambda text: text.replace("<?xml", "xml"),
        lambda text: text[: len(text) // 2],
    ],
    ids=["byte-order mark", "root not closed", "tags cross", "no declaration", "cut off"],
)
def test_refuses_what_windows_ignores(reader: Path, spoil: object) -> None:
    """So that a broken answer file fails here as it would there."""
    assert callable(spoil)

    assert read(reader, spoil(render(WINDOWS_11)), "x", "y") == "REFUSED"
