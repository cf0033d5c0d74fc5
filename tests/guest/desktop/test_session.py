"""Where scripts for the screen run, and why they cannot; the guest is what its PowerShell says."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import NoDesktop, UsageError
from pytest_smolvm.guest.commands import powershell, run
from pytest_smolvm.guest.commands.shells import Script, Shell, Sinks
from pytest_smolvm.guest.desktop import library, source
from pytest_smolvm.guest.desktop.session import DesktopSession
from tests.guest.commands import residents

SEEN = {"here": False, "own": 0, "shown": 1, "user": "PC\\ada", "ours": "pc\\Ada", "automatic": False, "kept": ""}


class Connection:
    """What is asked of one here: the way to a port of the guest."""

    code_page = "cp437"
    alive = True
    tunnel = staticmethod(residents.tunnel)


class Ordinary:
    """A guest's ordinary PowerShell.

    :param places: what it says of where it is, in turn, the last one again and again.
    :param started: what the starter prints in the other session.
    """

    def __init__(self, *places: dict[str, Any], started: str = "") -> None:
        self._places = list(places)
        self._started = started
        self.summoned: list[list[Any]] = []

    def resident_only(self, ssh: object) -> Shell:
        return self

    def run(self, script: Script, sinks: Sinks) -> int:
        if script.text == library.script("summon"):
            self.summoned.append([*script.args])
            sinks.stdout(self._started.encode())
        elif script.text == library.script("ask"):
            place = self._places.pop(0) if len(self._places) > 1 else self._places[0]
            sinks.stdout(json.dumps(SEEN | place).encode())
        else:
            sinks.stdout(b"ordinary")
        return 0


def said(ordinary: Ordinary, patience: float = 5) -> str:
    """What a script prints that runs in the session on the screen."""
    session = DesktopSession(lambda: ordinary, patience)
    ssh: Any = Connection()
    try:
        return run.run(ssh, "script", resident=session.via(ssh), timeout=10).stdout
    finally:
        if session._resident is not None:
            session._resident.close()


def test_where_the_ordinary_one_is_on_the_screen_it_is_used() -> None:
    ordinary = Ordinary({"here": True, "own": 1, "user": None})

    assert "ordinary" == said(ordinary)
    assert [] == ordinary.summoned


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ({"user": ""}, "nobody is logged on at the guest's screen: windows build-image --desktop makes an image whose"),
        ({"user": "PC\\bob"}, r"PC\\bob is logged on at the guest's screen, and commands run as pc\\Ada"),
        ({"user": "OTHER\\ada"}, r"OTHER\\ada is logged on"),
        ({"user": None}, "Windows does not say who is logged on in session 1"),
        ({"shown": 0, "user": ""}, "shows no session at this moment"),
    ],
    ids=["nobody", "another", "another's namesake", "unknown", "no session"],
)
def test_who_is_not_there_is_told(place: dict[str, Any], reason: str) -> None:
    ordinary = Ordinary(place)
    with pytest.raises(NoDesktop, match=reason):
        said(ordinary)

    assert [] == ordinary.summoned


def test_a_user_whom_windows_logs_on_by_itself_is_waited_for() -> None:
    waiting = {"user": "", "automatic": True}
    with residents.guest(residents.answer) as there:
        (port,) = there.at_rest.ports  # type: ignore[union-attr]
        ordinary = Ordinary(waiting, {"automatic": True}, started=f"850 {port} {port}")

        said(ordinary)

    assert [[source.name(), 1, 2, 5000]] == ordinary.summoned


def test_a_user_whom_windows_does_not_log_on_after_all_is_told() -> None:
    with pytest.raises(NoDesktop, match=r"nobody is logged on .*, though Windows is to log somebody on by itself"):
        said(Ordinary({"user": "", "automatic": True}), patience=0.1)


def test_what_runs_there_since_the_guest_was_frozen_is_used() -> None:
    with residents.guest(residents.answer) as there:
        (port,) = there.at_rest.ports  # type: ignore[union-attr]
        ordinary = Ordinary({"kept": f"{residents.SECRET} 850 {port}"})

        assert str(len(powershell.request("script"))) == said(ordinary)
        assert [] == ordinary.summoned


def test_what_has_ended_since_is_started_anew() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    ordinary = Ordinary({"kept": f"{residents.SECRET} 850 {port}"}, started="refused: here")
    with pytest.raises(NoDesktop, match=": here"):
        said(ordinary)

    assert 1 == len(ordinary.summoned)


@pytest.mark.parametrize(
    ("started", "reason"),
    [
        ("refused: Access is denied. (0x80070005)", r"Task Scheduler runs nothing in session 1 .*: Access is denied"),
        ("its process has ended with exit code 1: policy", "did not start: its process has ended with exit code 1"),
        ("", "did not start: it said nothing"),
        ("850 49152", "did not start: 850 49152"),
    ],
)
def test_a_powershell_that_does_not_start_there_is_told(started: str, reason: str) -> None:
    with pytest.raises(NoDesktop, match=reason):
        said(Ordinary({}, started=started))


def test_one_that_ends_at_once_is_started_anew_once_and_told() -> None:
    with residents.guest(lambda worker: None, processes=1) as there:
        (port,) = there.at_rest.ports  # type: ignore[union-attr]
        ordinary = Ordinary({}, started=f"850 {port} {port}")
        with pytest.raises(NoDesktop, match="ends again and again"):
            said(ordinary)

    assert 2 == len(ordinary.summoned)


@pytest.mark.parametrize("more", [{"shell": "cmd"}, {"fresh": True}])
def test_only_what_waits_there_runs_scripts_there(more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="desktop=True runs PowerShell scripts"):
        SmolVM(image="x.qcow2", bus="sata").run("1", desktop=True, **more)
