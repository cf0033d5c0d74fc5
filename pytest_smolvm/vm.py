"""The guest object: a disposable Windows computer, as a test holds it."""

from __future__ import annotations

import os as _os
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.commands import surroundings
from pytest_smolvm.guest.desktop.methods import DesktopMethods
from pytest_smolvm.guest.files.methods import FileMethods
from pytest_smolvm.guest.layer import Layer
from pytest_smolvm.guest.link.access import Access
from pytest_smolvm.guest.link.logs import LogMethods
from pytest_smolvm.guest.link.ports import PortMethods
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec, hidden
from pytest_smolvm.guest.system import environment, power
from pytest_smolvm.guest.system.methods import SystemMethods
from pytest_smolvm.host.progress import nothing
from pytest_smolvm.host.secret import masked
from pytest_smolvm.images.catalog import HARDWARE, Image
from pytest_smolvm.pool import keeping, layers
from pytest_smolvm.pool.pool import Pool, Reservation, default_pool
from pytest_smolvm.pool.snapshots import Snapshot, Snapshots
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Template


class SmolVM(DesktopMethods, FileMethods, LogMethods, PortMethods, SystemMethods):
    """A disposable Windows computer.

    Use it in a ``with`` block: it starts on entering and is gone, with all that was done in it, on leaving.

    :param os: ``"windows"``, the only guest system there is.
    :param image: the golden image, a qcow2 file; it is never written.
    :param ssh_user: an administrator's account in it.
    :param ssh_password: its password.
    :param env_vars: variables for the per-user environment store.
    :param pool: where the guest comes from; None uses the default store (``SMOLVM_HOME``).
    :param wants: ``memory`` (MiB), ``cpus``, ``boot``, ``boot_timeout`` (seconds), ``bus``, ``secure_boot``: see
        :class:`pytest_smolvm.GuestSpec`. What the image's record says of them is the default.
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
        ssh_password, env_vars, wants = masked(ssh_password), masked(env_vars), hidden(wants)
        super().__init__()
        if os != "windows":
            raise UsageError(f"os={os!r} is not supported: guests are Windows computers, os='windows'")
        if not image:
            raise UsageError(
                "image= is missing: the path of a qcow2 with Windows; pytest-smolvm windows build-image makes one"
            )
        plain = GuestSpec(image=Path(image).expanduser().absolute(), ssh_user=ssh_user, ssh_password=ssh_password)
        said = {} if wants.keys() >= HARDWARE else Image.at(plain.image).hardware
        self._spec = plain.having(**{**said, **wants}, env_vars=env_vars or {})
        self._pool = pool
        self._place: Reservation | None = None
        self._guest: RunningGuest | None = None
        self._life = ExitStack()
        self._snapshots: Snapshots | None = None
        """From the first one on."""
        self._changing = threading.RLock()

    @classmethod
    def of(cls, spec: GuestSpec, pool: Pool | None = None) -> SmolVM:
        """A SmolVM for an existing GuestSpec."""
        return cls(pool=pool, **{field.name: getattr(spec, field.name) for field in fields(spec)})

    @property
    def spec(self) -> GuestSpec:
        """What was asked for."""
        return self._spec

    def __repr__(self) -> str:
        spec = vars(self).get("_spec")  # there is none yet in a traceback of what has refused to be made
        return f"<SmolVM {spec.image.name if spec else 'unmade'} {'running' if self._access else 'not running'}>"

    def __enter__(self) -> Self:
        if self._access is not None:
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
        snapshots, self._snapshots = self._snapshots, None
        try:
            self._stop()
        finally:
            if snapshots is not None:
                snapshots.close()
            if place is not None:
                place.release()

    def wait_for_ssh(self, timeout: float | None = None) -> None:
        """Wait until the guest can be used; :meth:`run` and the others do so by themselves.

        Also after a restart that a script has asked for, once the connection has gone down; :meth:`reboot` waits for
        the restart, too.

        :param timeout: seconds; None takes the spec's ``boot_timeout``.
        :raises BootError: it did not come up in time, or died; the error tells how far it got.
        :raises LoginError: it refused user or password.
        """
        self._running().connect(timeout)

    def reboot(self, timeout: float | None = None) -> None:
        """Restart Windows and wait until it can be used again; that it was a new boot is QEMU's word.

        :param timeout: seconds, to the reset and again to the login; None takes the spec's ``boot_timeout``.
        :raises TimedOut: the machine was not reset.
        :raises SmolVMError: it was, and did not come up again (BootError), or nobody is logged on any more (NoDesktop).
        """
        limit = timeout or self._spec.boot_timeout
        access = self._running()
        with self._logon_kept(self._spec.desktop), access.alone():
            with access.using() as ssh:
                asked = access.machine.monitor.mark()
                power.request(ssh, "/r")
            power.wait_for_event(access.machine.monitor, "RESET", asked, limit, access.machine.check)
            self._take_shells(None)  # the resident ended with the system it was started in
            access.arrive_again(limit)

    def shutdown(self, timeout: float | None = None) -> None:
        """Turn Windows off, in order, and wait until it is; the guest cannot be used any more.

        :param timeout: seconds; None takes the spec's ``boot_timeout``.
        :raises TimedOut: it was not.
        """
        access = self._running()
        with access.alone():
            with access.using() as ssh:
                asked = access.machine.monitor.mark()
                power.request(ssh, "/s")
            limit = timeout or self._spec.boot_timeout
            power.wait_for_event(access.machine.monitor, "SHUTDOWN", asked, limit, nothing)
            ssh.close()

    def revert(self, name: str | None = None) -> None:
        """Bring the guest back to a former state: a new one takes its place in this object.

        What other threads have under way in it ends with :class:`pytest_smolvm.GuestDied`.

        :param name: the snapshot that is wanted; None is the state in which the guest was received.
        :raises UsageError: there is no such snapshot; the guest stays as it is.
        :raises BootError: the new one did not come up. There is no guest then, until another call brings one.
        """
        with self._changing:
            if not self._entered:
                self._running()  # says so
            self._revert(None if name is None else self._known_snapshots().find(name))

    def snapshot(self, name: str) -> Snapshot:
        """Keep the state in which the guest is now, memory and disk, for :meth:`revert`, until this object is closed.

        The guest stands still for a moment, and what runs in it goes on. Whoever reverts to it later finds such a
        command still running, without the connection that would bring its output.

        :param name: 1 to 100 printable characters, no two alike.
        :raises UsageError: it is none, or there is a snapshot of that name.
        :raises StoreError: the store's file system is full, or has no hard links; the guest goes on.
        :raises GuestDied: the guest has ended.
        """
        with self._changing:
            self._known_snapshots().check_new(name)
            self._freeze(name)
            return self.snapshots()[-1]

    def snapshots(self) -> list[Snapshot]:
        """The snapshots there are, in the order in which they were taken."""
        return [] if self._snapshots is None else self._snapshots.all()

    def delete_snapshot(self, name: str) -> None:
        """Remove a snapshot; those that were taken later stay, and so does the guest.

        :raises UsageError: there is none of that name.
        """
        with self._changing:
            self._known_snapshots().delete(name, self._guest)

    @contextmanager
    def rollback(self) -> Iterator[None]:
        """What the block does to the guest is undone, however it ends.

        :raises SmolVMError: as :meth:`snapshot` does on entering, and :meth:`revert` on leaving.
        """
        with self._changing:
            before = self._freeze("")
        try:
            yield
        finally:
            with self._changing:
                if self._entered and self._snapshots is not None:  # else the block has thrown the guest away
                    self._revert(before)
                    self._snapshots.forget(before, self._guest)

    def keep(self, directory: Path) -> None:
        """Keep the guest's disk and logs in `directory` when it is thrown away."""
        if self._guest is not None:
            self._guest.keep = directory

    def freeze(self, name: str) -> None:
        """Keep the guest as it is in the store, for ``pytest-smolvm attach NAME``, also when it is gone; it goes on.

        :param name: as a snapshot's. A guest that was kept under it before goes.
        :raises UsageError: it is none, or the guest has snapshots, with which its disk would end.
        :raises SmolVMError: as :meth:`snapshot` does.
        """
        with self._changing:
            guest = self._living()
            assert self._place is not None
            keeping.keep(guest, self._spec, self._place.site, name, lambda: self._shells.at_rest)

    def _living(self) -> RunningGuest:
        access, guest = self._running(), self._guest
        assert guest is not None
        access.machine.check()
        return guest

    def _freeze(self, name: str) -> Template:
        guest = self._living()
        return self._known_snapshots().take(name, guest, lambda: self._shells.at_rest)

    def _known_snapshots(self) -> Snapshots:
        """The guest's own, and of those that it was before it was reverted."""
        if self._snapshots is None:
            if self._place is None:
                self._running()  # says that there is no guest
            assert self._place is not None
            self._snapshots = Snapshots(self._place.site)
        return self._snapshots

    def _revert(self, snapshot: Template | None) -> None:
        self._stop("the guest was reverted meanwhile")
        self._start(self._place or self._new_place(), snapshot)
        self.wait_for_ssh()

    def _new_place(self) -> Reservation:
        self._pool = self._pool or default_pool()
        (place,) = self._pool.reserve(self._spec)
        return place

    def _start(self, place: Reservation, snapshot: Template | None = None) -> None:
        """Take a place and a guest in it; after a failure neither is held.

        :param snapshot: what it is to be; None is what it was in the beginning.
        """
        welcome = self._welcome if snapshot is None else lambda _: False  # a snapshot has it all
        try:
            with ExitStack() as life:
                if snapshot is None and self._spec.layer is not None:
                    begins = layers.guest(layers.Order(self._spec, place, self._unprepared))
                else:
                    begins = place.guest(snapshot)
                self._guest = guest = life.enter_context(begins)
                self._access = access = Access(
                    guest.machine,
                    self._spec,
                    guest.ssh,
                    welcome,
                    on_restart=self._restarted,
                    arriving=guest.arriving,
                )
                life.callback(access.close)
                self._take_shells(guest.resident)
                access.code_page = guest.resident.code_page if guest.resident is not None else None
                if guest.ssh is not None:
                    access.connect()
                self._life = life.pop_all()
        except BaseException:
            self._guest = self._access = self._place = None
            place.release()
            raise
        self._place = place
        self._entered = True

    @contextmanager
    def _unprepared(self, place: Reservation, layer: Layer) -> Iterator[layers.Unprepared]:
        """A guest that is to become a layer, for the length of the block, in the place of the one that is to come."""
        vm = SmolVM.of(self._spec.having(layer=layer.parent, env_vars={}), self._pool)

        def prepare() -> RunningGuest:
            layer.prepare(vm)
            vm._running().renew()  # or clones of it would let nobody in, either
            vm._run_in_resident("1", ())
            assert vm._guest is not None
            return vm._guest

        try:
            vm._start(place)
            vm.wait_for_ssh()
            yield layers.Unprepared(lambda: vm._running().machine, prepare, lambda: vm._shells.at_rest)
        finally:
            vm._place = None  # it stays ours
            vm.close()

    def _welcome(self, ssh: Ssh) -> bool:
        """What every new guest gets on the first connection; whether only a new connection sees it."""
        access = self._running()
        if access.code_page is None:
            access.code_page = ssh.code_page = surroundings.look_around(ssh)
        if self._spec.env_vars:
            environment.write(ssh, self._spec.env_vars)
        return bool(self._spec.env_vars)

    def _stop(self, why: str = "the guest was thrown away") -> None:
        self._shells.close()
        access, self._access, self._guest = self._access, None, None
        if access is not None:
            access.close(why)
        self._life.close()


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
