"""Values of a script as Python's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from pytest_smolvm.errors import ValueNotPrinted
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.commands.values import run_json


@pytest.mark.parametrize(
    ("json", "value"),
    [
        ("null", None),
        ("[1]", [1]),
        ('{"a":[{"b":null}]}', {"a": [{"b": None}]}),
        ('{"\\u0000date":"2024-01-02T03:04:05.600000+00:00"}', datetime(2024, 1, 2, 3, 4, 5, 600000, UTC)),
        ('{"\\u0000date":"2024-01-02T03:04:05.000000"}', datetime(2024, 1, 2, 3, 4, 5)),
        ('{"\\u0000span":"12345670"}', timedelta(seconds=1.234567)),
        ('{"\\u0000bytes":"00FF"}', b"\0\xff"),
        ('{"\\u0000float":"-inf"}', float("-inf")),
    ],
)
def test_values_come_back_as_what_they_are(json: str, value: object) -> None:
    assert value == run_json(lambda *_: RunResult("noise\x1e" + json, "", 0, 0.1, "x"), "script")


def test_a_script_from_a_file_with_a_byte_order_mark_is_the_same_script() -> None:
    sent: list[object] = []

    def run(_: str, args: Sequence[Argument]) -> RunResult:
        sent.extend(args)
        return RunResult("\x1e1", "", 0, 0.1, "x")

    run_json(run, "\ufeff$args", ["\ufeff"])

    assert ["$args", "\ufeff"] == sent


def test_a_script_that_leaves_before_its_value_is_there() -> None:
    with pytest.raises(ValueNotPrinted, match="before its value") as caught:
        run_json(lambda *_: RunResult("noise", "warning", 0, 0.1, "x"), "exit 0")

    assert ("noise", "warning") == (caught.value.stdout, caught.value.stderr)
