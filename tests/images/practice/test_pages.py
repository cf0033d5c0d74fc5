"""Programs laid out so that wine can map them."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from pytest_smolvm.images.practice.pages import paged

PAGE = 4096
SOURCE = r"""
#include <windows.h>
static char kept[5000] = "initialised";
int main(void) { return kept[GetTickCount() % 5000]; }
"""


def compiled(directory: Path, *options: str) -> bytes:
    """A program for 64-bit Windows."""
    source, program = directory / "source.c", directory / "source.exe"
    source.write_text(SOURCE)
    subprocess.run(["x86_64-w64-mingw32-gcc", *options, "-o", program, source], check=True)
    return program.read_bytes()


def sections(program: bytes, directory: Path) -> dict[str, tuple[int, str, bytes]]:
    """Where each section lies in the file and in memory, and what is in it, as binutils read it."""
    file = directory / "read.exe"
    file.write_bytes(program)
    listed = subprocess.run(["objdump", "-h", file], check=True, capture_output=True, text=True).stdout
    found = {}
    for name, size, address, start in re.findall(r"^ +\d+ (\S+) +(\w+)  (\w+)  \w+  (\w+) ", listed, re.MULTILINE):
        offset = int(start, 16)
        found[name] = (offset, address, program[offset : offset + int(size, 16)] if offset else b"")
    return found


def test_sections_begin_at_pages_and_stay_what_they_are(tmp_path: Path) -> None:
    program = compiled(tmp_path, "-s", "-Wl,--file-alignment,512")
    before, after = sections(program, tmp_path), sections(paged(program), tmp_path)

    assert any(start % PAGE for start, _, _ in before.values())
    assert all(start % PAGE == 0 for start, _, _ in after.values())
    assert {name: rest for name, (_, *rest) in after.items()} == {name: rest for name, (_, *rest) in before.items()}


def test_what_is_for_debuggers_is_found_at_its_new_place(tmp_path: Path) -> None:
    moved = paged(compiled(tmp_path, "-s", "-Wl,--build-id"))
    (tmp_path / "moved.exe").write_bytes(moved)
    told = subprocess.run(["objdump", "-p", tmp_path / "moved.exe"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"CodeView +\w+ +\w+ +(\w+)$", told, re.MULTILINE)

    assert found is not None
    assert moved[int(found.group(1), 16) :].startswith(b"RSDS")


def test_doing_it_twice_changes_nothing(tmp_path: Path) -> None:
    once = paged(compiled(tmp_path, "-s"))

    assert paged(once) == once


def test_what_follows_the_last_section_is_left_where_it_is(tmp_path: Path) -> None:
    program = compiled(tmp_path, "-s") + b"found by its place"

    assert paged(program) == program


@pytest.mark.parametrize("content", [b"", b"MZ", b"MZ" + bytes(100), b"\x7fELF" + bytes(100)])
def test_what_is_no_program_stays(content: bytes) -> None:
    assert paged(content) == content
