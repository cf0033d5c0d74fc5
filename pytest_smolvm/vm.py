"""The guest object: a disposable Windows computer, as a test holds it."""

from __future__ import annotations

import os as _os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from pytest_smolvm.errors import (
    GuestDied,
    GuestUnreachable,
    HostKeyChanged,
    ResidentLost,
    TimedOut,
    TransferError,
    UsageError,
)
from pytest_smolvm.guest.commands import powershell, spawned
from pytest_smolvm.guest.commands import run as commands
from pytest_smolvm.guest.commands.fallback import Shells
from pytest_smolvm.guest.commands.run import RunResult
from pytest_smolvm.guest.commands.spawned import Spawned
from pytest_smolvm.guest.files.methods import GuestFiles
from pytest_smolvm.guest.link import arrival
from pytest_smolvm.guest.link.ssh import Ssh, wait_for_login
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.guest.system import environment, power
from pytest_smolvm.guest.system.methods import GuestState
from pytest_smolvm.pool.pool import Guest, Place, Pool, default_pool

_RECONNECT_SECONDS = 60.0


class SmolVM(GuestFiles, GuestState):
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
            raise UsageError(
                "image= is missing: the path of a qcow2 with Windows; pytest-smolvm windows build-image makes one"
            )
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
        self.on_output: Callable[[str], object] | None = None
        """What :meth:`run` takes for `on_output` when it is given none; ``pytest -s`` prints the lines."""
        self._entered = False
        self._place: Place | None = None
        self._life = ExitStack()
        self._guest: Guest | None = None
        self._host_key: bytes | None = None
        self._connecting = threading.RLock()
        self._users: Counter[Ssh] = Counter()
        self._shells = Shells(self._using, None)

    @property
    def spec(self) -> GuestSpec:
        """What was asked for."""
        return self._spec

    def __repr__(self) -> str:
        return f"<SmolVM {self._spec.image.name} {'running' if self._guest else 'not running'}>"

    def __enter__(self) -> SmolVM:
        if self._guest is not None:
            raise UsageError("this SmolVM is running already")
        self._start(self._new_place())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Throw the guest away. Closing twice is fine."""
        self._entered = False
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
        self,
        script: str,
        *,
        args: Sequence[powershell.Argument] = (),
        shell: str = "powershell",
        timeout: float | None = None,
        check: bool = False,
        input: bytes | str = b"",
        fresh: bool = False,
        on_output: Callable[[str], object] | None = None,
        max_output: int | None = None,
    ) -> RunResult:
        """Run a PowerShell script, or one line of cmd.exe with ``shell="cmd"``, and wait for its end.

        In a clone PowerShell waits already and runs each script in a new runspace; else a powershell.exe is started.

        :param args: values for the script's parameters or ``$args``; they arrive as they are.
        :param timeout: seconds; then the command and its children are ended.
        :param check: raise if the exit code is not 0.
        :param input: for the command's standard input; text is sent as UTF-8.
        :param fresh: start a new powershell.exe in any case.
        :param on_output: called with every line of both streams, without its end, while the command runs.
        :param max_output: bytes of both streams together; more ends the command.
        :raises UsageError: `args` with ``shell="cmd"``.
        :raises CommandTimedOut: with what was printed until then.
        :raises CommandFailed: with `check`, on a non-zero exit code.
        :raises OutputLimitExceeded: with what was printed until then.
        :raises GuestDied: the guest ended meanwhile.
        """
        stdin = input.encode() if isinstance(input, str) else input
        on_output = on_output or self.on_output
        with self._using() as ssh:
            waiting = None if fresh or shell != "powershell" else self._shells.over(ssh)
            result = commands.run(
                ssh,
                script,
                args=args,
                shell=shell,
                resident=waiting,
                timeout=timeout,
                stdin=stdin,
                on_output=on_output,
                max_output=max_output,
            )
        return result.check() if check else result

    def run_json(self, script: str, args: Sequence[powershell.Argument] = (), *, timeout: float | None = None) -> Any:
        """What a PowerShell script puts out, as Python values; see :func:`pytest_smolvm.guest.commands.run.run_json`.

        :param timeout: seconds.
        :raises CommandFailed: the script ended with an error, or with an exit code other than 0.
        """
        return commands.run_json(
            lambda wrapped, values: self.run(wrapped, args=values, timeout=timeout, on_output=str), script, args
        )

    def spawn(self, program: str | Sequence[str], *, directory: str = "") -> Spawned:
        """Start a program and leave it running; its output goes to files in the guest.

        It is a child of the resident PowerShell, which a guest booted cold gets for this.

        :param program: its words, or one command line as CreateProcess takes it; cmd.exe has no part in this.
        :param directory: where it is to run; empty means the user's home.
        :returns: a handle, to wait for it, to kill it with all it has started, and to read its output.
        :raises CommandFailed: there is no such program.
        :raises ResidentLost: the resident PowerShell could not be started.
        """
        return spawned.spawn(self._run_lasting, program, directory=directory)

    def _run_lasting(self, script: str, args: Sequence[powershell.Argument]) -> RunResult:
        with self._using() as ssh:
            return commands.run(ssh, script, args=args, resident=self._shells.lasting(ssh))

    def reboot(self, timeout: float | None = None) -> None:
        """Restart Windows and wait until it can be used again; that it was a new boot is QEMU's word.

        :param timeout: seconds, to the reset and again to the login; None takes the spec's ``boot_timeout``.
        :raises TimedOut: the machine was not reset.
        :raises BootError: it was, and did not come up again.
        """
        limit = timeout or self._spec.boot_timeout
        with self._connecting:
            guest = self._running()
            with self._using() as ssh:
                asked = power.ask(ssh, "/r")
            power.happened(guest.machine.monitor, "RESET", asked, limit, guest.machine.check)
            ssh.close()
            self._shells.close()  # the resident ended with the system it was started in
            self._shells = Shells(self._using, None)
            fresh = arrival.login(guest.machine, self._spec, limit)
            if fresh.host_key != self._host_key:
                fresh.close()  # the closed one stays: whoever connects anew compares keys again
                raise HostKeyChanged
            guest.ssh = fresh

    def shutdown(self, timeout: float | None = None) -> None:
        """Turn Windows off, in order, and wait until it is; the guest cannot be used any more.

        :param timeout: seconds; None takes the spec's ``boot_timeout``.
        :raises TimedOut: it was not.
        """
        with self._connecting:
            guest = self._running()
            with self._using() as ssh:
                asked = power.ask(ssh, "/s")
            power.happened(guest.machine.monitor, "SHUTDOWN", asked, timeout or self._spec.boot_timeout, str)
            ssh.close()

    def revert(self) -> None:
        """Bring the guest back to the state in which it was received: a new one takes its place in this object.

        :raises BootError: the new one did not come up. There is no guest then, until another call brings one.
        """
        if not self._entered:
            self._running()  # says so
        self._stop()
        self._start(self._place or self._new_place())
        self.wait_for_ssh()

    def keep(self, directory: Path) -> None:
        """Keep the guest's disk and logs in `directory` when it is thrown away."""
        if self._guest is not None:
            self._guest.keep = directory

    def _new_place(self) -> Place:
        self._pool = self._pool or default_pool()
        (place,) = self._pool.places(self._spec)
        return place

    def _start(self, place: Place) -> None:
        """Take a place and a guest in it; after a failure neither is held."""
        try:
            with ExitStack() as life:
                self._guest = life.enter_context(place.guest())
                self._host_key = None
                self._shells = Shells(self._using, self._guest.resident)
                if self._guest.ssh is not None:
                    self._welcome(self._guest.ssh)
                self._life = life.pop_all()
        except BaseException:
            self._guest = self._place = None
            place.release()
            raise
        self._place = place
        self._entered = True

    def _stop(self) -> None:
        self._shells.close()
        guest, self._guest = self._guest, None
        if guest is not None and guest.ssh is not None:
            guest.ssh.close()
        self._life.close()

    def _running(self) -> Guest:
        if self._guest is None:
            if self._entered:
                raise GuestDied("there is no guest since reverting it failed; revert() tries again")
            raise UsageError("this SmolVM is not running; use it in a with block")
        return self._guest

    def _connected(self, timeout: float | None = None) -> Ssh:
        with self._connecting:
            guest = self._running()
            if guest.ssh is None:
                guest.ssh = arrival.login(guest.machine, self._spec, timeout or self._spec.boot_timeout)
                self._welcome(guest.ssh)
            elif not guest.ssh.alive:
                self._reconnect()
            return guest.ssh

    def _welcome(self, ssh: Ssh) -> None:
        """What every new guest gets on the first connection."""
        # The first key seen is the guest's for life: nobody else can answer on its port unnoticed.
        self._host_key = ssh.host_key
        if self._spec.env_vars:
            environment.write(ssh, self._spec.env_vars)
            self._reconnect()

    def _reconnect(self) -> None:
        """Windows' sshd reads the environment once per connection (Win32-OpenSSH, setup_session_env)."""
        with self._connecting:
            guest = self._running()
            old, guest.ssh = guest.ssh, self._second_connection()
            if old is not None and old not in self._users:
                old.close()  # else whoever uses it last does

    def _second_connection(self) -> Ssh:
        guest = self._running()
        guest.machine.check()
        try:
            # Patiently: the guest's sshd may have just been restarted.
            return wait_for_login(
                arrival.account(guest.machine, self._spec), host_key=self._host_key, timeout=_RECONNECT_SECONDS
            )
        except TimedOut as exc:
            raise GuestUnreachable(
                f"the guest runs, but no SSH server has answered for {_RECONNECT_SECONDS:g} s"
            ) from exc

    @contextmanager
    def _using(self) -> Iterator[Ssh]:
        with self._connecting:
            ssh = self._connected()
            self._users[ssh] += 1
        began = time.time()
        try:
            with ssh.in_use():
                yield ssh
        except (GuestUnreachable, ResidentLost, TransferError) as exc:
            machine = self._running().machine
            machine.check()  # says so if it is not only the connection that is gone
            if machine.monitor.told("RESET", began):
                exc.add_note("Meanwhile the guest has restarted; if nobody asked it to, its system has crashed.")
            raise
        finally:
            self._done_with(ssh)

    def _done_with(self, ssh: Ssh) -> None:
        with self._connecting:
            self._users[ssh] -= 1
            if not self._users[ssh]:
                del self._users[ssh]
                if self._guest is None or self._guest.ssh is not ssh:
                    ssh.close()


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


class GuestFactory(Protocol):
    """The fixture ``windows_vm_factory``."""

    def __call__(self, count: int = 1, **wants: Any) -> list[SmolVM]:
        """Guests for this test; room for them is granted to all or to none.

        :param count: how many.
        :param wants: the marker's keywords: ``image``, ``memory`` (MiB) and so on.
        :raises UsageError: a want that makes no sense.
        :raises CapacityError: this host can never hold so many.
        :raises BootError: one of them does not come up.
        """
