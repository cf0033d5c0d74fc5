"""The process that makes guests ahead, beside the tests: neither notices the other, whatever a test does to its own.

It is the parent of the guests that it makes, also of those that it has handed over, and lives as long as the process
whose tests they are for. :mod:`pytest_smolvm.pool.spares` starts it and tells it what to do.
"""

from __future__ import annotations

import enum
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.desktop import rehearsal
from pytest_smolvm.guest.link import resume
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host import programs, records
from pytest_smolvm.host.adopted import Child
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import cloning, messages, obstacles, starting, templates
from pytest_smolvm.pool.leases import Lease, Leases
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Template

_REHEARSAL_SECONDS = stretched(60.0)
_LOOK_SECONDS = 1.0
_LONGEST_REASON = 4000

Tell = Callable[..., None]
"""Called with a state, what there is to say of it, and the files that belong to it."""


class State(enum.Enum):
    """How far a spare has got."""

    MAKING = "making"
    READY = "ready"
    TAKEN = "taken"
    """Somebody has it, and says when it is to end."""
    GONE = "gone"
    """It has ended, or never came to be."""


def main(control: int, path: str) -> None:
    """Serve on the socket `control` until its other end is closed.

    :param path: where PATH led the process that started this one.
    """
    programs.SETTLED["PATH"] = path
    with socket.socket(fileno=control) as connection:
        serve(connection)


def serve(connection: socket.socket) -> None:
    """Make, hand over and end guests as is said on a connection, until its other end is closed."""
    site, leases = _begun(connection)
    raised: dict[int, Nursling] = {}
    while (received := messages.receive(connection)) is not None:
        asked, number = received[0], received[0]["spare"]
        if asked["do"] == "make":
            raised = {other: nursling for other, nursling in raised.items() if nursling.state is not State.GONE}
            spec, tell = messages.spec_from(asked["spec"]), _teller(connection, number)
            raised[number] = Nursling(spec, site, leases, tell)
        elif number not in raised:
            pass  # it is gone, which was told
        elif asked["do"] == "take":
            raised[number].take()
        else:
            raised[number].end()
    for nursling in raised.values():
        nursling.end()
    for nursling in raised.values():
        nursling.join()


def _begun(connection: socket.socket) -> tuple[Site, Leases]:
    received = messages.receive(connection)
    if received is None:
        sys.exit()  # nobody wants anything any more
    said = received[0]
    store = Store(Path(said["store"]))
    site = Site(store, messages.hypervisor_from(said["hypervisor"]), Silent())
    return site, Leases(store, said["max_guests"])


def _teller(connection: socket.socket, number: int) -> Tell:
    def tell(state: State, *files: int, **said: Any) -> None:
        with suppress(OSError):  # nobody listens any more, and all of this is about to end
            messages.send(connection, {"spare": number, "state": state.value, **said}, *files)

    return tell


class Nursling:
    """One guest, restored in a thread of its own as soon as this object is made, and kept there until it is to end.

    Nothing that goes wrong with it is raised: whoever asks for a guest next meets the same error, and is told.

    :param spec: what is likely to be asked for.
    :param leases: where room for it comes from.
    :param tell: told of each state that it gets to.
    """

    def __init__(self, spec: GuestSpec, site: Site, leases: Leases, tell: Tell) -> None:
        self._spec = spec
        self._site = site
        self._leases = leases
        self._tell = tell
        self._state = State.MAKING
        self._changed = threading.Condition()
        self._wanted = threading.Event()
        self._doomed = False
        self._child: Child | None = None
        self._lease: Lease | None = None
        self._thread = threading.Thread(target=self._live, name="smolvm-nursling", daemon=True)
        self._thread.start()

    @property
    def state(self) -> State:
        """How far it has got."""
        return self._state

    def take(self) -> None:
        """Hand it over as soon as it is there."""
        with self._changed:
            self._wanted.set()
            self._changed.notify_all()

    def end(self) -> None:
        """End it wherever it has got to; its thread does so."""
        with self._changed:
            self._doomed = True
            self._wanted.set()
            if self._child is not None and self._state is not State.TAKEN:
                self._child.kill()
            self._changed.notify_all()

    def join(self, timeout: float | None = None) -> None:
        """Wait until it is gone, at most `timeout` seconds."""
        self._thread.join(timeout)

    def _live(self) -> None:
        why = ""
        try:
            self._be_made_and_used()
        except Exception:  # noqa: BLE001 - it is told, and stops nobody else
            why = traceback.format_exc()[-_LONGEST_REASON:]
        if self._lease is not None:
            self._lease.release()  # unless it is somebody else's by now
        self._state = State.GONE
        self._tell(State.GONE, why=why)

    def _be_made_and_used(self) -> None:
        template = self._template()
        if template is None:
            return
        self._lease = self._leases.spare(self._spec)
        if self._lease is None:
            return
        with self._site.store.run_directory() as directory:
            files = RunDirectory(directory)
            with cloning.clone(template, self._spec, self._site.hypervisor, files) as machine:
                machine.disposable = True  # whoever takes it ends it himself, if its disk is to be kept
                self._can_be_ended(self._lease, machine.child)
                with starting.entered(machine, template, self._spec) as guest:
                    _rehearse(guest, self._spec, self._wanted)
                    left = None if guest.ssh is None else resume.leave(guest.ssh)
                    if self._offered(machine):
                        self._hand_over(machine, template, self._lease, left)

    def _template(self) -> Template | None:
        """What to make it from. Baking takes minutes: that is for somebody who needs the guest."""
        if obstacles.known(self._site.store, self._site.hypervisor, self._spec.hardware):
            return None
        return templates.find(self._site.store, templates.key(self._spec, self._site.hypervisor))

    def _can_be_ended(self, lease: Lease, child: Child) -> None:
        """From now on, before it is ready: by a real request, or by us. What else is to be done ends with its QEMU."""
        lease.mark(child.pid)
        with self._changed:
            self._child = child
            if self._doomed:
                child.kill()

    def _offered(self, machine: Machine) -> bool:
        """Wait until somebody wants it; False if nobody is to have it."""
        with self._changed:
            self._state = State.READY
            self._tell(State.READY)
            while not self._changed.wait_for(lambda: self._doomed or self._wanted.is_set(), _LOOK_SECONDS):
                # From another container it cannot be ended.
                self._doomed = self._leases.wanted() or machine.child.poll() is not None
            if self._doomed or machine.child.poll() is not None:
                return False
            self._state = State.TAKEN
            return True

    def _hand_over(
        self, machine: Machine, template: Template, lease: Lease, left: tuple[resume.State, socket.socket] | None
    ) -> None:
        """Give it to who asked for it, and wait until he is done with it.

        :param left: the connection to it, if that can be gone on with.
        """
        monitor, unread = machine.monitor.left()
        self._tell(
            State.TAKEN,
            *[monitor.fileno()] if left is None else [monitor.fileno(), left[1].fileno()],
            pid=machine.child.pid,
            directory=os.fspath(machine.files.path),
            unread=unread.decode("latin-1"),
            lease=lease.id,
            endpoint=records.read(template.files.endpoint),
            template=[os.fspath(template.files.path), *template.mark, (template.host_key or b"").hex()],
            connection=None if left is None else left[0],
        )
        with self._changed:
            self._changed.wait_for(lambda: self._doomed)


def _rehearse(guest: RunningGuest, spec: GuestSpec, wanted: threading.Event) -> None:
    """Have a guest do what its test is likely to begin with: an emulator translates that code only now."""
    if guest.resident is not None:
        with suppress(SmolVMError):  # whoever gets the guest is told
            for _ in range(guest.resident.processes):
                if not wanted.is_set():
                    guest.resident.warm_up()
            if spec.desktop and guest.ssh is not None and not wanted.is_set():
                rehearsal.rehearse(guest.ssh, guest.resident)
        guest.resident.close()  # its tunnels; whoever has the guest opens others
    if guest.ssh is not None and not wanted.is_set():
        run.run(guest.ssh, "ver", shell="cmd", timeout=_REHEARSAL_SECONDS)
