"""Guests of a test that stands in a debugger; they are directories."""

from __future__ import annotations

import re
import sys

import pytest

from tests.plugin.stand_in import CONFTEST

COUNT = "import pathlib; print('HELD', len([*pathlib.Path.cwd().glob('*/held.json')]))\n"


def debugged(pytester: pytest.Pytester, tests: str, typed: str, *options: str) -> pytest.RunResult:
    """A run whose debugger is told this."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_it=tests)
    command = (sys.executable, "-mpytest", f"--smolvm-store={pytester.path / 'store'}", *options)
    return pytester.run(*command, stdin=typed.encode())


def test_one_is_held_until_the_test_goes_on(pytester: pytest.Pytester) -> None:
    tests = "def test_one(shared): assert False\ndef test_two(shared): assert False\n"

    ran = debugged(pytester, tests, f"{COUNT}c\n{COUNT}c\n", "--pdb")

    assert ["HELD 1", "HELD 1"] == re.findall(r"HELD \d", ran.stdout.str())
    assert 2 == ran.stderr.str().count("VNC: 127.0.0.1:5901, password ")
    assert [] == [*pytester.path.glob("*/held.json")]


def test_each_has_a_name_of_its_own(pytester: pytest.Pytester) -> None:
    tests = "def test(guest, factory):\n    factory()\n    factory(2)\n    breakpoint()\n"

    ran = debugged(pytester, tests, "c\n")

    said = re.findall(r"pytest-smolvm attach (\S+)", ran.stderr.str())
    assert [f"test_it.py-test{number}" for number in ("", "-2", "-3", "-4")] == said
