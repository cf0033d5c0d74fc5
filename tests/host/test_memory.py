"""Another process' memory, looked into for real."""

from __future__ import annotations

import mmap
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_smolvm.host.memory import PAGE, Area

PAGES = 40
PROGRAM = """
import ctypes, mmap, sys
page = mmap.PAGESIZE
with open(sys.argv[1], "r+b") as file:
    held = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE)
    held[3 * page] = held[4 * page] = held[39 * page] = 1
    held[7 * page:8 * page] = bytes(page)
    held[20 * page]  # is only read
    print(ctypes.addressof(ctypes.c_char.from_buffer(held)), flush=True)
    for line in sys.stdin:
        print(held[int(line)], flush=True)
"""


@pytest.fixture(name="base")
def _base(tmp_path: Path) -> Path:
    path = tmp_path / "base"
    path.write_bytes(b"b" * PAGES * PAGE)
    return path


@pytest.fixture(name="program")
def _program(base: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, base], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        yield child
        child.kill()


@pytest.fixture(name="area")
def _area(program: subprocess.Popen[str]) -> Area:
    assert program.stdout is not None
    return Area(program.pid, int(program.stdout.readline()), PAGES * PAGE)


def test_pages_of_a_file_are_its_own_once_it_has_written_to_them(area: Area) -> None:
    assert [(3 * PAGE, 2 * PAGE), (7 * PAGE, PAGE), (39 * PAGE, PAGE)] == area.own_pages()


def test_they_are_copied_each_to_its_place(area: Area, tmp_path: Path) -> None:
    copy = tmp_path / "copy"

    area.save(area.own_pages(), copy)

    with open(copy, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as held:
        assert PAGES * PAGE == len(held)
        assert b"\1bb" == held[3 * PAGE : 3 * PAGE + 3]
        assert bytes(PAGE) == held[7 * PAGE : 8 * PAGE]
        assert 0 == held[20 * PAGE]
    assert copy.stat().st_blocks * 512 <= 4 * PAGE  # zeroes take nothing


def test_they_are_copied_back(area: Area, program: subprocess.Popen[str], tmp_path: Path, base: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(bytes(range(PAGES)) * PAGE)
    assert program.stdin is not None
    assert program.stdout is not None

    area.fill([(0, PAGE), (10 * PAGE, 20 * PAGE)], other)

    seen = []
    for place in (1, 5 * PAGE, 10 * PAGE + 2, 30 * PAGE):
        print(place, file=program.stdin, flush=True)
        seen.append(int(program.stdout.readline()))
    assert [1, ord("b"), (10 * PAGE + 2) % PAGES, ord("b")] == seen
    assert b"b" * PAGES * PAGE == base.read_bytes()


def test_a_process_that_has_ended(area: Area, program: subprocess.Popen[str], tmp_path: Path) -> None:
    program.kill()
    program.wait()

    with pytest.raises(ProcessLookupError):
        area.own_pages()
    with pytest.raises(ProcessLookupError):
        area.save([(0, PAGE)], tmp_path / "copy")
