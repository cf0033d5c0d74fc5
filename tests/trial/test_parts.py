"""The parts of a guest object, on the practice guest's programs on this host: without a machine around them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.trial import facts
from pytest_smolvm.trial.outcome import FAILED, OK, SKIPPED, attempted
from pytest_smolvm.trial.parts import PARTS
from scripts.loopback import Computer, Loopback
from tests.userland import practice_userland

# Here tar.exe cannot be run, there is no screen and nothing to restart.
ALONE = [name for name, _ in PARTS if name not in ("trees both ways", "the session on the screen", "a reboot")]


@pytest.fixture(name="vm", scope="module")
def _vm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmolVM]:
    with practice_userland(tmp_path_factory.mktemp("userland")) as connection:
        computer = Computer(connection._connection.getpeername()[1])
        with Loopback(computer, GuestSpec(image=Path("none")), connection) as vm:
            yield vm


@pytest.mark.parametrize("name", ALONE)
def test_a_part(vm: SmolVM, name: str) -> None:
    """Each comes to what it should; wine makes no junctions."""
    outcome = attempted("parts", name, lambda: dict(PARTS)[name](vm))

    assert (SKIPPED if "junction" in name else OK) == outcome.verdict, outcome.said


def test_what_programs_print_is_read_in_the_code_page_that_the_resident_tells(vm: SmolVM) -> None:
    """Which is not 437 on the runners that speak German."""
    assert "cp437" == vm._running().code_page


def test_facts(vm: SmolVM) -> None:
    """Each is told or not known; none breaks off."""
    with vm._using() as connection:
        asking = facts.Facts(connection)
        told = {
            fact.name: attempted("facts", fact.name, partial(asking.ask, fact)) for fact in facts.FACTS
        }  # fmt: skip

    assert FAILED not in {outcome.verdict for outcome in told.values()}
    assert "FullLanguage" == told["LanguageMode"].said
    assert "437" in told["code pages (ANSI, OEM)"].said
    assert "no" == told["made by SmolVM's own builder"].said
    assert told["tar.exe"].said.startswith("bsdtar")
