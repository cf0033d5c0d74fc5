"""A test process's share of the plugin: its pool, its images, and the guests that its tests share."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_smolvm.errors import HostError, SmolVMError, UsageError
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.programs import die_with_parent
from pytest_smolvm.host.progress import Lines
from pytest_smolvm.host.secret import Secret
from pytest_smolvm.host.store import Store, default_root
from pytest_smolvm.images.catalog import Catalog
from pytest_smolvm.machine import hypervisor
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.plugin import results, wants
from pytest_smolvm.plugin.artifacts import Artifacts, Evidence
from pytest_smolvm.plugin.console import show
from pytest_smolvm.plugin.options import Settings
from pytest_smolvm.plugin.results import Results
from pytest_smolvm.plugin.trace.traces import Traces
from pytest_smolvm.pool import obstacles

if TYPE_CHECKING:
    from pytest_smolvm.machine.rundir import RunDirectory
    from pytest_smolvm.pool.pool import Pool
    from pytest_smolvm.vm import SmolVM
# What brings paramiko along is imported by whoever asks for a guest: the report's header costs no suite as much.

# Other runs may be about to use again what they used a moment ago.
_FRESH_SECONDS = 600.0


@dataclass(frozen=True)
class Shared:
    """A running guest that several tests share."""

    vm: SmolVM
    evidence: Evidence
    image: str | None
    """The image its tests are parametrized with, if any is configured."""
    revert: bool
    """Whether it is reverted before every test whose marker does not say otherwise."""


class Suite:
    """What the fixtures share within one process.

    :param say: shows one line to whoever runs the tests.
    :param running: gives the test that runs.
    """

    def __init__(
        self,
        config: pytest.Config,
        settings: Settings,
        say: Callable[[str], object],
        running: Callable[[], pytest.Item],
    ) -> None:
        self._config = config
        self.settings = settings
        self.say = say
        self._running = running
        self.images = Catalog(settings.paths, lambda: self.store, Lines(say))
        self.artifacts = Artifacts(settings.keep, lambda: self.store, say)
        self.traces = Traces(settings.trace, settings.video)
        self.results = Results(
            results.base(config.rootpath, settings),
            settings.screenshot,
            lambda: self.store.aside(self.store.runs / uuid.uuid4().hex[:8]),
            self.traces,
            say,
        )
        self._shared: dict[str, Shared] = {}
        """By fixture."""
        self._foreseen: dict[Path, Mapping[str, Any]] = {}
        """By file and by directory."""
        self._pool: Pool | None = None
        self._held: list[RunDirectory] = []
        """Of guests that somebody may enter because a debugger holds them."""
        if hasattr(config, "workerinput"):
            # An xdist worker notices after seconds that its controller was killed; its guests are to be gone at once.
            die_with_parent()

    @cached_property
    def store(self) -> Store:
        """The store, cleared of what dead runs left.

        :raises StoreError: it cannot be used.
        """
        store = Store.at(self.settings.store or default_root())
        store.reap()
        return store

    @cached_property
    def hypervisor(self) -> Hypervisor:
        """What this host offers; where a debugger may hold guests, their screens can be shown.

        :raises HostError: not enough.
        """
        return replace(hypervisor.find(self.store), vnc=self._shows_screens)

    @property
    def _shows_screens(self) -> bool:
        return bool(self._config.getoption("usepdb", False) or self._config.getoption("trace", False))

    def hold(self, item: pytest.Item) -> None:
        """A debugger begins in a test: say how the guests that it uses are entered meanwhile."""
        from pytest_smolvm.pool import holding

        for evidence in self.artifacts.used_by(item):
            for vm, name in zip(evidence.vms, evidence.names, strict=False):
                try:
                    machine = vm._running().machine
                    guest = holding.hold(machine, vm.spec, name, vnc=self._shows_screens)
                except (SmolVMError, OSError) as exc:  # it has ended, say
                    self.say(f"the guest {name} cannot be entered: {exc}")
                    continue
                self._held.append(machine.files)
                self.say(f"this guest is there as long as the debugger is: pytest-smolvm attach {name}")
                self.say(guest.ssh)
                if guest.screen:
                    self.say(f"VNC: {guest.screen}")

    def release(self) -> None:
        """The debugger goes on with the test, and nobody is to enter its guests any more."""
        from pytest_smolvm.pool import holding

        while self._held:
            with suppress(OSError):  # it has ended meanwhile
                holding.release(self._held.pop())

    @property
    def pool(self) -> Pool:
        """Where guests come from."""
        if self._pool is None:
            from pytest_smolvm.pool.pool import Pool
            from pytest_smolvm.pool.remains import GuestUser

            worker = getattr(self._config, "workerinput", {})
            user = GuestUser(worker["testrunuid"], worker["workerid"]) if worker else None
            most = self.settings.max_guests
            self._pool = Pool(self.store, self.hypervisor, Lines(self.say), max_guests=most, user=user)
        return self._pool

    def close(self) -> None:
        """End what runs without a test, and make room in the store as far as the settings want it."""
        self.artifacts.settle()
        if self._pool is not None:
            self._pool.close()
            if self.settings.store_limit is not None:
                self._shrink(self.settings.store_limit)

    def _shrink(self, limit: float) -> None:
        from pytest_smolvm.images import inventory  # here: it brings much along

        for entry in inventory.shrink(self.store, int(limit * 2**30), _FRESH_SECONDS):
            self.say(f"removed {entry}, unused for {entry.age / 86400:.1f} d: --smolvm-store-limit is {limit:g} GiB")

    @cached_property
    def _baselines(self) -> Baselines:
        """Those of the test that runs."""

        def beside() -> Path:
            return self._running().path.parent

        def kept() -> Path:
            return self.results.directory(self._running())

        return Baselines(beside, self.settings.update_screens, kept, self.settings.update_trees)

    def header(self) -> str:
        """What runs the guests, for the report's head."""
        names = ", ".join(self.images)
        try:
            plain = GuestSpec(image=Path(next(iter(self.images)))).having(**self.settings.wants)
            boots = obstacles.described(plain, self.store, self.hypervisor)
            return f"smolvm: image {names}; {self.hypervisor}; guests by {boots}"
        except HostError as exc:
            return f"smolvm: image {names}; {exc}"

    @property
    def room(self) -> int:
        """How many plain guests on the first image this host holds at once."""
        name = next(iter(self.images))
        row = self.settings.images.get(name)
        said = {"memory": self.images.memory(name), **self.settings.wants, **(row.wants if row else {})}
        return self.pool.room(GuestSpec(image=Path(name)).having(**said))

    def spec(self, name: str, suite_wants: Mapping[str, Any], marks: Mapping[str, Any]) -> GuestSpec:
        """What is wanted of a guest on the image called `name`: a marker's wants over the suite's over the settings'.

        :param suite_wants: what the fixture ``windows_vm_spec`` returned.
        :param marks: the marker's keywords; those that only the plugin knows make no difference.
        :raises UsageError: a want that makes no sense.
        """
        image, needs = self.images[name], self._needs(name)
        if name in self.settings.images and not image.path.exists():
            raise HostError(f"the image {name} is not on this host: there is no {image.path}")
        said = {**image.wants, **self.settings.wants, **needs, **suite_wants, **marks}
        return GuestSpec(image=image.path).having(
            **{key: value for key, value in said.items() if key not in wants.OF_THE_PLUGIN}
        )

    def _needs(self, name: str) -> dict[str, Any]:
        """What the table says of guests on an image.

        :raises UsageError: the variable that holds its password is not set.
        """
        row = self.settings.images.get(name)
        if row is None:
            return {}
        password = {"ssh_password": Secret(os.environ.get(row.password, ""))} if row.password else {}
        if password == {"ssh_password": ""}:
            raise UsageError(
                f"the password of the image {name} is to be in the variable {row.password}, which is not set"
            )
        return {**row.wants, **password}

    def foresee(self, path: Path, suite_wants: Mapping[str, Any]) -> None:
        """Note what ``windows_vm_spec`` returned for a test of the file `path`; its successor is likely to see it."""
        self._foreseen[path] = self._foreseen[path.parent] = suite_wants

    def foreseen(self, path: Path) -> Mapping[str, Any] | None:
        """What ``windows_vm_spec`` is likely to return for a test of the file `path`; None if nobody can say."""
        return self._foreseen.get(path, self._foreseen.get(path.parent))

    @contextmanager
    def guests(
        self, specs: list[GuestSpec], node: pytest.Item | pytest.Collector, fixture: str
    ) -> Iterator[tuple[list[SmolVM], Evidence]]:
        """Running guests that let us in, for the length of the block; then thrown away or kept, as the settings say.

        :param node: the test, class, module or session that they are for.
        :param fixture: the name of the fixture that starts them.
        """
        from pytest_smolvm.plugin.crowd import several

        with self.artifacts.of(node, fixture) as evidence, several(specs, self.pool) as vms:
            self.artifacts.hold(evidence, vms)
            keeping, looking = self.artifacts.kept_running(evidence, vms), self.results.last_look(evidence, vms)
            with keeping, looking, self.traces.of(evidence, vms):
                for vm in vms:
                    vm.baselines = self._baselines
                    vm.wait_for_ssh()
                    if self._config.getoption("capture") == "no" and not hasattr(self._config, "workerinput"):
                        vm.on_output = show
                yield vms, evidence

    @contextmanager
    def sharing(self, fixture: str, shared: Shared) -> Iterator[None]:
        """For the length of the block a guest is the one that tests with this fixture share."""
        self._shared[fixture] = shared
        try:
            yield
        finally:
            del self._shared[fixture]

    def revert_for(self, item: pytest.Item, image: str | None) -> None:
        """Bring the guests that a test shares with others back to their first state, if it or the suite wants that.

        :param image: the one it is parametrized with. A guest on another one is about to be thrown away.
        """
        wanted = wants.marked(item).get("revert")
        for fixture, shared in self._shared.items():
            used = fixture in getattr(item, "fixturenames", ()) and shared.image == image
            if used and (shared.revert if wanted is None else wanted):
                self.artifacts.revert(shared.evidence, shared.vm)
