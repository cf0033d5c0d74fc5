"""Where guests come from: capacity, templates and spares behind one door."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from pytest_smolvm import commands, disk, machine, ssh, templates
from pytest_smolvm.capacity import Capacity
from pytest_smolvm.errors import BootError, SmolVMError
from pytest_smolvm.host import Host
from pytest_smolvm.machine import Machine
from pytest_smolvm.progress import Progress
from pytest_smolvm.spec import GuestSpec
from pytest_smolvm.store import Store

# Names what `_warmed` does; part of the template's key.
_RECIPE = "warm 1"


@dataclass
class Guest:
    """A machine somebody may use now."""

    machine: Machine
    ssh: ssh.Ssh | None
    """An open connection, if the guest comes with one."""


class Pool:
    """Guests for one process.

    :param max_guests: how many may live at once on this host, all processes together.
    """

    def __init__(self, store: Store, host: Host, progress: Progress, *, max_guests: int | None = None) -> None:
        self.store = store
        self.host = host
        self.capacity = Capacity(store, max_guests, progress.note)
        self._progress = progress
        self._spare: _Spare | None = None

    @contextmanager
    def guests(self, specs: list[GuestSpec]) -> Iterator[list[Guest]]:
        """Guests of these specs, all of them or none, for the length of the block.

        :raises ImageError: an image cannot be used.
        :raises CapacityError: the host can never hold them.
        :raises BootError: one does not come up.
        """
        for spec in specs:
            disk.inspect(spec.image)
        with ExitStack() as stack:
            spare = self._taken_spare(specs)
            if spare is not None:
                yield [stack.enter_context(spare)]
                return
            stack.enter_context(self.capacity.lease(*specs))
            yield [stack.enter_context(self._made(spec)) for spec in specs]

    def expect(self, spec: GuestSpec) -> None:
        """Somebody is likely to ask for such a guest soon: restore one meanwhile, if capacity allows."""
        if spec.boot == "clone" and self._spare is None:
            self._spare = _Spare(spec, self._prepared)

    def close(self) -> None:
        """Give up the spare, if there is one."""
        spare, self._spare = self._spare, None
        if spare is not None:
            spare.dismiss()

    def _taken_spare(self, specs: list[GuestSpec]) -> AbstractContextManager[Guest] | None:
        spare, self._spare = self._spare, None
        if spare is None:
            return None
        if len(specs) == 1 and spare.suits(specs[0]):
            return spare.handed_over(self.capacity)
        spare.dismiss()
        return None

    def _prepared(self, spec: GuestSpec) -> _Prepared | None:
        with ExitStack() as stack:
            lease = stack.enter_context(self.capacity.spare(spec))
            if lease is None:
                return None
            guest = stack.enter_context(self._made(spec))
            self.capacity.mark(lease, guest.machine.child.pid)
            return _Prepared(guest, lease, stack.pop_all())

    @contextmanager
    def _made(self, spec: GuestSpec) -> Iterator[Guest]:
        with self.store.run_directory() as directory:
            if spec.boot == "cold":
                with machine.cold(spec, self.host, directory) as booting:
                    yield Guest(booting, None)
            else:
                with self._cloned(spec, directory) as guest:
                    yield guest

    @contextmanager
    def _cloned(self, spec: GuestSpec, directory: Path) -> Iterator[Guest]:
        with ExitStack() as stack:
            restored = stack.enter_context(self._restored(spec, directory))
            connection = stack.enter_context(closing(restored.login(spec, spec.boot_timeout)))
            yield Guest(restored, connection)

    @contextmanager
    def _restored(self, spec: GuestSpec, directory: Path) -> Iterator[Machine]:
        template = self._template(spec)
        with ExitStack() as stack:
            try:
                restored = stack.enter_context(templates.clone(template, spec, self.host, directory))
            except BootError as exc:
                # Damaged in a way its record does not show: make it anew, once.
                self._progress.note(f"the template of {spec.image.name} cannot be restored, baking it again: {exc}")
                templates.discard(self.store, template.directory.name)
                restored = stack.enter_context(templates.clone(self._template(spec), spec, self.host, directory))
            yield restored

    def _template(self, spec: GuestSpec) -> templates.Template:
        @contextmanager
        def warmed(booted: Machine, _: Path) -> Iterator[None]:
            with closing(booted.login(spec, spec.boot_timeout)) as connection:
                commands.run(connection, "ver", shell="cmd", timeout=spec.boot_timeout).check()
                yield

        return templates.ready(spec, self.host, self.store, self._progress, recipe=_RECIPE, warm=warmed)


@dataclass
class _Prepared:
    guest: Guest
    lease: Path
    resources: ExitStack


class _Spare:
    """A guest in the making that nobody has asked for yet."""

    def __init__(self, spec: GuestSpec, prepare: Callable[[GuestSpec], _Prepared | None]) -> None:
        self._spec = _nameless(spec)
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="smolvm-spare")
        self._future: Future[_Prepared | None] = self._worker.submit(prepare, self._spec)
        self._worker.shutdown(wait=False)

    def suits(self, spec: GuestSpec) -> bool:
        return _nameless(spec) == self._spec

    def handed_over(self, capacity: Capacity) -> AbstractContextManager[Guest] | None:
        """The guest and all that belongs to it, or None if it did not come to be or was taken away."""
        prepared = self._result()
        if prepared is None:
            return None
        if not capacity.claim(prepared.lease) or prepared.guest.machine.child.poll() is not None:
            prepared.resources.close()
            return None
        return _owning(prepared)

    def dismiss(self) -> None:
        """End it."""
        prepared = self._result()
        if prepared is not None:
            prepared.resources.close()

    def _result(self) -> _Prepared | None:
        try:
            return self._future.result()
        except SmolVMError:
            return None  # whoever asks for a guest next meets the same error, and is told





@contextmanager
def _owning(prepared: _Prepared) -> Iterator[Guest]:
    with prepared.resources:
        yield prepared.guest


def _nameless(spec: GuestSpec) -> GuestSpec:
    """The wants that shape a clone before anybody's own are applied to it."""
    return spec.having(env_vars={})
