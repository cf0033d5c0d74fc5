"""What paramiko gets wrong, put right."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType, SimpleNamespace
from typing import Any

import paramiko
from paramiko.auth_handler import AuthHandler
from paramiko.buffered_pipe import BufferedPipe

from pytest_smolvm.host import clock
from pytest_smolvm.host.waiting import Deadline

# paramiko before 3.1 writes each message that it sends out for an error's text, which it then drops: half of the time
# that an upload takes here (paramiko 2110, 2165). Not so with bytes; and later releases take nothing but messages.
_BARE = tuple(map(int, paramiko.__version__.split(".")[:2])) < (3, 1)
_NAMES: dict[str, Any] = {"time": SimpleNamespace(time=clock.now, sleep=clock.sleep)}
"""What our copies of paramiko's functions mean by a name."""


def _steady(function: Any) -> Any:
    """A copy of a function of paramiko's whose waits end by the kernel's clock.

    By the one that everybody can set they end early or never: a test may stop it. A copy, since other users of
    paramiko in this process are not to notice.
    """
    names = {**function.__globals__, **_NAMES}
    copy = FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


class PatchedPipe(BufferedPipe):  # type: ignore[misc]  # it comes without types
    """What has come on a channel and was not read yet."""

    read = _steady(BufferedPipe.read)


class PatchedAuthHandler(AuthHandler):  # type: ignore[misc]
    """A login."""

    wait_for_response = _steady(AuthHandler.wait_for_response)


_NAMES |= {"BufferedPipe": PatchedPipe, "AuthHandler": PatchedAuthHandler}


class PatchedChannel(paramiko.Channel):  # type: ignore[misc]
    """A channel whose time-outs are kept, and that can be told of what makes waiting senseless."""

    __init__ = _steady(paramiko.Channel.__init__)
    _wait_for_send_window = _steady(paramiko.Channel._wait_for_send_window)
    watch: Callable[[], None] | None = None
    """Called while `recv` and `send` wait, each time that the time-out comes; raises if the guest is gone."""
    silence: float | None = None
    """Seconds after which they raise TimeoutError, if there is somebody to call; else the time-out is meant so."""

    def recv(self, nbytes: int) -> bytes:
        """Up to so many bytes; b"" at the end."""
        return bytes(self._watched(super().recv, nbytes))

    def send(self, s: bytes) -> int:
        """Send the beginning of `s`; how many bytes that were."""
        return int(self._watched(super().send, s))

    def _watched(self, step: Callable[[Any], Any], given: int | bytes) -> Any:
        if self.watch is None:
            return step(given)
        deadline = Deadline(self.silence)
        while True:
            try:
                return step(given)
            except TimeoutError:  # then nothing was read or sent
                if deadline.passed:
                    raise
                self.watch()


_NAMES |= {"Channel": PatchedChannel}
_send = _steady(paramiko.Transport._send_user_message)


class PatchedTransport(paramiko.Transport):  # type: ignore[misc]
    """A connection that sends bare bytes, and whose time-outs are kept."""

    start_client = _steady(paramiko.Transport.start_client)
    open_channel = _steady(paramiko.Transport.open_channel)
    auth_password = _steady(paramiko.Transport.auth_password)

    secret: tuple[Any, Any] | None = None
    """What the keys in use come from: paramiko's ``K`` and ``kex_engine``, which it forgets once they are in use."""

    def _send_user_message(self, data: paramiko.Message) -> None:
        _send(self, _bare(data))

    def _activate_inbound(self) -> None:
        super()._activate_inbound()
        self.secret = self.K, self.kex_engine


class PatchedFile(paramiko.SFTPFile):  # type: ignore[misc]
    """A file whose answers are taken as they come.

    paramiko leaves them for a hundred writes, then waits for all that are due: the server, which decrypts and writes at
    the same time, comes to rest. Half of the time that an upload into an emulated guest takes.
    """

    MAX_REQUEST_SIZE = 4 * 32768  # of a write; reads are cut up by who asks

    def _write(self, data: bytes) -> int:
        while self._reqs and self.sftp.sock.recv_ready():
            self.sftp._read_response(self._reqs.popleft())  # raises what the guest answers
        return int(super()._write(data))


_NAMES |= {"SFTPFile": PatchedFile}


class PatchedSftp(paramiko.SFTPClient):  # type: ignore[misc]
    """An SFTP session that sends bare bytes, and whose files are ours."""

    open = _steady(paramiko.SFTPClient.open)

    def _send_packet(self, t: int, packet: paramiko.Message) -> None:
        super()._send_packet(t, _bare(packet))


def _bare(message: paramiko.Message) -> paramiko.Message | bytes:
    return message.asbytes() if _BARE and isinstance(message, paramiko.Message) else message
