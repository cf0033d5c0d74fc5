"""A guest's WinRM: lines of cmd.exe where there is no SSH server yet. By pywinrm, which is named when missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any

from pytest_smolvm.errors import GuestUnreachable, HostError, LoginError, SmolVMError, TimedOut
from pytest_smolvm.guest.link.channels import Patience
from pytest_smolvm.host.clock import sleep
from pytest_smolvm.host.waiting import Deadline, until_seen

PORT = 5985
"""Where a guest's WinRM listens for HTTP, since version 2."""
# Seconds.
_LOOK = 10.0  # QEMU takes a connection before the guest does, and may try late to pass it on
_OPERATION = 20
_READ = 30
_TIDY = 60.0
_ATTEMPTS = 2  # Windows may refuse a login while its account services still start
# What WinRM calls the ways to log in, and what pywinrm does: the plainest first.
_WAYS = {"basic": "basic", "negotiate": "ntlm"}
_SETTINGS = (
    'to have it take Basic: winrm set winrm/config/service/auth @{Basic="true"} and winrm set'
    ' winrm/config/service @{AllowUnencrypted="true"}'
)


def check_library() -> None:
    """Do nothing if pywinrm is installed.

    :raises HostError: it is not; the message names the extra and Debian's package.
    """
    try:
        import winrm  # noqa: F401  # only whether it is there
    except ImportError as exc:
        raise HostError(
            "pywinrm is not installed, by which WinRM is spoken: pip install 'pytest-smolvm[winrm]', or on Debian or"
            " Ubuntu: apt-get install python3-winrm"
        ) from exc


@dataclass(frozen=True)
class Ran:
    """What came of a command."""

    exit_code: int
    said: str
    """What it wrote, with a question mark in the place of what is not ASCII; stderr comes last."""


class WinRM:
    """Commands over the WinRM of one guest, each on a connection of its own: none is lost with another.

    :param port: on this host's loopback; behind it is the guest's :data:`PORT`.
    :param watch: called while waiting; raises if the guest is gone.
    :param patience: how long a look at it may take, and how long a refused login is left alone.
    """

    def __init__(
        self, port: int, user: str, password: str, watch: Callable[[], None], patience: Patience = Patience()
    ) -> None:
        self._port, self._user, self._password, self._watch = port, user, password, watch
        self._patience = patience
        self._way = _WAYS["basic"]

    def wait(self, timeout: float) -> None:
        """Wait until it answers and lets us in.

        :param timeout: seconds.
        :raises TimedOut: it does not answer.
        :raises LoginError: it lets nobody in in a way that is known here, or refuses user or password.
        :raises HostError: pywinrm is not installed.
        """
        check_library()
        deadline = Deadline(timeout)
        offered = until_seen("the guest's WinRM to answer", self._look, timeout)
        ways = [way for name, way in _WAYS.items() if name in offered]
        if not ways:
            raise LoginError(f"the guest's WinRM takes {' and '.join(offered)} only ({_SETTINGS})")
        refusals: list[SmolVMError] = []
        for attempt in range(_ATTEMPTS):
            sleep(deadline.at_most(self._patience.pause if attempt else 0))
            for self._way in ways:
                try:
                    self.run("exit 0", _TIDY)
                except (LoginError, GuestUnreachable) as exc:  # of NTLM it says little, but it is told in words
                    refusals.append(exc)
                else:
                    return
        raise LoginError(f"{refusals[-1]}; it offers {' and '.join(offered)} ({_SETTINGS})") from refusals[0]

    def run(self, line: str, timeout: float) -> Ran:
        """Run a line of cmd.exe to its end.

        :param timeout: seconds to its end.
        :raises TimedOut: it has not ended by then, and was told to end.
        :raises LoginError: user or password are refused.
        :raises GuestUnreachable: there was no answer, or none that makes sense.
        """
        self._watch()
        with _explained(self._user):
            client = _client(self._port, self._way, self._user, self._password)
            client.deadline = Deadline(timeout)
            try:
                return _ran(client, line)
            finally:
                _close(client)

    def _look(self) -> tuple[tuple[str, ...] | None, str]:
        """The ways to log in, by their names in small letters, once it tells them; and in words what was seen."""
        self._watch()
        connection = HTTPConnection("127.0.0.1", self._port, timeout=min(self._patience.answer, _LOOK))
        try:
            connection.request("POST", "/wsman", headers={"Content-Length": "0"})
            answer = connection.getresponse()
            ways = tuple(way.split()[0].lower() for way in answer.msg.get_all("WWW-Authenticate", []) if way.strip())
        except (OSError, HTTPException) as exc:
            return None, str(exc) or type(exc).__name__
        finally:
            connection.close()
        return ways or None, f"HTTP {answer.status} {answer.reason}".strip()


def _client(port: int, way: str, user: str, password: str) -> Any:
    from winrm.protocol import Protocol

    class Client(Protocol):  # type: ignore[misc]  # it comes without types
        """One that ends: pywinrm asks for the output of a command for as long as it runs."""

        deadline: Deadline

        def __init__(self, **words: Any) -> None:
            super().__init__(**words)
            self._set_up = self.transport.setup_encryption
            self.transport.setup_encryption = self._set_up_directly

        def send_message(self, message: str) -> Any:
            if self.deadline.passed:
                raise TimedOut("a command over WinRM to end", self.deadline.seconds or 0)
            if self.transport.session is None:
                built = self.transport.build_session()
                self.transport.session = built or self.transport.session  # whichever way its version hands it over
            _without_proxy(self.transport.session)
            return super().send_message(message)

        def _set_up_directly(self, *session: Any) -> None:
            # NTLM begins to talk while the session is still being built.
            _without_proxy(*session or (self.transport.session,))
            self._set_up(*session)

    return Client(
        endpoint=f"http://127.0.0.1:{port}/wsman",
        transport=way,
        username=user,
        password=password,
        read_timeout_sec=_READ,
        operation_timeout_sec=_OPERATION,
    )


def _ran(client: Any, line: str) -> Ran:
    shell = client.open_shell()
    try:
        command = client.run_command(shell, line)
        try:
            stdout, stderr, code = client.get_command_output(shell, command)
        finally:
            _tidied(client, client.cleanup_command, shell, command)
    finally:
        _tidied(client, client.close_shell, shell)
    return Ran(code, (stdout + stderr).decode("ascii", "replace").replace("\ufffd", "?"))


def _tidied(client: Any, step: Callable[..., None], *names: str) -> None:
    client.deadline = Deadline(_TIDY)
    # What it is about has ended, one way or the other, and what is to be told is how.
    with suppress(SmolVMError), _explained(""):
        step(*names)


def _close(client: Any) -> None:
    session = client.transport.session
    if session is not None:  # pywinrm closes it with its shell only from 0.4 on
        session.close()


@contextmanager
def _explained(user: str) -> Iterator[None]:
    """Whatever pywinrm and what it stands on may raise, as errors of ours."""
    from winrm.exceptions import AuthenticationError, WinRMError, WinRMOperationTimeoutError, WinRMTransportError

    # Of answers that are none of WinRM's, or are cut off: it reads them as if they were whole.
    senseless = (ValueError, LookupError, AttributeError, TypeError, AssertionError, StopIteration, SyntaxError)
    try:
        yield
    except SmolVMError:
        raise
    except AuthenticationError as exc:
        raise LoginError(
            f"the guest's WinRM refused to log in {user!r}: wrong user or password, or a local account other than"
            " Administrator where LocalAccountTokenFilterPolicy is not 1"
        ) from exc
    except (WinRMError, WinRMTransportError, WinRMOperationTimeoutError, OSError, *senseless) as exc:
        what = str(exc) or type(exc).__name__
        raise GuestUnreachable(f"the guest's WinRM did not do what it was asked: {what}") from exc


def _without_proxy(session: Any) -> None:
    """Have no proxy asked for this host's loopback: pywinrm and requests both take the environment's."""
    session.trust_env, session.proxies = False, {}
