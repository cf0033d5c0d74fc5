"""SSH to a guest, over paramiko: commands, SFTP and tunnels on one connection."""

from __future__ import annotations

import os
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import paramiko

from pytest_smolvm.errors import GuestDied, GuestUnreachable, TimedOut
from pytest_smolvm.guest.link import channels
from pytest_smolvm.guest.link.channels import BROKEN, Patience, Sink, Stdin, Stream
from pytest_smolvm.guest.link.server import Server
from pytest_smolvm.guest.link.sftp import Sftp, Transfers
from pytest_smolvm.guest.names import ENGLISH_CODE_PAGE
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import Deadline, until

_FAREWELL_SECONDS = 30.0
# At once on one connection: sshd allows ten sessions (MaxSessions), commands and SFTP together. Tunnels do not count.
_COMMANDS = 6


class Ssh:
    """One authenticated connection. Safe to use from several threads.

    :param transport: paramiko's, logged in.
    :param connection: another handle of the socket that it uses.
    :param watch: called every second of waiting; raises if the guest is gone.
    :param patience: how long the server is waited for.
    """

    def __init__(
        self,
        transport: paramiko.Transport,
        connection: socket.socket,
        watch: Callable[[], None],
        patience: Patience = Patience(),
    ) -> None:
        self._transport = transport
        self._connection = connection
        self._watch = watch
        self._patience = patience
        _OPEN.add(self)
        self._commands = threading.BoundedSemaphore(_COMMANDS)
        self._transfers = Transfers(transport, watch, patience)
        self.code_page = ENGLISH_CODE_PAGE
        """What the guest's programs print that know no UTF-8, by Python's name; its owner sets it."""

    @property
    def host_key(self) -> bytes:
        """The server's public key, to recognise it by on the next connection."""
        return bytes(self._transport.get_remote_server_key().asbytes())

    @property
    def banner(self) -> str:
        """What the server calls itself: ``SSH-2.0-OpenSSH_for_Windows_9.5``."""
        return str(self._transport.remote_version)

    @property
    def user(self) -> str:
        """Who is logged in."""
        return str(self._transport.get_username())

    @property
    def handles(self) -> tuple[paramiko.Transport, socket.socket]:
        """What it consists of, for who takes it apart."""
        return self._transport, self._connection

    @property
    def server(self) -> Server:
        """Which server answers."""
        return Server(self.banner)

    @property
    def alive(self) -> bool:
        """Whether the connection still stands."""
        return bool(self._transport.is_authenticated())

    def execute(
        self, request: str, *, on_stdout: Sink, on_stderr: Sink, stdin: Stdin = b"", timeout: float | None = None
    ) -> int:
        """Run one command to its end, handing over its output as it comes.

        :param request: the command as the server's default shell is to see it.
        :param stdin: bytes for its standard input, which is closed after them; at once or as they come.
        :param timeout: seconds, then the command and its children are ended.
        :returns: the exit code, unsigned 32-bit.
        :raises TimedOut: the time-out came.
        :raises GuestUnreachable: the connection broke before the exit code came.
        """
        deadline = Deadline(timeout)
        if not self._commands.acquire(timeout=deadline.left):
            raise TimedOut(f"a free command slot ({_COMMANDS} commands run on this connection)", deadline.seconds or 0)
        try:
            return self._execute(request, on_stdout, on_stderr, stdin, deadline)
        finally:
            self._commands.release()

    def _execute(self, request: str, on_stdout: Sink, on_stderr: Sink, stdin: Stdin, deadline: Deadline) -> int:
        channel = channels.open_session(self._transport, deadline, self._watch, self._patience)
        try:
            channel.exec_command(request)
            feeder = channels.feed(channel, stdin)
            channels.drain(channel, deadline, self._watch, on_stdout, on_stderr)
            code = channels.exit_code(channel, deadline, self._watch)
            if feeder is not None:
                feeder.join(1.0)
            return code
        except TimedOut as exc:
            self._end(channel, exc)
            raise
        except BROKEN as exc:
            raise GuestUnreachable(f"the SSH connection broke: {exc}") from exc
        except BaseException as exc:  # a sink that has had enough, or Ctrl-C
            self._end(channel, exc)
            raise
        finally:
            channel.close()

    @property
    def sftp(self) -> Sftp:
        """This thread's SFTP session; waits for its turn if too many threads have one.

        :raises GuestUnreachable: the server opened none.
        """
        return self._transfers.client()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Around what a thread does; afterwards its SFTP session is there for others."""
        with self._transfers.in_use():
            yield

    def tunnel(self, host: str, port: int, timeout: float = stretched(30.0)) -> Stream:
        """A stream to `host:port` as seen from the guest.

        :raises GuestUnreachable: nobody listens there, or the connection broke.
        """
        try:
            stream: Stream = self._transport.open_channel(
                "direct-tcpip", (host, port), ("127.0.0.1", 0), window_size=channels.WINDOW, timeout=timeout
            )
        except BROKEN as exc:
            raise GuestUnreachable(f"no connection to port {port} in the guest: {exc}") from exc
        return stream

    def listen(self, port: int, on_connection: Callable[[Stream], object]) -> int:
        """Have the guest listen on its loopback, until this connection ends.

        :param port: 0 lets it choose.
        :param on_connection: called with each connection made there, in a thread that it must not hold up.
        :returns: the port.
        :raises GuestUnreachable: the guest refused, or the connection broke.
        """
        try:
            return int(
                self._transport.request_port_forward("127.0.0.1", port, lambda channel, *_: on_connection(channel))
            )
        except BROKEN as exc:
            raise GuestUnreachable(f"the guest refused to listen on 127.0.0.1:{port}: {exc}") from exc

    def stop_listening(self, port: int) -> None:
        """End what :meth:`listen` began; when this returns, nobody listens there any more."""
        with suppress(*BROKEN):  # the connection has ended, and the listening with it
            self._transport.cancel_port_forward("127.0.0.1", port)

    def close(self) -> None:
        """End the connection."""
        self._transport.close()
        threading.Thread(target=_take_leave, args=(self._connection,), name="smolvm-farewell", daemon=True).start()

    def forget(self) -> None:
        """In a forked child: the connection is its parent's, in whose midst nothing of the child's may come."""
        with suppress(OSError), open(os.devnull, "rb") as nothing:  # it was closed
            os.dup2(nothing.fileno(), self._connection.fileno(), inheritable=False)
        self._transport.active = False  # it has no thread here; whoever wants a connection makes another one

    def _end(self, channel: paramiko.Channel, why: BaseException) -> None:
        if not self._killed(channel) and not isinstance(why, GuestDied):
            why.add_note(f"It may still run: {self.server.banner} did not end it when it was asked to.")

    def _killed(self, channel: paramiko.Channel) -> bool:
        """End the command and its children; whether it has ended.

        Win32-OpenSSH answers the `signal` request by terminating the shell, whose job object takes the whole tree with
        it (not 7.7, which knows no such request); closing the channel alone would let a silent command run on
        (Win32-OpenSSH 1751).
        """
        message = paramiko.Message()
        message.add_byte(paramiko.common.cMSG_CHANNEL_REQUEST)
        message.add_int(channel.remote_chanid)
        message.add_string("signal")
        message.add_boolean(False)
        message.add_string("KILL")
        try:
            # paramiko has no public method for this request. The one that all of its own requests go by waits for a key
            # exchange to end; to write to the packetizer in the middle of one would break the connection.
            self._transport._send_user_message(message)
            # Let the server act before the channel goes: its end is the proof.
            until("the end of the timed-out command", channel.exit_status_ready, timeout=stretched(5.0))
        except (TimedOut, *BROKEN):
            return False  # the connection is gone or the guest is stuck; the time-out is what gets reported
        return True


_OPEN: weakref.WeakSet[Ssh] = weakref.WeakSet()


def _forked() -> None:
    for ssh in _OPEN:
        ssh.forget()


os.register_at_fork(after_in_child=_forked)


def _take_leave(connection: socket.socket) -> None:
    """End a socket in order, as long as that is possible: our end first, then whatever still comes is read.

    Closing it with something unread would be a reset, at which QEMU aborts if the guest lags behind in reading
    (libslirp 4.7: soread looks at a socket that was reset even when it has no room for more, and asserts that it has).
    """
    with connection, suppress(OSError):
        connection.settimeout(_FAREWELL_SECONDS)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
