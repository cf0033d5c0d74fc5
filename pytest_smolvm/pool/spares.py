"""Spares: guests that nobody has asked for yet, made by a process of their own.

What of ours ran in this one while a test runs would see what the test makes of it - its functions, files and clock,
its directory, its PATH - and be seen by it. So nothing does: here is only who asks, before a test and for its guest.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pytest_smolvm.errors import GuestUnreachable
from pytest_smolvm.guest.commands.resident import Endpoint, Resident
from pytest_smolvm.guest.link import resume
from pytest_smolvm.guest.link.arrival import login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.adopted import Adopted
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.store import remove
from pytest_smolvm.host.waiting import Deadline
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.qmp import Monitor
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import messages, starting
from pytest_smolvm.pool.helper import Begin, Helper, begin
from pytest_smolvm.pool.leases import Lease, Leases
from pytest_smolvm.pool.messages import Message
from pytest_smolvm.pool.nursery import State
from pytest_smolvm.pool.site import Site
from pytest_smolvm.pool.starting import RunningGuest
from pytest_smolvm.pool.templates import Template, TemplateFiles

# Longer than a restore takes on a busy host; then another clone is as likely to come.
_PATIENCE_SECONDS = stretched(60.0)
_LOGGER = logging.getLogger(__name__)


class Handover:
    """A spare that is somebody's now.

    :param lease: its room.
    :param guest: a guest that lets us in.
    :param life: ends it.
    """

    def __init__(self, lease: Lease, guest: RunningGuest, life: ExitStack) -> None:
        self.lease = lease
        self._guest = guest
        self._life = life

    @contextmanager
    def used(self) -> Iterator[RunningGuest]:
        """The guest, for the length of the block; then it ends."""
        with self._life:
            yield self._guest


@dataclass
class ExpectedGuest:
    """A guest that is made ahead, as seen from here."""

    number: int
    """What it is called in messages."""
    spec: GuestSpec
    state: State = State.MAKING


class Spares:
    """The guest that is likely to be asked for next: one at a time.

    Nothing that goes wrong with it is raised: whoever asks for a guest next meets the same error, and is told.

    :param leases: where room for it comes from.
    :param max_guests: how many guests may live at once on this host; None leaves it to memory.
    :param begin: starts the process that makes it, when the first is expected.
    """

    def __init__(self, site: Site, leases: Leases, max_guests: int | None = None, begin: Begin = begin) -> None:
        self._leases = leases
        self._begin = begin
        self._site = {
            "store": os.fspath(site.store.root),
            "hypervisor": messages.hypervisor_to(site.hypervisor),
            "max_guests": max_guests,
        }
        self._helper: Helper | None = None
        self._numbers = count(1)
        self._expected: ExpectedGuest | None = None
        self._in_use: set[int] = set()
        self._closing = False

    def expect(self, spec: GuestSpec) -> None:
        """Somebody is likely to ask for such a guest soon: have one made, unless there is a spare already."""
        if self._still_expected():
            return
        expected = ExpectedGuest(next(self._numbers), nameless(spec))
        said = messages.spec_to(expected.spec)
        self._running_helper().tell({"do": "make", "spare": expected.number, "spec": said})
        self._expected = expected

    def wait(self, timeout: float | None = None) -> State:
        """Wait until the spare is no longer in the making.

        :param timeout: seconds; None waits as long as it takes.
        :raises TimeoutError: it still is.
        """
        deadline = Deadline(timeout)
        while (expected := self._expected) is not None and expected.state is State.MAKING:
            messages.close(self._heard(expected, deadline.left)[1])
        return State.GONE if expected is None else expected.state

    def take(self, spec: GuestSpec, patience: float = _PATIENCE_SECONDS) -> Handover | None:
        """Have the spare, as soon as it is there, if it is what `spec` asks for; any other one has to go.

        :param patience: seconds to wait for it.
        :returns: None if there is no guest to be had, or its room was taken away.
        """
        handover = None
        if self._expected is not None and self._expected.spec == nameless(spec):
            try:
                handover = self._handed_over(self._expected, spec, Deadline(patience))
            except Exception:  # then another guest is made, or the same error met: a spare fails no test
                _LOGGER.debug("the spare guest cannot be taken", exc_info=True)
        if handover is None:
            self.drop()
        self._expected = None  # only now: whoever is interrupted while waiting still has it to give up
        return handover

    def drop(self) -> None:
        """Have the spare ended, if there is one; nobody waits for that."""
        expected, self._expected = self._expected, None
        if expected is not None and self._helper is not None:
            with suppress(OSError):  # it has ended with who made it
                self._helper.tell({"do": "end", "spare": expected.number})

    def close(self) -> None:
        """End the spare, and wait for that; guests that were handed over go on until they are done with."""
        self.drop()
        self._closing = True
        self._close_if_done()

    def forget(self) -> None:
        """In a forked child: all of this is its parent's."""
        if self._helper is not None:
            self._helper.forget()
        self._helper, self._expected = None, None

    def _close_if_done(self) -> None:
        if self._closing and not self._in_use and self._helper is not None:
            done, self._helper = self._helper, None
            done.close()

    def _running_helper(self) -> Helper:
        if self._helper is not None and not self._helper.alive:
            self._helper.close()
            self._helper = None
        if self._helper is None:
            self._helper = Helper(self._begin)
            self._helper.tell(self._site)
        return self._helper

    def _still_expected(self) -> bool:
        """Whether there is a spare, or will be, for all that is known."""
        expected = self._expected
        with suppress(TimeoutError):
            while expected is not None and expected.state is not State.GONE:
                messages.close(self._heard(expected, 0.0)[1])
        return expected is not None and expected.state is not State.GONE

    def _heard(self, expected: ExpectedGuest, timeout: float | None) -> tuple[Message, list[int]]:
        """What is said next, perhaps of `expected`, and files for the caller to close."""
        assert self._helper is not None
        heard = self._helper.hear(timeout)
        if heard is None:
            expected.state = State.GONE
            return {}, []
        message, files = heard
        if message["spare"] == expected.number:
            expected.state = State(message["state"])
            if message.get("why"):
                _LOGGER.debug("a spare guest came to nothing: %s", message["why"])
        return message, files

    def _handed_over(self, expected: ExpectedGuest, spec: GuestSpec, deadline: Deadline) -> Handover | None:
        assert self._helper is not None
        self._helper.tell({"do": "take", "spare": expected.number})
        while expected.state is not State.GONE:
            message, files = self._heard(expected, deadline.left)
            if expected.state is State.TAKEN:
                return self._received(expected.number, spec, message, files)
            messages.close(files)
        return None

    def _received(self, number: int, spec: GuestSpec, message: Message, files: list[int]) -> Handover | None:
        assert self._helper is not None
        with ExitStack() as life:
            directory = Path(message["directory"])
            life.callback(self._done_with, self._helper, number, directory)
            monitor, *connections = [life.enter_context(socket.socket(fileno=file)) for file in files]
            child = life.enter_context(closing(Adopted(message["pid"])))
            lease = self._leases.take_over(message["lease"])
            if lease is None:
                return None
            self._in_use.add(number)
            with ExitStack() as failed:
                failed.callback(lease.release)
                unread = message["unread"].encode("latin-1")
                machine = Machine(child, Monitor(monitor, unread), RunDirectory(directory), spec.hardware)
                guest = life.enter_context(_entered(machine, spec, message, *connections))
                failed.pop_all()
            return Handover(lease, guest, life.pop_all())
        return None

    def _done_with(self, maker: Helper, number: int, directory: Path) -> None:
        """A guest that was handed over has ended, or is to: the rest is its maker's, who is not waited for."""
        if not maker.ours:
            return
        try:
            maker.tell({"do": "end", "spare": number})
        except OSError:  # it has ended itself
            remove(directory)
        self._in_use.discard(number)
        self._close_if_done()


@contextmanager
def _entered(
    machine: Machine, spec: GuestSpec, message: Message, *connections: socket.socket
) -> Iterator[RunningGuest]:
    """A guest that was handed over, once it lets us in, for the length of the block; then it ends.

    :param message: how its connection goes on, and where its resident PowerShell listens, if it has one.
    """
    guest = None
    try:
        place, *mark, host_key = message["template"]
        template = Template(TemplateFiles(Path(place)), (mark[0], mark[1]), bytes.fromhex(host_key))
        with closing(_way_in(machine, template, spec, message["connection"], *connections)) as ssh:
            endpoint = message["endpoint"]
            resident = None if endpoint is None else Resident(ssh.tunnel, Endpoint.from_record(endpoint))
            guest = RunningGuest(machine, ssh, resident=resident, origin=template, base=template.memory)
            yield guest
    finally:
        machine.disposable = guest is None or guest.keep is None
        machine.end()
        if guest is not None:
            starting.keep(guest)


def _way_in(
    machine: Machine, template: Template, spec: GuestSpec, state: resume.State | None, *connections: socket.socket
) -> Ssh:
    """The connection that was left, or else a new one."""
    if state is not None:
        with suppress(GuestUnreachable):
            return resume.resume(state, connections[0], machine)
    return login(machine, spec, min(starting.WAKING_SECONDS, spec.boot_timeout), template.host_key)


def nameless(spec: GuestSpec) -> GuestSpec:
    """The wants that shape a clone before anybody's own are applied to it."""
    return spec.having(env_vars={})
