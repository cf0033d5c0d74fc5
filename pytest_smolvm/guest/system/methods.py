"""The guest object's methods for environment, registry, services, processes, waits and ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TypeVar

from pytest_smolvm.errors import GuestUnreachable
from pytest_smolvm.guest.commands import exits
from pytest_smolvm.guest.commands.run import RunResult
from pytest_smolvm.guest.files import filesystem
from pytest_smolvm.guest.files.filesystem import FileStat
from pytest_smolvm.guest.link import ports
from pytest_smolvm.guest.link.access import Access
from pytest_smolvm.guest.system import environment, processes, regfile
from pytest_smolvm.guest.system.processes import Process
from pytest_smolvm.guest.system.regfile import Data, Value
from pytest_smolvm.guest.system.registry import Registry
from pytest_smolvm.guest.system.services import Service
from pytest_smolvm.host.waiting import PATIENCE, until_seen, until_true

T = TypeVar("T")

_CONNECT_SECONDS = 10.0


class GuestState(Access):
    """State of a guest, and waiting for it. Time-outs are in seconds; each TimedOut tells the last state seen."""

    def run(self, script: str, *, shell: str = "powershell", timeout: float | None = None) -> RunResult:
        """Run a script; see :meth:`pytest_smolvm.SmolVM.run`."""
        raise NotImplementedError

    def set_env(self, variables: Mapping[str, str], *, scope: str = "user") -> None:
        """Write to the environment in the registry; the next :meth:`run` sees it. An empty value deletes.

        :param scope: ``user`` or ``machine``.
        :raises UsageError: a name or value that Windows cannot have, or PATH: see :meth:`add_to_path`.
        """
        with self._using() as ssh:
            environment.write(ssh, variables, scope)
            self._reconnect()

    def get_env(self, name: str, *, scope: str = "user") -> str | None:
        """A variable as it is in the registry, percent signs and all; None if it is not there."""
        with self._using() as ssh:
            return environment.read(ssh, name, scope)

    def unset_env(self, *names: str, scope: str = "user") -> None:
        """Delete variables from the environment in the registry; fine if there are none."""
        self.set_env(dict.fromkeys(names, ""), scope=scope)

    def add_to_path(self, directory: str, *, scope: str = "user", first: bool = False) -> None:
        """Put a directory into PATH, at its end or in `first` place, unless it is in there; the next :meth:`run` sees it.

        The value stays REG_EXPAND_SZ, and `directory` may have ``%NAME%`` in it.
        """
        with self._using() as ssh:
            if environment.add_to_path(ssh, directory, scope, first=first):
                self._reconnect()

    def remove_from_path(self, directory: str, *, scope: str = "user") -> None:
        """Take a directory out of PATH; fine if it is not in there."""
        with self._using() as ssh:
            if environment.remove_from_path(ssh, directory, scope):
                self._reconnect()

    @property
    def registry(self) -> Registry:
        """The registry: read, write, delete."""
        return Registry(self._using)

    def service(self, name: str) -> Service:
        """A service: status, start, stop."""
        return Service(name, self._using)

    def process_list(self) -> list[Process]:
        """All processes, with name, id, session and memory."""
        with self._using() as ssh:
            return processes.listed(ssh)

    def wait_until(self, predicate: Callable[[], T], timeout: float = PATIENCE, what: str = "the condition") -> T:
        """Call `predicate` again and again until it returns something true, and return that.

        :param what: for the error.
        :raises TimedOut: with what it returned last.
        """
        return until_true(predicate, timeout, what)

    def wait_until_succeeds(self, script: str, timeout: float = PATIENCE, *, shell: str = "powershell") -> RunResult:
        """Run a script again and again until its exit code is 0.

        :raises TimedOut: with its last exit code and output.
        """
        return self._until_exit(f"success of {script[:80]!r}", script, shell, lambda code: code == 0, timeout)

    def wait_until_fails(self, script: str, timeout: float = PATIENCE, *, shell: str = "powershell") -> RunResult:
        """Run a script again and again until its exit code is not 0."""
        return self._until_exit(f"failure of {script[:80]!r}", script, shell, lambda code: code != 0, timeout)

    def wait_for_port(self, port: int, timeout: float = PATIENCE, *, host: str = "127.0.0.1") -> None:
        """Wait until something in the guest listens on a TCP port.

        :param host: as the guest names it.
        """
        ports.check(port)

        def connect() -> tuple[bool | None, str]:
            with self._using() as ssh:
                try:
                    ssh.tunnel(host, port, _CONNECT_SECONDS).close()
                except GuestUnreachable as exc:
                    if not ssh.alive:
                        raise
                    return None, str(exc)
                return True, ""

        until_seen(f"port {port} of {host} in the guest", connect, timeout)

    def wait_for_file(self, remote: str, timeout: float = PATIENCE) -> FileStat:
        """Wait until there is such a file or directory."""

        def look() -> tuple[FileStat | None, str]:
            with self._using() as ssh:
                return filesystem.find(ssh.sftp, remote), "nothing of that name"

        return until_seen(f"the file {remote}", look, timeout)

    def wait_for_process(self, name: str, timeout: float = PATIENCE) -> Process:
        """Wait until a process of that name runs, with or without ``.exe``."""

        def look() -> tuple[Process | None, str]:
            running = self.process_list()
            found = processes.called(name, running)
            return (found[0] if found else None), ", ".join(sorted({process.name for process in running}))

        return until_seen(f"a process {name}", look, timeout)

    def wait_for_service(self, name: str, timeout: float = PATIENCE, *, state: str = "RUNNING") -> None:
        """Wait until a service is in `state`.

        :raises ServiceError: there is no such service.
        """
        self.service(name).wait(state, timeout)

    def wait_for_registry(self, key: str, name: str = "", data: Data | None = None, timeout: float = PATIENCE) -> Value:
        """Wait until there is such a value in the registry, with this `data` if it is not None."""

        def look() -> tuple[Value | None, str]:
            found = self.registry.find(key, name)
            return (found if found is not None and data in (None, found.data) else None), str(found or "no such value")

        return until_seen(f"the registry value {name!r} in {regfile.full_key(key)}", look, timeout)

    @contextmanager
    def forward(self, port: int, *, host: str = "127.0.0.1") -> Iterator[tuple[str, int]]:
        """A local address for a TCP server in the guest, for the length of the block: ``with vm.forward(80) as (host, port)``.

        Each connection is made when somebody connects, so the server may come later. What the guest refuses is closed.

        :param host: where it listens, as the guest names it.
        """
        ports.check(port)

        def tunnel() -> ports.End:
            with self._using() as ssh:
                return ssh.tunnel(host, port)

        with ports.forwarded(tunnel) as address:
            yield address

    @contextmanager
    def expose(self, port: int, *, guest_port: int | None = None) -> Iterator[int]:
        """Let the guest reach a server on this host's 127.0.0.1, for the length of the block.

        :param guest_port: the port on the guest's 127.0.0.1; None takes the same, 0 lets the guest choose.
        :returns: that port.
        :raises GuestUnreachable: the guest lets nobody listen there.
        """
        serve = ports.answer(ports.check(port))
        wanted = port if guest_port is None else ports.check(guest_port, least=0)
        with self._using():
            second = self._second_connection()  # stays what it is when the environment changes
        with closing(second) as connection:
            opened = connection.listen(wanted, serve)
            try:
                yield opened
            finally:
                connection.stop_listening(opened)

    def _until_exit(
        self, what: str, script: str, shell: str, wanted: Callable[[int], bool], timeout: float
    ) -> RunResult:
        return exits.until_exit(what, lambda left: self.run(script, shell=shell, timeout=left), wanted, timeout)
