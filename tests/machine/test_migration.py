"""Freezing and loading, as QEMU is asked for it."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest

from pytest_smolvm.errors import MigrationFailed, MonitorError
from pytest_smolvm.machine import migration
from tests.machine.scripted import DONE, FAILED, REFUSED, machine

DEVICES = bytes(range(256)) * 5000


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "a 'template', state"


def test_a_machine_is_stopped_and_frozen_without_its_ram(state: Path) -> None:
    asked: list[dict[str, Any]] = []
    with machine(asked=asked, stream=lambda stream: stream.sendall(DEVICES), migrate=DONE) as booted:
        migration.freeze(booted.monitor, state)

    assert ["stop", "migrate-set-capabilities", "getfd", "migrate"] == [request["execute"] for request in asked]
    assert {"capability": "x-ignore-shared", "state": True} in asked[1]["arguments"]["capabilities"]
    assert f"fd:{asked[2]['arguments']['fdname']}" == asked[3]["arguments"]["uri"]
    assert DEVICES == state.read_bytes()


def test_a_machine_that_was_loaded_goes_on(state: Path) -> None:
    asked: list[dict[str, Any]] = []
    state.write_bytes(DEVICES)
    came: list[bytes] = []

    def take(stream: socket.socket) -> None:
        with stream.makefile("rb") as whole:
            came.append(whole.read(len(DEVICES)))

    with machine(asked=asked, stream=take, migrate_incoming=DONE) as waiting:
        migration.load(waiting.monitor, state)

    assert ["migrate-set-capabilities", "getfd", "stop", "migrate-incoming", "cont"] == [
        request["execute"] for request in asked
    ]
    assert [DEVICES] == came


def test_what_is_to_be_done_before_a_machine_goes_on_comes_after_its_devices(state: Path) -> None:
    asked: list[dict[str, Any]] = []
    state.write_bytes(DEVICES)
    seen: list[str] = []
    with machine(asked=asked, migrate_incoming=DONE) as waiting:
        migration.load(waiting.monitor, state, lambda: seen.extend(request["execute"] for request in asked))

    assert "migrate-incoming" == seen[-1]
    assert "cont" == asked[-1]["execute"]


@pytest.mark.parametrize("work", [migration.freeze, migration.load])
def test_what_stops_in_the_middle_is_told_from_what_is_refused(work: Any, state: Path) -> None:
    state.write_bytes(DEVICES)
    with machine(migrate=FAILED, migrate_incoming=FAILED) as stopping, pytest.raises(MigrationFailed):
        work(stopping.monitor, state)
    with machine(migrate=REFUSED, migrate_incoming=REFUSED) as refusing, pytest.raises(MonitorError) as caught:
        work(refusing.monitor, state)
    assert not isinstance(caught.value, MigrationFailed)
