"""When somebody is to be logged on, and what of that is said; the guest is what its PowerShell says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_smolvm.errors import NoDesktop
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.powershell import Argument
from pytest_smolvm.guest.desktop import library, logon, source
from pytest_smolvm.host.secret import Secret
from tests.guest.desktop.test_session import SEEN

NOBODY = {"user": ""}


class Guest:
    """One that says where it is, and notes what it is told.

    :param places: what it says, in turn, the last again and again.
    """

    def __init__(self, *places: dict[str, Any], exit_code: int = 0) -> None:
        self._places = list(places)
        self._exit_code = exit_code
        self.told: list[tuple[list[Argument], bytes]] = []

    def __call__(
        self, script: str, args: Sequence[Argument], *, stdin: bytes = b"", timeout: float | None = None
    ) -> RunResult:
        if script == library.script("logon"):
            self.told.append(([*args], stdin))
            return RunResult("sDefaultUserName=ada\n", "it went wrong", self._exit_code, 0.1, script)
        place = self._places.pop(0) if len(self._places) > 1 else self._places[0]
        return RunResult(json.dumps(SEEN | place), "", 0, 0.1, script)


@pytest.mark.parametrize(
    ("place", "wanting"),
    [
        (NOBODY, True),
        ({"user": "PC\\bob"}, False),  # whose screen it is
        ({"user": "", "automatic": True}, False),  # who is to come is waited for
        ({"user": "", "here": True}, False),
        ({"user": None}, False),  # Windows does not say
    ],
)
def test_it_is_wanting_where_nobody_is_and_nobody_comes(place: dict[str, Any], wanting: bool) -> None:
    assert wanting == logon.is_wanting(Guest(place))


def test_the_password_goes_by_standard_input_alone() -> None:
    guest = Guest(NOBODY)

    before = logon.arrange(guest, Secret("hunter22"))
    logon.forget(guest, before)

    assert "sDefaultUserName=ada\n" == before
    assert [([source.name(), "", False], b"hunter22\n"), ([source.name(), before, True], b"")] == guest.told


def test_a_refusal_does_not_show_it() -> None:
    password = Secret("hunter22")
    with pytest.raises(NoDesktop, match="an automatic logon cannot be set up in the guest: it went wrong") as caught:
        logon.arrange(Guest(NOBODY, exit_code=1), password)

    assert "hunter22" not in str(caught.getrepr(showlocals=True)).replace('Secret("hunter22")', "")


def test_somebody_is_waited_for() -> None:
    logon.wait(Guest(NOBODY, NOBODY, {"user": "PC\\ada"}), 30)

    with pytest.raises(NoDesktop, match=r"nobody is logged on .* 0.1 s after a restart, .*AutoAdminLogon"):
        logon.wait(Guest(NOBODY), 0.1)
