"""Freezing and loading, as QEMU is asked for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import MigrationFailed, MonitorError
from pytest_smolvm.machine import migration
from tests.machine.scripted import DONE, FAILED, REFUSED, machine

STATE = Path("/a 'template'/state")
QUOTED = """'/a '"'"'template'"'"'/state'"""


def test_a_machine_is_stopped_and_frozen_without_its_ram() -> None:
    asked: list[dict[str, Any]] = []
    with machine(asked=asked, migrate=DONE) as booted:
        migration.freeze(booted.monitor, STATE)

    assert ["stop", "migrate-set-capabilities", "migrate"] == [request["execute"] for request in asked]
    assert {"capability": "x-ignore-shared", "state": True} in asked[1]["arguments"]["capabilities"]
    assert f"exec:cat > {QUOTED}" == asked[2]["arguments"]["uri"]


def test_a_machine_that_was_loaded_goes_on() -> None:
    asked: list[dict[str, Any]] = []
    with machine(asked=asked, migrate_incoming=DONE) as waiting:
        migration.load(waiting.monitor, STATE)

    assert ["migrate-set-capabilities", "migrate-incoming", "cont"] == [request["execute"] for request in asked]
    assert f"exec:cat {QUOTED}" == asked[1]["arguments"]["uri"]


@pytest.mark.parametrize("work", [migration.freeze, migration.load])
def test_what_stops_in_the_middle_is_told_from_what_is_refused(work: Any) -> None:
    with machine(migrate=FAILED, migrate_incoming=FAILED) as stopping, pytest.raises(MigrationFailed):
        work(stopping.monitor, STATE)
    with machine(migrate=REFUSED, migrate_incoming=REFUSED) as refusing, pytest.raises(MonitorError) as caught:
        work(refusing.monitor, STATE)
    assert not isinstance(caught.value, MigrationFailed)
