"""The services of a guest, by sc.exe."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager

from pytest_smolvm.errors import ServiceError, UsageError
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.commands.output import RunResult
from pytest_smolvm.guest.commands.shells import Transport
from pytest_smolvm.guest.link.channels import ANSWER_SECONDS
from pytest_smolvm.host.waiting import PATIENCE, until_seen

# sc.exe prints these words in every language.
_STATES = "STOPPED|START_PENDING|STOP_PENDING|RUNNING|CONTINUE_PENDING|PAUSE_PENDING|PAUSED"
_MISSING, _RUNNING_ALREADY, _NOT_STARTED = 1060, 1056, 1062  # winerror.h, ERROR_SERVICE_...


class Service:
    """A service of the guest.

    :param using: lends the connection for the length of a block.
    :raises UsageError: no service can have that name.
    """

    def __init__(self, name: str, using: Callable[[], AbstractContextManager[Transport]]) -> None:
        if not name or any(c in '"%/\\' or ord(c) < 32 for c in name):
            raise UsageError(f"{name!r} cannot be the name of a service")
        self.name = name
        """Its short name, as sc.exe takes it."""
        self._using = using

    def status(self) -> str:
        """``RUNNING``, ``STOPPED``, ``START_PENDING`` and so on.

        :raises ServiceError: there is no such service.
        """
        result = self._sc("query")
        found = re.search(rf":\s*[1-7]\s+({_STATES})\b", result.stdout)
        if result.exit_code != 0 or found is None:
            raise self._error("has no state", result)
        return found[1]

    def start(self, timeout: float = PATIENCE) -> None:
        """Start it and wait until it runs; fine if it does.

        :param timeout: seconds.
        :raises ServiceError: it is missing or does not start.
        :raises TimedOut: with its last state.
        """
        result = self._sc("start")
        if result.exit_code not in (0, _RUNNING_ALREADY):
            raise self._error("does not start", result)
        self.wait("RUNNING", timeout)

    def stop(self, timeout: float = PATIENCE) -> None:
        """Stop it and wait until it has; fine if it does not run."""
        result = self._sc("stop")
        if result.exit_code not in (0, _NOT_STARTED):
            raise self._error("does not stop", result)
        self.wait("STOPPED", timeout)

    def wait(self, state: str, timeout: float = PATIENCE) -> None:
        """Wait until it is in `state`.

        :param timeout: seconds.
        :raises TimedOut: with its last state.
        """
        if state not in _STATES.split("|"):
            raise UsageError(f"{state!r} is no state of a service: {_STATES.replace('|', ', ')}")

        def look() -> tuple[bool | None, str]:
            seen = self.status()
            return seen == state or None, seen

        until_seen(f"service {self.name} to be {state}", look, timeout)

    def _sc(self, verb: str) -> RunResult:
        with self._using() as transport:
            return run.run(transport, f'sc.exe {verb} "{self.name}"', shell="cmd", timeout=ANSWER_SECONDS)

    def _error(self, what: str, result: RunResult) -> ServiceError:
        if result.exit_code == _MISSING:
            return ServiceError(f"the guest has no service {self.name!r}")
        said = (result.stdout + result.stderr).strip()
        return ServiceError(f"service {self.name!r} {what} (sc.exe: exit code {result.exit_code}): {said}")
