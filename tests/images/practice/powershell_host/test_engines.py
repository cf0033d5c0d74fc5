"""A script in the resident PowerShell, in a new one and in a file do the same: the whole conformance table, three times."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.images.conformance import cases
from pytest_smolvm.images.conformance.check import runner

# What a file does is the practice guest's affair alone: that proves the table rather than our ways to run a script.
ENGINES = [pytest.param(name, marks=pytest.mark.slow if name == "file" else ()) for name in cases.ENGINES]


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest, connection: Ssh) -> Iterator[tuple[str, cases.Runner]]:
    """One of the three ways."""
    with runner(request.param, connection) as run:
        yield request.param, run


@pytest.mark.parametrize("case", cases.cases(), ids=lambda case: str(case.name))
def test_a_script_does_what_the_table_says(engine: tuple[str, cases.Runner], case: cases.Case) -> None:
    name, run = engine

    (verdict,) = cases.run(run, name, [case])

    if verdict.skipped:
        pytest.skip(verdict.skipped)
    assert [] == list(verdict.complaints)
