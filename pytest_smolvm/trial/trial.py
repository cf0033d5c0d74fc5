"""The whole trial of an image: booted from firmware and asked, then baked, cloned twice and used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pytest_smolvm.guest.commands import run
from pytest_smolvm.guest.commands.output import OnLine, RunResult
from pytest_smolvm.guest.commands.shells import Script
from pytest_smolvm.guest.link.arrival import login
from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.clock import now
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.catalog import Image
from pytest_smolvm.images.conformance import cases
from pytest_smolvm.images.conformance.cases import Case
from pytest_smolvm.images.conformance.check import put
from pytest_smolvm.machine import disk, machine
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.rundir import RunDirectory
from pytest_smolvm.pool import obstacles, templates
from pytest_smolvm.pool.pool import Pool
from pytest_smolvm.trial import facts, measures
from pytest_smolvm.trial.facts import Facts
from pytest_smolvm.trial.measures import Measures
from pytest_smolvm.trial.outcome import FAILED, OK, SKIPPED, Found, Outcome, attempted, found, of_case
from pytest_smolvm.trial.parts import PARTS
from pytest_smolvm.trial.report import CONFORMANCE, FACTS, GUEST, RESTORED, Report
from pytest_smolvm.vm import SmolVM

_SECONDS = stretched(300.0)
# Programs that fresh PowerShells set the code page of may share their console with later ones of the same connection
# (sshd from 9.8 on), so what depends on it comes first, and each has a connection of its own.
_ORDER = ("file", "fresh", "resident")


def about(image: Image, found: Hypervisor, version: str) -> dict[str, Any]:
    """What was tried, and where: for the report. Nothing of it is a secret or names this host."""
    record = {key: value for key, value in image.record.items() if key != "account"}
    return {
        "plugin": version,
        "host": {"qemu": found.version, "accelerator": found.accelerator.name},
        "image": {"name": image.path.name, "record": record},
    }


@dataclass
class Trial:
    """A trial of one image.

    :param spec: image, account, memory and devices.
    :param store: where guests come from.
    :param hypervisor: what they run on.
    :param engines: the ways in which the cases about scripts are to be run; none leaves them out.
    :param progress: told what takes long.
    :param report: takes the outcomes.
    """

    spec: GuestSpec
    store: Store
    hypervisor: Hypervisor
    engines: Sequence[str]
    progress: Progress
    report: Report
    _cold: Measures | None = field(default=None, init=False)
    _pool: Pool = field(init=False)

    def __post_init__(self) -> None:
        self._pool = Pool(self.store, self.hypervisor, self.progress)

    def run(self) -> None:
        """Do all of it. What goes wrong with the guests is an outcome.

        :raises ImageError: the image cannot be used.
        :raises StoreError: the store is full.
        """
        disk.inspect(self.spec.image)
        self._add_if_failed(attempted(CONFORMANCE, "a boot from firmware", self._booted))
        if not self.report.outcomes_of(FACTS):
            self.report.add(Outcome(GUEST, "bake and clone", SKIPPED, "it does not let us in when it is booted"))
            return
        self._add_if_failed(attempted(GUEST, "the first guest", self._cloned))
        self._add_if_failed(attempted(GUEST, "the second guest", self._cloned_again))

    def _booted(self) -> Found:
        spec = self.spec.having(boot="cold")
        with self.store.run_directory() as directory:
            files = RunDirectory(directory)
            with machine.cold(spec.image, spec.hardware, self.hypervisor, files, network=spec.reach) as guest:
                self._ask(guest, spec)
                self._compare(guest, spec)
        return found()

    def _ask(self, guest: Machine, spec: GuestSpec) -> None:
        began = now()
        with phase(self.progress, "starting the image"):
            first = login(guest, spec, spec.boot_timeout)
        with closing(first) as connection, phase(self.progress, "asking for facts"):
            self.report.add(Outcome(FACTS, "boot to a login", OK, f"{now() - began:.1f} s", now() - began))
            asking = Facts(connection)
            self.report.add(attempted(FACTS, "SSH server", asking.server))
            for fact in facts.FACTS:
                self.report.add(attempted(FACTS, fact.name, partial(asking.ask, fact)))
            self.report.add(attempted(FACTS, "time and TPM", partial(self._measured, connection)))

    def _measured(self, connection: Ssh) -> Found:
        def fresh(script: str, on_line: OnLine) -> RunResult:
            return run.carried_out(run.chosen(connection, "powershell"), Script(script, timeout=_SECONDS), on_line)

        self._cold = measures.measure(fresh)
        return found(str(self._cold), **vars(self._cold))

    def _compare(self, guest: Machine, spec: GuestSpec) -> None:
        about_image = cases.image_cases()
        tables: list[tuple[str, Sequence[Case]]] = [
            (way, [case for case in about_image if case.once == way])
            for way in dict.fromkeys(case.once for case in about_image)
        ]
        tables += [(engine, cases.cases()) for engine in _ORDER if engine in self.engines]
        with phase(self.progress, "comparing"):
            for way, table in tables:
                part = partial(self._put, guest, spec, way, table)
                self._add_if_failed(attempted(CONFORMANCE, f"the rest of the table ({way})", part))

    def _put(self, guest: Machine, spec: GuestSpec, way: str, table: Sequence[Case]) -> Found:
        with closing(login(guest, spec, spec.boot_timeout)) as connection:
            for verdict in put(connection, way, table):
                self.report.add(of_case(CONFORMANCE, verdict))
        return found()

    def _cloned(self) -> Found:
        with self._guest("bake and clone") as vm:
            self.report.add(attempted(RESTORED, "the first clone", partial(self._compared, vm)))
            with phase(self.progress, "using a guest"):
                for name, part in PARTS:
                    self.report.add(attempted(GUEST, name, partial(part, vm)))
        return found()

    def _cloned_again(self) -> Found:
        with self._guest("another clone") as vm:
            self.report.add(attempted(RESTORED, "the second clone", partial(self._compared, vm)))
        return found()

    @contextmanager
    def _guest(self, name: str) -> Iterator[SmolVM]:
        """A guest for the length of the block; that it came is an outcome of that name."""
        spec = self.spec.having(boot="clone")
        with ExitStack() as life:
            began = now()
            with phase(self.progress, name):
                vm = life.enter_context(SmolVM.of(spec, self._pool))
                vm.wait_for_ssh()
            self.report.add(Outcome(GUEST, name, OK, self._way(spec), now() - began))
            yield vm

    def _way(self, spec: GuestSpec) -> str:
        if obstacle := obstacles.known(self.store, self.hypervisor, spec.hardware):
            return f"booted, since it cannot be cloned here: {obstacle}"
        there = templates.find(self.store, templates.key(spec, self.hypervisor))
        return "restored from its template" if there else "booted"

    def _compared(self, vm: SmolVM) -> Found:
        def fresh(script: str, on_line: OnLine) -> RunResult:
            return vm.run(script, fresh=True, on_output=on_line, timeout=_SECONDS)

        return measures.compared(measures.measure(fresh), self._cold)

    def _add_if_failed(self, outcome: Outcome) -> None:
        """What has outcomes of its own is one only if it did not come to its end."""
        if outcome.verdict == FAILED:
            self.report.add(outcome)
