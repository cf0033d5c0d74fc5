"""The guest object: a disposable Windows computer, as a test holds it."""

from __future__ import annotations

import os as _os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from pytest_smolvm import commands, environment, files
from pytest_smolvm.commands import RunResult
from pytest_smolvm.errors import GuestUnreachable, TransferError, UsageError
from pytest_smolvm.pool import Guest, Place, Pool, default_pool
from pytest_smolvm.spec import GuestSpec
from pytest_smolvm.ssh import Ssh, connect


class SmolVM:
    """A disposable Windows computer.

    Use it in a ``with`` block: it starts on entering and is gone, with all that was done in it, on leaving.

    :param os: ``"windows"``, the only guest system there is.
    :param image: the golden image, a qcow2 file; it is never written.
    :param ssh_user: an administrator's account in it.
    :param ssh_password: its password.
    :param env_vars: variables for the per-user environment store.
    :param pool: where the guest comes from; None uses the default store (``SMOLVM_HOME``).
    :param wants: ``memory`` (MiB), ``cpus``, ``boot``, ``boot_timeout`` (seconds), ``bus``, ``secure_boot``: see
        :class:`pytest_smolvm.GuestSpec`.
    :raises UsageError: a want that makes no sense or is not supported.
    """

    def __init__(
        self,
        os: str = "windows",
        image: str | _os.PathLike[str] = "",
        ssh_user: str = "smolvm",
        ssh_password: str = "smolvm",
        env_vars: Mapping[str, str] | None = None,
        *,
        pool: Pool | None = None,
        **wants: Any,
    ) -> None:
        if os != "windows":
            raise UsageError(f"os={os!r} is not supported: guests are Windows computers, os='windows'")
        if not image:
            raise UsageError("image= is missing: the path of a qcow2 with Windows; pytest-smolvm windows build-image makes one")
        plain = GuestSpec(image=Path(image).expanduser().absolute(), ssh_user=ssh_user, ssh_password=ssh_password)
        self._set_up(plain.having(env_vars=env_vars or {}, **wants), pool)

    @classmethod
    def of(cls, spec: GuestSpec, pool: Pool | None = None) -> SmolVM:
        """One for wants that are put into words already."""
        vm = cls.__new__(cls)
        vm._set_up(spec, pool)
        return vm

    def _set_up(self, spec: GuestSpec, pool: Pool | None) -> None:
        self._spec = spec
        self._pool = pool
        self._place: Place | None = None
        self._life = ExitStack()
        self._guest: Guest | None = None
        self._host_key: bytes | None = None
        self._connecting = threading.RLock()

    @property
    def spec(self) -> GuestSpec:
        """What was asked for."""
        return self._spec

    def __repr__(self) -> str:
        return f"<SmolVM {self._spec.image.name} {'running' if self._guest else 'not running'}>"

    def __enter__(self) -> SmolVM:
        if self._guest is not None:
            raise UsageError("this SmolVM is running already")
        self._pool = self._pool or default_pool()
        (place,) = self._pool.places(self._spec)
        self._start(place)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Throw the guest away. Closing twice is fine."""
        place, self._place = self._place, None
        try:
            self._stop()
        finally:
            if place is not None:
                place.release()

    def wait_for_ssh(self, timeout: float | None = None) -> None:
        """Wait until the guest can be used; :meth:`run` and the others do so by themselves.

        :param timeout: seconds; None takes the spec's ``boot_timeout``.
        :raises BootError: it did not come up in time, or died; the error tells how far it got.
        :raises LoginError: it refused user or password.
        """
        self._connected(timeout)

    def run(
        self, script: str, *, shell: str = "powershell", timeout: float | None = None, check: bool = False, input: bytes | str = b""
    ) -> RunResult:
        """Run a PowerShell script, or one line of cmd.exe with ``shell="cmd"``, and wait for its end.

        :param timeout: seconds; then the command and its children are ended.
        :param check: raise if the exit code is not 0.
        :param input: for the command's standard input; text is sent as UTF-8.
        :raises CommandTimedOut: with what was printed until then.
        :raises CommandFailed: with `check`, on a non-zero exit code.
        :raises GuestDied: the guest ended meanwhile.
        """
        stdin = input.encode() if isinstance(input, str) else input
        with self._using() as ssh:
            result = commands.run(ssh, script, shell=shell, timeout=timeout, stdin=stdin)
        return result.check() if check else result

    def upload_file(self, local: str | _os.PathLike[str], remote: str) -> None:
        r"""Copy a file of the host to an absolute Windows path; missing directories are created. All or nothing.

        :raises UsageError: there is no such file, or Windows cannot have such a path.
        :raises TransferError: the guest refused.
        """
        with self._using() as ssh:
            files.upload(ssh.sftp, local, remote)

    def download_file(self, remote: str, local: str | _os.PathLike[str]) -> None:
        """Copy a file of the guest to the host. All or nothing.

        :raises TransferError: the guest refused.
        """
        with self._using() as ssh:
            files.download(ssh.sftp, remote, local)

    def write_text(self, remote: str, text: str, encoding: str = "utf-8") -> None:
        """Make `text` the content of a file in the guest; missing directories are created."""
        with self._using() as ssh:
            files.write(ssh.sftp, remote, text.encode(encoding))

    def read_text(self, remote: str, encoding: str = "utf-8-sig") -> str:
        """The content of a text file in the guest.

        :raises TransferError: the guest refused.
        """
        with self._using() as ssh:
            return files.read(ssh.sftp, remote).decode(encoding)

    def set_env(self, variables: Mapping[str, str]) -> None:
        """Write to the per-user environment store; the next :meth:`run` sees it. An empty value deletes.

        :raises UsageError: a name or value that Windows cannot have.
        """
        with self._using() as ssh:
            environment.write(ssh, ssh.sftp, variables)
            self._reconnect()

    def revert(self) -> None:
        """Bring the guest back to the state in which it was received: a new one takes its place in this object."""
        self._running()
        assert self._place is not None
        self._stop()
        self._start(self._place)
        self.wait_for_ssh()

    def keep(self, directory: Path) -> None:
        """Keep the guest's disk and logs in `directory` when it is thrown away."""
        if self._guest is not None:
            self._guest.keep = directory

    def _start(self, place: Place) -> None:
        """Take a place and a guest in it; after a failure neither is held."""
        try:
            with ExitStack() as life:
                self._guest = life.enter_context(place.guest())
                self._host_key = None
                if self._guest.ssh is not None:
                    self._welcome(self._guest.ssh)
                self._life = life.pop_all()
        except BaseException:
            self._guest = None
            place.release()
            raise
        self._place = place

    def _stop(self) -> None:
        guest, self._guest = self._guest, None
        if guest is not None and guest.ssh is not None:
            guest.ssh.close()
        self._life.close()

    def _running(self) -> Guest:
        if self._guest is None:
            raise UsageError("this SmolVM is not running; use it in a with block")
        return self._guest

    def _connected(self, timeout: float | None = None) -> Ssh:
        with self._connecting:
            guest = self._running()
            if guest.ssh is None:
                guest.ssh = guest.machine.login(self._spec, timeout or self._spec.boot_timeout)
                self._welcome(guest.ssh)
            elif not guest.ssh.alive:
                self._reconnect()
            return guest.ssh

    def _welcome(self, ssh: Ssh) -> None:
        """What every new guest gets on the first connection."""
        # The first key seen is the guest's for life: nobody else can answer on its port unnoticed.
        self._host_key = ssh.host_key
        if self._spec.env_vars:
            environment.write(ssh, ssh.sftp, self._spec.env_vars)
            self._reconnect()

    def _reconnect(self) -> None:
        """Windows' sshd reads the environment once per connection (Win32-OpenSSH, setup_session_env)."""
        guest = self._running()
        guest.machine.check()
        if guest.ssh is not None:
            guest.ssh.close()
        guest.ssh = connect(guest.machine.account(self._spec), host_key=self._host_key)

    @contextmanager
    def _using(self) -> Iterator[Ssh]:
        ssh = self._connected()
        try:
            yield ssh
        except (GuestUnreachable, TransferError):
            self._running().machine.check()  # says so if it is not only the connection that is gone
            raise


@contextmanager
def several(specs: list[GuestSpec], pool: Pool) -> Iterator[list[SmolVM]]:
    """Guests of these specs for the length of the block; room for them is granted to all or to none.

    :raises SmolVMError: as entering a :class:`SmolVM` does.
    """
    with ExitStack() as stack:
        places = pool.places(*specs)
        for place in places:
            stack.callback(place.release)
        vms = []
        for spec, place in zip(specs, places, strict=True):
            vm = SmolVM.of(spec, pool)
            stack.callback(vm.close)
            vm._start(place)
            vms.append(vm)
        yield vms
