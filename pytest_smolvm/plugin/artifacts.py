"""What is kept of guests: disk and logs, of those whose tests failed or of all.

A guest ends before it is known whether its test has failed: a fixture that was there first is torn down last. So the
guest's run directory is moved aside when it ends, and stays or goes once the attempt's last report is made.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.host.store import Store, remove
from pytest_smolvm.machine.rundir import RunDirectory

if TYPE_CHECKING:
    import pytest

    from pytest_smolvm.plugin.trace.recording import Recording
    from pytest_smolvm.plugin.wants import Node
    from pytest_smolvm.vm import SmolVM

_MOST_REFUSED = 30


@dataclass(eq=False)
class Evidence:
    """Guests that were started together, from their start to what becomes of their disks."""

    node: Node
    """The test, class, module or session that they are for."""
    fixture: str
    places: list[Path] = field(default_factory=list)
    """Where their run directories are moved to, as far as they end in order."""
    failed: bool = False
    """Whether a test that used them has failed."""
    vms: list[SmolVM] = field(default_factory=list)
    """The guests, while they live."""
    last_look: Path | None = None
    """Where it was noted what there was to see of them when they ended."""
    looked_at: bool = False
    """Whether a failed test's report has shown them already."""
    recordings: list[Recording] = field(default_factory=list)
    """What was recorded of each, if anything is."""
    size: int = 0
    """How many they are, or were."""
    first: int = 1
    """The number of the first of them among those of the same name."""

    def used_by(self, item: pytest.Item) -> bool:
        """Whether a test uses them."""
        if self.node is item:
            return True
        return self.node in item.listchain() and self.fixture in getattr(item, "fixturenames", ())

    @property
    def name(self) -> str:
        """A file name that tells whose they were."""
        return file_name(self.node.nodeid or self.fixture)

    @property
    def names(self) -> Iterator[str]:
        """One for each of them, which nobody else's has at that time."""
        yield from (f"{self.name}-{number}" if number > 1 else self.name for number in count(self.first))


def file_name(nodeid: str) -> str:
    """One that tells which test, or what else of a suite, it is of."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", nodeid).strip("-")[-100:]


class Artifacts:
    """Keeps what the setting ``keep`` asks for.

    :param keep: ``never``, ``failed`` or ``always``.
    :param store: gives the store, once there is something to keep.
    :param say: shows one line to whoever runs the tests.
    """

    def __init__(self, keep: str, store: Callable[[], Store], say: Callable[[str], object]) -> None:
        self._keep = keep
        self._store = store
        self._say = say
        self._live: list[Evidence] = []
        self._ended: list[Evidence] = []

    @contextmanager
    def of(self, node: Node, fixture: str) -> Iterator[Evidence]:
        """A block in which guests live and end; put them in :meth:`hold` as soon as they are there."""
        evidence = Evidence(node, fixture)
        others = [each for each in [*self._live, *self._ended] if each.name == evidence.name]
        evidence.first += sum(each.size for each in others)
        self._live.append(evidence)
        try:
            yield evidence
        finally:
            self._live.remove(evidence)
            evidence.vms = []
            self._ended.append(evidence)

    def hold(self, evidence: Evidence, vms: list[SmolVM]) -> None:
        """Have the disks and logs of these guests moved aside when they end."""
        evidence.vms, evidence.size = vms, len(vms)
        if self._keep == "never":
            return
        for vm in vms:
            # Among the run directories: a process that is killed before it decides leaves nothing for good.
            place = self._store().aside(self._store().runs / uuid.uuid4().hex[:8])
            evidence.places.append(place)
            vm.keep(place)

    @contextmanager
    def kept_running(self, evidence: Evidence, vms: list[SmolVM]) -> Iterator[None]:
        """Guests are in use in the block and then end: they are frozen before, if the setting wants those kept."""
        try:
            yield
        finally:
            self._freeze(evidence, vms)

    def _freeze(self, evidence: Evidence, vms: list[SmolVM]) -> None:
        if self._keep == "never" or (self._keep == "failed" and not evidence.failed):
            return
        for vm, name in zip(vms, evidence.names, strict=False):
            try:
                vm.freeze(name)
            except (SmolVMError, OSError) as exc:  # it has ended, say, or the store is full
                self._say(f"the guest of {name} was not kept running, only its disk and logs: {exc}")
            else:
                self._say(f"kept the guest as it was: pytest-smolvm attach {name}")

    def revert(self, evidence: Evidence, vm: SmolVM) -> None:
        """Revert a guest. What a failed test left in it stays, and the next ones begin without blame."""
        earlier = Evidence(evidence.node, evidence.fixture, evidence.places, evidence.failed)
        self._freeze(evidence, [vm])
        evidence.places, evidence.failed, evidence.looked_at = [], False, False
        try:
            vm.revert()
        finally:
            self._settle(earlier)
        self.hold(evidence, [vm])

    def failed(self, item: pytest.Item) -> None:
        """A test has failed, in setup, call or teardown: its guests count as a failed test's."""
        for evidence in self.used_by(item):
            evidence.failed = True

    def used_by(self, item: pytest.Item) -> list[Evidence]:
        """The guests of a test that live, or have ended since the last attempt's last report."""
        return [evidence for evidence in [*self._live, *self._ended] if evidence.used_by(item)]

    def begin(self) -> None:
        """An attempt of a test begins: what is recorded of guests that live already is recorded for it alone."""
        for evidence in self._live:
            for recording in evidence.recordings:
                recording.begin_anew()
            for vm in evidence.vms:
                with suppress(SmolVMError):  # it has ended, and with it its desktop
                    vm.desktop.failure = None

    def refused(self, item: pytest.Item) -> str:
        """What the living guests of a test tried to reach and were refused, a line for each; empty for nothing."""
        lines: list[str] = []
        for evidence in self.used_by(item):
            for vm in evidence.vms:
                with suppress(SmolVMError):  # the guest is gone, or could not be reverted
                    lines += vm.refused
        shown, more = lines[:_MOST_REFUSED], len(lines) - _MOST_REFUSED
        return "\n".join([*shown, f"and {more} more"] if more > 0 else shown)

    def settle(self) -> None:
        """An attempt is over: decide on the guests that have ended."""
        while self._ended:
            self._settle(self._ended.pop(0))

    def _settle(self, evidence: Evidence) -> None:
        if evidence.last_look is not None:
            remove(evidence.last_look)
        for recording in evidence.recordings:
            recording.close()
        for number, place in enumerate(evidence.places):
            if not place.exists():
                continue  # it never ran, or the test has had it kept elsewhere
            if self._keep == "always" or evidence.failed:
                kept = _free(self._store().kept / (f"{evidence.name}-{number}" if number else evidence.name))
                place.rename(kept)
                RunDirectory(kept).held.unlink(missing_ok=True)  # a debugger that was quit says nothing
                self._say(f"kept the guest's disk and logs: {kept}")
            else:
                remove(place)


def _free(base: Path) -> Path:
    """A path nobody has yet."""
    path, again = base, 1
    while path.exists():
        path, again = base.with_name(f"{base.name}.{again}"), again + 1
    return path
