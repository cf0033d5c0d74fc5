"""A script in the resident PowerShell, in a new one and in a file do the same: the whole conformance table, three times."""

from __future__ import annotations

import pytest

from pytest_smolvm import conformance
from pytest_smolvm.builder.conformance import runner
from pytest_smolvm.ssh import Ssh


# As long as the connection: a channel that is collected unclosed closes itself, and waits for ever if the thread that
# happens to collect it is about to send (paramiko's Channel.__del__).
KEPT: list[conformance.Runner] = []


@pytest.fixture(scope="module", params=conformance.ENGINES)
def engine(request: pytest.FixtureRequest, connection: Ssh) -> tuple[str, conformance.Runner]:
    """One of the three ways."""
    run = runner(request.param, connection)
    KEPT.append(run)
    return request.param, run


@pytest.mark.parametrize("case", conformance.cases(), ids=lambda case: case.name)
def test_a_script_does_what_the_table_says(engine: tuple[str, conformance.Runner], case: conformance.Case) -> None:
    name, run = engine

    (verdict,) = conformance.run(run, name, [case])

    if verdict.skipped:
        pytest.skip(verdict.skipped)
    assert [] == list(verdict.complaints)
