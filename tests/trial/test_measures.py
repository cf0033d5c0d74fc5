"""Time and TPM, as a script tells them. No guest is involved."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pytest_smolvm.errors import ValueNotPrinted
from pytest_smolvm.guest.commands.output import OnLine, RunResult
from pytest_smolvm.host import clock
from pytest_smolvm.trial.measures import Measures, Runs, compared, measure

COLD = Measures(clock=0.1, counter=800, slept=1.01, slept_here=1.2, tpm="enabled True, 2.0")


def guest(*lines: str) -> Runs:
    """One that prints these lines."""

    def run(script: str, on_line: OnLine) -> RunResult:
        for line in lines:
            on_line(line)
        return RunResult("\n".join(lines), "", 0, 0.1, "script")

    return run


def told(**changes: float | str) -> str:
    return json.dumps({"counter": 850, "slept": 1.02, "tpm": "none"} | changes)


def test_a_guest_whose_clock_is_behind() -> None:
    measures = measure(guest("sleeps", "slept", f"now {clock.utc() - 60}", told()))

    assert -61 < measures.clock < -59
    assert 0 <= measures.slept_here < 1
    assert (850, 1.02, "none") == (measures.counter, measures.slept, measures.tpm)


@pytest.mark.parametrize(
    "lines", [(), ("sleeps",), ("sleeps", told()), ("sleeps", "slept", "{broken"), ("slept", "{}")]
)
def test_a_guest_that_does_not_say(lines: tuple[str, ...]) -> None:
    with pytest.raises(ValueNotPrinted):
        measure(guest(*lines))


@pytest.mark.parametrize(
    ("clone", "cold", "wrong"),
    [
        (COLD, COLD, []),
        (replace(COLD, counter=2900), COLD, []),
        (replace(COLD, clock=-300), COLD, ["the clock is right"]),
        (replace(COLD, clock=-300), None, ["the clock is right"]),
        (replace(COLD, counter=9000), COLD, ["the counter costs what it did"]),
        (replace(COLD, slept=0.4), COLD, ["a sleep of one second takes one"]),
        (replace(COLD, slept=31.0), COLD, ["a sleep of one second takes one"]),
        (replace(COLD, tpm="none"), COLD, ["the TPM is the same"]),
    ],
)
def test_a_clone_beside_a_guest_that_was_booted(clone: Measures, cold: Measures | None, wrong: list[str]) -> None:
    assert [f"not so: {what}" for what in wrong] == list(compared(clone, cold).wrong)
