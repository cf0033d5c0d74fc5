"""A connection that another process goes on with; here it is the same process, which knows nothing but the state."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_smolvm.errors import GuestUnreachable
from pytest_smolvm.guest.link import resume
from pytest_smolvm.guest.link.login import wait_for_login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.progress import nothing
from tests.guest.link.sshd import listening, serving

MACHINE: Any = SimpleNamespace(check=nothing)


def executed(ssh: Ssh) -> int:
    return ssh.execute("ver", on_stdout=nothing, on_stderr=nothing, timeout=20)


@pytest.mark.parametrize("times", [0, 1, 30])
def test_it_goes_on_where_it_was_left(times: int) -> None:
    with listening(serving()) as account:
        first = wait_for_login(account, timeout=20)
        for _ in range(times):
            assert 0 == executed(first)
        known = (first.host_key, first.user, first.banner)
        left = resume.leave(first)
        assert left is not None
        state, connection = left

        second = resume.resume(json.loads(json.dumps(state)), connection.dup(), MACHINE)

        assert second.alive
        assert known == (second.host_key, second.user, second.banner)
        assert [0, 0, 0] == [executed(second) for _ in range(3)]
        second.handles[0].renegotiate_keys()
        assert 0 == executed(second)
        assert not first.alive
        second.close()
        connection.close()


def test_one_that_is_out_of_step_does_not_go_on() -> None:
    with listening(serving()) as account:
        left = resume.leave(wait_for_login(account, timeout=20))
        assert left is not None
        state, connection = left
        state["out"]["used"] += 16

        with pytest.raises(GuestUnreachable):
            resume.resume(state, connection, MACHINE)


def test_one_that_has_ended_is_not_left() -> None:
    with listening(serving()) as account:
        ssh = wait_for_login(account, timeout=20)
        ssh.close()

        assert resume.leave(ssh) is None
