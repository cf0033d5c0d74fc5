"""SSH to a guest, over paramiko: commands, SFTP and tunnels on one connection."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

import paramiko

from pytest_smolvm.errors import GuestUnreachable, HostKeyChanged, LoginError, TimedOut
from pytest_smolvm.guest.link import channels
from pytest_smolvm.host.waiting import Deadline, until

_HANDSHAKE_SECONDS = channels.ANSWER_SECONDS
_KEEPALIVE_SECONDS = 15
# QEMU's user network accepts a connection before the guest listens and then retries ever more rarely, so a probe that
# got no banner is soon replaced; later less often, since Windows' sshd counts connections that never log in.
_EAGER_SECONDS = 60.0
_EAGER_PATIENCE = 2.0
_PATIENCE = 10.0
_RETRY_SECONDS = 0.1
# Windows may refuse the first login while its account services still start. Its sshd holds 5 s against a client for each
# refusal and 1 s for a connection that never logged in, and shuts it out at 15 s.
_LOGIN_ATTEMPTS = 2
_LOGIN_PAUSE = 2.0
_SILENCE_SECONDS = 60.0
_FAREWELL_SECONDS = 30.0
# At once on one connection: sshd allows ten sessions (MaxSessions), commands and SFTP together. Tunnels do not count.
_COMMANDS = 6
_TRANSFERS = 3

# A port that refuses is an answer here; paramiko would print it as an error where nobody has set up logging.
_LOGGER = logging.getLogger("pytest_smolvm.guest.link.ssh")
_LOGGER.addHandler(logging.NullHandler())

Sink = channels.Sink
Stdin = channels.Stdin


class Stream(Protocol):
    """A byte stream to a TCP port, as `direct-tcpip` gives it."""

    def sendall(self, data: bytes) -> None:
        """Send all of `data`."""

    def recv(self, size: int) -> bytes:
        """Up to `size` bytes; b"" at the end."""

    def shutdown(self, how: int) -> None:
        """End one direction: 0 reading, 1 writing, 2 both."""

    def settimeout(self, seconds: float | None) -> None:
        """Bound the next calls; they raise TimeoutError."""

    def close(self) -> None:
        """End it."""


class Ssh:
    """One authenticated connection. Safe to use from several threads.

    :param transport: paramiko's, logged in.
    :param connection: another handle of the socket that it uses.
    :param watch: called every second of waiting; raises if the guest is gone.
    """

    def __init__(self, transport: paramiko.Transport, connection: socket.socket, watch: Callable[[], None]) -> None:
        self._transport = transport
        self._connection = connection
        self._watch = watch
        self._commands = threading.BoundedSemaphore(_COMMANDS)
        self._transfers = _Transfers(transport, watch)

    @property
    def host_key(self) -> bytes:
        """The server's public key, to recognise it by on the next connection."""
        return bytes(self._transport.get_remote_server_key().asbytes())

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
            raise TimedOut(f"its turn: {_COMMANDS} commands run on the connection already", deadline.seconds or 0)
        try:
            return self._execute(request, on_stdout, on_stderr, stdin, deadline)
        finally:
            self._commands.release()

    def _execute(self, request: str, on_stdout: Sink, on_stderr: Sink, stdin: Stdin, deadline: Deadline) -> int:
        channel = channels.open_session(self._transport, deadline, self._watch)
        try:
            channel.exec_command(request)
            feeder = channels.feed(channel, stdin)
            channels.drain(channel, deadline, self._watch, on_stdout, on_stderr)
            code = channels.exit_code(channel, deadline, self._watch)
            if feeder is not None:
                feeder.join(1.0)
            return code
        except TimedOut:
            self._kill(channel)
            raise
        except (paramiko.SSHException, EOFError, OSError) as exc:
            raise GuestUnreachable(f"the SSH connection broke: {exc}") from exc
        except BaseException:  # a sink that has had enough, or Ctrl-C
            self._kill(channel)
            raise
        finally:
            channel.close()

    @property
    def sftp(self) -> paramiko.SFTPClient:
        """This thread's SFTP session; waits for its turn if too many threads have one.

        :raises GuestUnreachable: the server opened none.
        """
        return self._transfers.client()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Around what a thread does; afterwards its SFTP session is there for others."""
        with self._transfers.in_use():
            yield

    def tunnel(self, host: str, port: int, timeout: float = 30.0) -> Stream:
        """A stream to `host:port` as seen from the guest.

        :raises GuestUnreachable: nobody listens there, or the connection broke.
        """
        try:
            stream: Stream = self._transport.open_channel(
                "direct-tcpip", (host, port), ("127.0.0.1", 0), window_size=channels.WINDOW, timeout=timeout
            )
        except (paramiko.SSHException, EOFError, OSError) as exc:
            raise GuestUnreachable(f"no connection to port {port} in the guest: {exc}") from exc
        return stream

    def listen(self, port: int, on_connection: Callable[[paramiko.Channel], object]) -> int:
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
        except (paramiko.SSHException, EOFError, OSError) as exc:
            raise GuestUnreachable(f"the guest does not let port {port} of its loopback be listened on: {exc}") from exc

    def stop_listening(self, port: int) -> None:
        """End what :meth:`listen` began; when this returns, nobody listens there any more."""
        try:
            self._transport.cancel_port_forward("127.0.0.1", port)
        except (paramiko.SSHException, EOFError, OSError):
            pass  # the connection has ended, and the listening with it

    def close(self) -> None:
        """End the connection."""
        self._transport.close()
        threading.Thread(target=_take_leave, args=(self._connection,), name="smolvm-farewell", daemon=True).start()

    def _kill(self, channel: paramiko.Channel) -> None:
        """End the command and its children.

        Win32-OpenSSH answers the `signal` request by terminating the shell, whose job object takes the whole tree with
        it; closing the channel alone would let a silent command run on (Win32-OpenSSH 1751).
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
            until("the end of the timed-out command", channel.exit_status_ready, timeout=5.0)
        except (TimedOut, paramiko.SSHException, EOFError, OSError):
            pass  # the connection is gone or the guest is stuck; the time-out is what gets reported


# paramiko before 3.1 writes each message that it sends out for an error's text, which it then drops: half of the time that an
# upload takes here (paramiko 2110, 2165). Not so with bytes; and later releases take nothing but messages.
_BARE = tuple(map(int, paramiko.__version__.split(".")[:2])) < (3, 1)


def _bare(message: paramiko.Message) -> paramiko.Message | bytes:
    return message.asbytes() if _BARE and isinstance(message, paramiko.Message) else message


class _Transport(paramiko.Transport):  # type: ignore[misc]  # it comes without types
    def _send_user_message(self, data: paramiko.Message) -> None:
        super()._send_user_message(_bare(data))


class _Sftp(paramiko.SFTPClient):  # type: ignore[misc]
    def _send_packet(self, t: int, packet: paramiko.Message) -> None:
        super()._send_packet(t, _bare(packet))


class _Transfers:
    """SFTP sessions of a connection. One serves one thread at a time: paramiko's clients lose answers of others."""

    def __init__(self, transport: paramiko.Transport, watch: Callable[[], None]) -> None:
        self._transport = transport
        self._watch = watch
        self._room = threading.BoundedSemaphore(_TRANSFERS)
        self._idle: list[paramiko.SFTPClient] = []
        self._mine = threading.local()

    def client(self) -> paramiko.SFTPClient:
        """This thread's."""
        client: paramiko.SFTPClient | None = getattr(self._mine, "client", None)
        if client is None:
            self._room.acquire()
            try:
                client = self._mine.client = self._idle.pop() if self._idle else self._opened()
            except BaseException:
                self._room.release()
                raise
        return client

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """See `Ssh.in_use`; blocks may be nested."""
        self._mine.depth = getattr(self._mine, "depth", 0) + 1
        try:
            yield
        finally:
            self._mine.depth -= 1
            client = getattr(self._mine, "client", None)
            if client is not None and not self._mine.depth:
                self._mine.client = None
                if not client.get_channel().closed:
                    self._idle.append(client)
                self._room.release()

    def _opened(self) -> paramiko.SFTPClient:
        channel = channels.open_session(self._transport, Deadline(None), self._watch)
        try:
            channel.invoke_subsystem("sftp")
            client = _Sftp(channel)
        except (paramiko.SSHException, EOFError, OSError) as exc:
            raise GuestUnreachable(f"the guest offers no SFTP: {exc}") from exc
        # Without it, a transfer to a guest that stopped would wait for ever.
        client.get_channel().settimeout(_SILENCE_SECONDS)
        return client


@dataclass(frozen=True)
class Account:
    """Whom to log in where.

    :param port: on this host's loopback.
    :param watch: called while waiting; raises if the guest is gone.
    """

    port: int
    user: str
    password: str = field(repr=False)
    watch: Callable[[], None]


def wait_for_login(account: Account, *, timeout: float, host_key: bytes | None = None) -> Ssh:
    """Wait for a booting guest's SSH server, then log in on the very connection that brought the banner.

    A server that breaks off the handshake or the login, as one does that is being restarted, is tried again.

    :param host_key: the key it must have; None takes any.
    :raises TimedOut: no login within `timeout` seconds.
    :raises LoginError: user or password refused.
    :raises HostKeyChanged: it has another key.
    """
    deadline = Deadline(timeout)
    refusals, trouble = 0, ""
    while True:
        connection = _with_banner(account, deadline, trouble)
        try:
            return _login(connection, account, host_key)
        except HostKeyChanged:
            raise
        except LoginError:
            refusals += 1
            if refusals == _LOGIN_ATTEMPTS:
                raise
        except GuestUnreachable as exc:
            trouble = str(exc)
        threading.Event().wait(_LOGIN_PAUSE)


def _with_banner(account: Account, deadline: Deadline, trouble: str) -> socket.socket:
    def probe() -> socket.socket | None:
        account.watch()
        return _probe(
            account.port, deadline.at_most(_EAGER_PATIENCE if deadline.elapsed < _EAGER_SECONDS else _PATIENCE)
        )

    return until(
        "the guest's SSH banner",
        probe,
        timeout=deadline.left or 0.0,
        interval=_RETRY_SECONDS,
        last_seen=lambda: trouble,
    )


def _probe(port: int, patience: float) -> socket.socket | None:
    try:
        connection = socket.create_connection(("127.0.0.1", port), patience)
    except OSError:
        return None
    try:
        connection.settimeout(max(patience, 0.01))
        if connection.recv(4, socket.MSG_PEEK) == b"SSH-":
            return connection
    except OSError:
        pass  # no banner on this one
    connection.close()
    return None


def _login(connection: socket.socket, account: Account, host_key: bytes | None) -> Ssh:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = _Transport(connection.dup())
    transport.set_log_channel(_LOGGER.name)
    # Each byte is hashed on both sides, and 64-bit processors without SHA instructions do SHA-512 in 3/4 of the time.
    options = transport.get_security_options()
    options.digests = sorted(options.digests, key=lambda name: not name.startswith("hmac-sha2-512"))
    ssh = Ssh(transport, connection, account.watch)
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = _HANDSHAKE_SECONDS
    try:
        transport.start_client(timeout=_HANDSHAKE_SECONDS)
        if host_key is not None and ssh.host_key != host_key:
            raise HostKeyChanged
        _authenticate(transport, account)
    except (paramiko.SSHException, EOFError, OSError) as exc:
        ssh.close()
        raise GuestUnreachable(f"the SSH handshake failed: {exc}") from exc
    except BaseException:
        ssh.close()
        raise
    transport.set_keepalive(_KEEPALIVE_SECONDS)
    return ssh


def _authenticate(transport: paramiko.Transport, account: Account) -> None:
    patience = Deadline(transport.auth_timeout)
    try:
        transport.auth_password(account.user, account.password)
    except paramiko.AuthenticationException as exc:
        # It stands for a connection that ended and for an answer that never came, too.
        if isinstance(exc, paramiko.BadAuthenticationType) or (transport.is_active() and not patience.passed):
            raise LoginError(
                f"the guest refused to log in {account.user!r}: wrong user or password, or no password login"
            ) from exc
        raise GuestUnreachable(f"the guest's SSH server did not answer the login: {exc}") from exc


def _take_leave(connection: socket.socket) -> None:
    """End a socket in order, as long as that is possible: our end first, then whatever still comes is read.

    Closing it with something unread would be a reset, at which QEMU aborts if the guest lags behind in reading (libslirp
    4.7: soread looks at a socket that was reset even when it has no room for more, and asserts that it has).
    """
    with connection, suppress(OSError):
        connection.settimeout(_FAREWELL_SECONDS)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
