"""From a server's banner to a login."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import paramiko

from pytest_smolvm.errors import GuestUnreachable, HostKeyChanged, LoginError
from pytest_smolvm.guest.link.channels import BROKEN, Patience
from pytest_smolvm.guest.link.patches import PatchedTransport
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.clock import sleep
from pytest_smolvm.host.waiting import Deadline, until

KEEPALIVE_SECONDS = 15
"""How often a connection over which nothing goes is used all the same, so that its end is noticed."""
# QEMU's user network accepts a connection before the guest listens and then retries ever more rarely, so a probe that
# got no banner is soon replaced; later less often, since Windows' sshd counts connections that never log in.
_EAGER_SECONDS = 60.0
_EAGER_PATIENCE = 2.0
_PATIENCE = 10.0
_RETRY_SECONDS = 0.1
_LINE = 100  # of what a server says that may be no banner
_LEAST_ANSWER = 0.1  # to paramiko 0 seconds mean as long as it takes
# Windows may refuse the first login while its account services still start. Each refusal is worth a penalty of 5 s to
# sshd from 9.8 on, which lets nobody in any more from 15 s on.
_LOGIN_ATTEMPTS = 2

# A port that refuses is an answer here; paramiko would print it as an error where nobody has set up logging.
_LOGGER = logging.getLogger("pytest_smolvm.guest.link.ssh")
_LOGGER.addHandler(logging.NullHandler())

Kind = TypeVar("Kind", bound=PatchedTransport)


@dataclass(frozen=True)
class Account:
    """Whom to log in where."""

    port: int
    """On this host's loopback."""
    user: str
    password: str = field(repr=False)
    watch: Callable[[], None]
    """Called while waiting; raises if the guest is gone."""
    patience: Patience = field(default_factory=Patience)
    others: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Users and passwords that are tried where the first are refused."""


# By host key, which the clones of an image share: who was let in instead of the first. It saves later guests a refusal.
_let_in: dict[bytes, tuple[str, str]] = {}


def wait_for_login(account: Account, *, timeout: float, host_key: bytes | None = None) -> Ssh:
    """Wait for a booting guest's SSH server, then log in on the very connection that brought the banner.

    A server that breaks off the handshake or the login, as one does that is being restarted, is tried again.

    :param timeout: seconds.
    :param host_key: the key it must have; None takes any.
    :raises TimedOut: no login within `timeout` seconds.
    :raises LoginError: user or password refused, and all others.
    :raises HostKeyChanged: it has another key.
    """
    deadline = Deadline(timeout)
    refusals: list[LoginError] = []
    trouble = ""
    while True:
        connection = _with_banner(account, deadline, trouble)
        try:
            return _login(connection, account, host_key, deadline, len(refusals))
        except HostKeyChanged:
            raise
        except LoginError as exc:
            refusals.append(exc)
            if len(refusals) == _LOGIN_ATTEMPTS * (1 + len(account.others)):
                raise refusals[0] from exc
        except GuestUnreachable as exc:
            trouble = str(exc)
        sleep(account.patience.pause)


def accepted(account: Account, host_key: bytes) -> tuple[str, str]:
    """The user and the password that a server has accepted.

    :param host_key: its public key.
    """
    known = _let_in.get(host_key) if account.others else None
    return known or (account.user, account.password)


def _with_banner(account: Account, deadline: Deadline, trouble: str) -> socket.socket:
    heard = trouble

    def probe() -> socket.socket | None:
        nonlocal heard
        account.watch()
        patience = deadline.at_most(_EAGER_PATIENCE if deadline.elapsed < _EAGER_SECONDS else _PATIENCE)
        connection, said = _probe(account.port, patience)
        heard = said or heard
        return connection

    return until(
        "the guest's SSH banner",
        probe,
        timeout=deadline.left or 0.0,
        interval=_RETRY_SECONDS,
        last_seen=lambda: heard,
    )


def _probe(port: int, patience: float) -> tuple[socket.socket | None, str]:
    """A connection that has brought a banner; else what came in its place, as from a server that lets nobody in now."""
    try:
        connection = socket.create_connection(("127.0.0.1", port), patience)
    except OSError:
        return None, ""
    said = b""
    try:
        connection.settimeout(max(patience, 0.01))
        said = connection.recv(_LINE, socket.MSG_PEEK)
        if said.startswith(b"SSH-"):
            return connection, ""
    except OSError:
        pass  # no banner on this one
    connection.close()
    return None, said.decode("ascii", "replace").strip()


def _login(
    connection: socket.socket, account: Account, host_key: bytes | None, deadline: Deadline, refusals: int
) -> Ssh:
    answer = max(deadline.at_most(account.patience.answer), _LEAST_ANSWER)
    transport = transport_on(connection, answer, PatchedTransport)
    ssh = Ssh(transport, connection, account.watch, account.patience)
    try:
        transport.start_client(timeout=answer)
        if host_key is not None and ssh.host_key != host_key:
            raise HostKeyChanged
        login = _next(account, ssh.host_key, refusals)
        _authenticate(transport, *login)
    except BROKEN as exc:
        ssh.close()
        raise GuestUnreachable(f"the SSH handshake failed: {exc}") from exc
    except BaseException:
        ssh.close()
        raise
    if account.others:
        _let_in[ssh.host_key] = login
    transport.set_keepalive(KEEPALIVE_SECONDS)
    return ssh


def transport_on(connection: socket.socket, answer: float, kind: type[Kind]) -> Kind:
    """A transport of ours that has not begun yet.

    :param answer: seconds that the server may take for a banner, a handshake, a login.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    transport = kind(connection.dup())
    transport.set_log_channel(_LOGGER.name)
    # Each byte is hashed on both sides, and 64-bit processors without SHA instructions do SHA-512 in 3/4 of the time.
    options = transport.get_security_options()
    options.digests = sorted(options.digests, key=lambda name: not name.startswith("hmac-sha2-512"))
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = answer
    return transport


def _next(account: Account, host_key: bytes, refusals: int) -> tuple[str, str]:
    """User and password to try after so many refusals."""
    logins = [(account.user, account.password), *account.others]
    known = _let_in.get(host_key)
    return sorted(logins, key=lambda login: login != known)[refusals % len(logins)]


def _authenticate(transport: PatchedTransport, user: str, password: str) -> None:
    patience = Deadline(transport.auth_timeout)
    try:
        transport.auth_password(user, password)
    except paramiko.AuthenticationException as exc:
        # It stands for a connection that ended and for an answer that never came, too.
        if isinstance(exc, paramiko.BadAuthenticationType) or (transport.is_active() and not patience.passed):
            raise LoginError(
                f"the guest refused to log in {user!r}: wrong user or password, an account that is locked or"
                " disabled, no password login (PasswordAuthentication in sshd_config), or a policy that denies local"
                " accounts the network (SeDenyNetworkLogonRight, as hardened images have it)"
            ) from exc
        raise GuestUnreachable(f"the guest's SSH server did not answer the login: {exc}") from exc
