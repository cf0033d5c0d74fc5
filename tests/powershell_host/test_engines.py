"""A script in the resident PowerShell, in a new one and in a file do the same: the whole conformance table, three times."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_smolvm import conformance
from pytest_smolvm.builder.conformance import runner
from pytest_smolvm.ssh import Ssh


@pytest.fixture(scope="module", params=conformance.ENGINES)
def engine(request: pytest.FixtureRequest, connection: Ssh) -> Iterator[tuple[str, conformance.Runner]]:
    """One of the three ways."""
    with runner(request.param, connection) as run:
        yield request.param, run


@pytest.mark.parametrize("case", conformance.cases(), ids=lambda case: case.name)
def test_a_script_does_what_the_table_says(engine: tuple[str, conformance.Runner], case: conformance.Case) -> None:
    name, run = engine

    (verdict,) = conformance.run(run, name, [case])

    if verdict.skipped:
        pytest.skip(verdict.skipped)
    assert [] == list(verdict.complaints)
