"""The way into a running guest: one connection, lent to whoever does something in it, and made anew when it broke."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from pytest_smolvm.errors import (
    BootError,
    GuestDied,
    GuestUnreachable,
    ResidentLost,
    TimedOut,
    TransferError,
    UsageError,
)
from pytest_smolvm.guest.link import arrival
from pytest_smolvm.guest.link.login import wait_for_login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.guest.trail import Trail, tell_of_guest
from pytest_smolvm.host import clock
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.waiting import Deadline
from pytest_smolvm.machine.machine import Machine

_RECONNECT_SECONDS = stretched(150.0)  # Windows' sshd may take two minutes for a banner (Win32-OpenSSH 2425)

Welcome = Callable[[Ssh], bool]
"""Does over the first connection what every new guest gets; returns whether only a new connection sees it."""


class Access:
    """The way into one guest, from its start to its end. Safe to use from several threads.

    :param machine: what the guest runs on.
    :param spec: account and time-outs.
    :param first: a connection that the guest came with, if any.
    :param welcome: what is done once, on the first connection.
    :param on_restart: called when the guest has restarted by itself, as a script may have it do, and is back.
    :param arriving: around the first login to a guest that came without a connection, unless that is given less time.
    """

    def __init__(
        self,
        machine: Machine,
        spec: GuestSpec,
        first: Ssh | None,
        welcome: Welcome,
        *,
        on_restart: Callable[[], object] = nothing,
        arriving: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.machine = machine
        self._arriving = arriving
        self._spec = spec
        self._ssh = first
        self._welcome = welcome
        self._on_restart = on_restart
        self._arrived = clock.utc()
        """Seconds since 1970 since when no restart is known that was not dealt with."""
        self._host_key: bytes | None = None
        self.code_page: str | None = None
        """What its programs print that know no UTF-8, by Python's name, once that is known."""
        self._closed = ""
        """Why, once it is."""
        self._connecting = threading.RLock()
        self._users: Counter[Ssh] = Counter()

    def connect(self, timeout: float | None = None) -> Ssh:
        """The connection; waits for the guest if it is still booting, for the first time or again.

        :param timeout: seconds; None: the spec's ``boot_timeout`` for a guest that boots, a minute for one that does
            not and whose connection broke.
        :raises BootError: it did not come up in time, or died.
        :raises LoginError: it refused user or password.
        :raises GuestUnreachable: the connection broke, and no other could be made.
        :raises GuestDied: the guest has ended.
        """
        with self._turn(timeout) as left:
            if self._closed:
                raise GuestDied(self._closed)
            if self._ssh is None:
                with self._arriving() if timeout is None else nullcontext():
                    self._ssh = self._login(left)
            if self._host_key is None:
                self._receive(self._ssh)
            elif not self._ssh.alive or self._restarted():
                self._ssh = self._again(left)
            if self.code_page is not None:
                self._ssh.code_page = self.code_page
            return self._ssh

    @contextmanager
    def _turn(self, timeout: float | None) -> Iterator[float | None]:
        """Nobody else connects in the block. Gives the seconds that are left then."""
        deadline = Deadline(timeout)
        if not self._connecting.acquire(timeout=-1 if timeout is None else timeout):
            raise BootError("ssh", f"no login over SSH within {timeout:g} s; another thread waits for one", "")
        try:
            yield deadline.left
        finally:
            self._connecting.release()

    def _login(self, timeout: float | None) -> Ssh:
        return arrival.login(
            self.machine, self._spec, self._spec.boot_timeout if timeout is None else timeout, self._host_key
        )

    def _again(self, timeout: float | None) -> Ssh:
        """A connection in place of one that broke, to the same boot or the next."""
        if self._ssh is not None:
            self._ssh.close()  # the server it was made to may be gone without a word
        self.machine.check()  # which also brings what QEMU tells
        try:
            fresh = self.another() if timeout is None and not self._restarted() else self._login(timeout)
        except GuestUnreachable:
            if not self._restarted():
                raise
            fresh = self._login(timeout)  # it went down for a restart in the meantime
        if self._restarted():
            self._on_restart()
        self._arrived = clock.utc()
        return fresh

    def _restarted(self) -> bool:
        """Whether QEMU has told that the guest was reset, by itself and unnoticed until now."""
        return self.machine.monitor.told("RESET", self._arrived)

    @contextmanager
    def using(self) -> Iterator[Ssh]:
        """Lend the connection for the length of the block, made anew if it broke.

        :raises GuestDied: the guest ended in the block, which then failed; or another thread threw it away.
        """
        with self._connecting:
            ssh = self.connect()
            self._users[ssh] += 1
        began = clock.utc()
        try:
            with ssh.in_use():
                yield ssh
        except (GuestUnreachable, GuestDied, ResidentLost, TransferError) as exc:
            if self._closed:
                raise GuestDied(self._closed) from exc
            if not isinstance(exc, GuestDied):
                self.machine.check()  # says so if it is not only the connection that is gone
            if self.machine.monitor.told("RESET", began):
                exc.add_note("Meanwhile the guest has restarted; if nobody asked it to, its system has crashed.")
            raise
        finally:
            self._done_with(ssh)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else gets a connection in the block; those that are lent already stay so."""
        with self._connecting:
            yield

    def renew(self) -> None:
        """Make a new connection, which sees the environment as it is now.

        Windows' sshd reads the environment once per connection (Win32-OpenSSH, setup_session_env).
        """
        with self._connecting:
            old, self._ssh = self._ssh, self.another()
            if old is not None and old not in self._users:
                old.close()  # else whoever uses it last does

    def another(self) -> Ssh:
        """A connection of its own, for the caller to close.

        :raises GuestUnreachable: no server answers.
        :raises HostKeyChanged: another one does.
        """
        self.machine.check()
        account = arrival.account(self.machine, self._spec)
        try:
            # Patiently: the guest's sshd may have just been restarted.
            return wait_for_login(account, host_key=self._host_key, timeout=_RECONNECT_SECONDS)
        except TimedOut as exc:
            raise GuestUnreachable(
                f"the guest runs, but no SSH server has answered for {_RECONNECT_SECONDS:g} s"
            ) from exc

    def password(self, ssh: Ssh) -> str:
        """The one that the guest has accepted over a connection."""
        return arrival.password(self.machine, self._spec, ssh.host_key)

    def arrive_again(self, timeout: float) -> None:
        """Log in anew to a guest that was made to boot again.

        :param timeout: seconds.
        :raises BootError: it does not come up.
        :raises HostKeyChanged: another server than before answers.
        """
        with self._connecting:
            if self._ssh is not None:
                self._ssh.close()
            self._ssh = self._login(timeout)  # if it fails, the closed one stays: whoever connects anew tries again
            self._arrived = clock.utc()

    def close(self, why: str = "the guest was thrown away") -> None:
        """End the connection for good; whoever still uses it is not waited for.

        :param why: what they are told.
        """
        self._closed = self._closed or why
        if self._ssh is not None:
            self._ssh.close()

    def _receive(self, ssh: Ssh) -> None:
        # The first key seen is the guest's for life: nobody else can answer on its port unnoticed.
        self._host_key = ssh.host_key
        self._arrived = clock.utc()
        if self._welcome(ssh):
            self.renew()

    def _done_with(self, ssh: Ssh) -> None:
        with self._connecting:
            self._users[ssh] -= 1
            if not self._users[ssh]:
                del self._users[ssh]
                if self._closed or self._ssh is not ssh:
                    ssh.close()


class GuestMethods:
    """What each group of the guest object's methods stands on: the way into its guest, while there is one."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        tell_of_guest(cls)

    def __init__(self) -> None:
        self.trail = Trail()
        """What is done to the guest, for whoever listens."""
        self._access: Access | None = None
        self._entered = False
        """Whether the object was entered and not left, so that there is a guest unless reverting it failed."""

    def _running(self) -> Access:
        """The way in.

        :raises UsageError: there is no guest.
        :raises GuestDied: there is none since reverting it failed.
        """
        if self._access is None:
            if self._entered:
                raise GuestDied("there is no guest since reverting it failed; revert() tries again")
            raise UsageError("this SmolVM is not running; use it in a with block")
        return self._access

    def _using(self) -> AbstractContextManager[Ssh]:
        """Lend the guest's connection for the length of a block, made anew if it broke."""
        return self._running().using()
