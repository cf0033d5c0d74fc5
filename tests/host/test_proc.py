"""What Linux tells of processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pytest_smolvm.host import proc


def test_memory() -> None:
    total, available = proc.memory_mib()

    assert 0 < available <= total


def test_reserved_huge_pages_are_not_there_for_guests() -> None:
    said = b"MemTotal: 4096000 kB\nMemAvailable: 1024000 kB\nHugePages_Total: 1000\nHugetlb: 2048000 kB\n"

    assert (2000, 1000) == proc.memory_of(said)


def test_who_has_a_file_open(tmp_path: Path) -> None:
    with open(tmp_path / "file", "wb"):
        assert {os.getpid()} == proc.open_files()[tmp_path / "file"]


def test_command_lines() -> None:
    words = [sys.executable, "-c", "print(flush=True); input()", "an argument", "ä"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()  # a program that is only being loaded has no words yet
        assert words == dict(proc.commands())[child.pid]
        child.communicate(b"\n")


def test_the_kind_of_a_file_system() -> None:
    assert "proc" == proc.file_system(Path("/proc"))


def test_processor_time_only_grows() -> None:
    before = proc.cpu_seconds(os.getpid())
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass

    assert before < proc.cpu_seconds(os.getpid())


def test_one_that_has_ended_has_no_start() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # dead, only not reaped
    with pytest.raises(ProcessLookupError):
        proc.started(child.pid)
    child.wait()
    with pytest.raises(FileNotFoundError):
        proc.started(child.pid)
    assert proc.started(os.getpid()) > 0


def test_the_processor_is_described() -> None:
    assert {"vendor_id", "model name", "flags"} <= set(proc.processor())
