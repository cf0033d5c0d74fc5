"""The guest object's methods for environment, registry, services and processes."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_smolvm.guest.link.access import GuestMethods
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.names import GuestPath
from pytest_smolvm.guest.system import environment, processes, regfile, sshd
from pytest_smolvm.guest.system.processes import Process
from pytest_smolvm.guest.system.regfile import Data, RegistryValue
from pytest_smolvm.guest.system.registry import Registry
from pytest_smolvm.guest.system.services import Service
from pytest_smolvm.host.secret import masked
from pytest_smolvm.host.waiting import PATIENCE, until_seen


class SystemMethods(GuestMethods):
    """State of a guest, and waiting for it. Time-outs are in seconds; each TimedOut tells the last state seen."""

    def set_env(self, variables: Mapping[str, str], *, scope: str = "user") -> None:
        """Write to the environment in the registry; the next :meth:`run` sees it. An empty value deletes.

        Windows' sshd is restarted for variables of the machine that it would go on giving as it has them itself: before
        8.9 all, later those that are deleted.

        :param scope: ``user`` or ``machine``.
        :raises UsageError: a name or value that Windows cannot have, or PATH: see :meth:`add_to_path`.
        :raises ServiceError: sshd was not restarted.
        """
        variables = masked(variables)
        with self._using() as ssh:
            environment.write(ssh, variables, scope)
            self._see_anew(ssh, scope, variables)

    def get_env(self, name: str, *, scope: str = "user") -> str | None:
        """A variable as it is in the registry, percent signs and all; None if it is not there."""
        with self._using() as ssh:
            return environment.read(ssh, name, scope)

    def unset_env(self, *names: str, scope: str = "user") -> None:
        """Delete variables from the environment in the registry; fine if there are none."""
        self.set_env(dict.fromkeys(names, ""), scope=scope)

    def add_to_path(self, directory: GuestPath, *, scope: str = "user", first: bool = False) -> None:
        """Put a directory into PATH, at its end or in `first` place, unless it is there; the next :meth:`run` sees it.

        The value stays REG_EXPAND_SZ, and `directory` may have ``%NAME%`` in it.
        """
        with self._using() as ssh:
            if environment.add_to_path(ssh, str(directory), scope, first=first):
                self._see_anew(ssh, scope)

    def remove_from_path(self, directory: GuestPath, *, scope: str = "user") -> None:
        """Take a directory out of PATH; fine if it is not in there."""
        with self._using() as ssh:
            if environment.remove_from_path(ssh, str(directory), scope):
                self._see_anew(ssh, scope)

    def _see_anew(self, ssh: Ssh, scope: str, variables: Mapping[str, str] = {}) -> None:
        """Have the next command see variables that were just written.

        :raises ServiceError: Windows' sshd had to be restarted for that, and was not.
        """
        if scope == "machine" and sshd.keeps(ssh, variables):
            sshd.restart(ssh)
        self._running().renew()

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

    def wait_for_registry(
        self, key: str, name: str = "", data: Data | None = None, timeout: float = PATIENCE
    ) -> RegistryValue:
        """Wait until there is such a value in the registry, with this `data` if it is not None."""

        def look() -> tuple[RegistryValue | None, str]:
            found = self.registry.find(key, name)
            return (found if found is not None and data in (None, found.data) else None), str(found or "no such value")

        return until_seen(f"the registry value {name!r} in {regfile.full_key(key)}", look, timeout)
