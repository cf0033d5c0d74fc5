"""A test process's share of the plugin: its settings, its pool, and what each test wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_smolvm.errors import HostError, SmolVMError, UsageError
from pytest_smolvm.guest.spec import DEFAULT_MEMORY, GuestSpec
from pytest_smolvm.host.programs import die_with_parent
from pytest_smolvm.host.progress import Lines
from pytest_smolvm.host.store import Store
from pytest_smolvm.machine import hypervisor
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.plugin.options import PRACTICE, Settings
from pytest_smolvm.pool import obstacles

if TYPE_CHECKING:
    from pytest_smolvm.pool.pool import Pool
    from pytest_smolvm.vm import SmolVM
# What brings paramiko along is imported by whoever asks for a guest: the report's header costs no suite as much.

# The practice guest is small, and small guests are fast ones.
_PRACTICE_MEMORY = 1024
_MARKER_ONLY = ("revert",)
FAILED = pytest.StashKey[bool]()


class Session:
    """What the fixtures share within one process.

    :param say: shows one line to whoever runs the tests.
    """

    def __init__(self, config: pytest.Config, settings: Settings, say: Callable[[str], object]) -> None:
        self._config = config
        self.settings = settings
        self.say = say
        self.suite_wants: Mapping[str, Any] = {}
        """What the fixture windows_vm_spec said, once it did."""
        self.shared: dict[str, SmolVM] = {}
        """Running guests of class, module and session scope, by fixture."""
        if hasattr(config, "workerinput"):
            # An xdist worker notices after seconds that its controller was killed; its guests are to be gone at once.
            die_with_parent()

    @cached_property
    def store(self) -> Store:
        """The store, cleared of what dead runs left.

        :raises StoreError: it cannot be used.
        """
        store = Store.at(self.settings.store)
        store.reap()
        return store

    @cached_property
    def hypervisor(self) -> Hypervisor:
        """What this host offers.

        :raises HostError: not enough.
        """
        return hypervisor.find(self.store)

    @cached_property
    def pool(self) -> Pool:
        """Where guests come from."""
        from pytest_smolvm.pool.pool import Pool

        return Pool(self.store, self.hypervisor, Lines(self.say), max_guests=self.settings.max_guests)

    def close(self) -> None:
        """End what runs without a test."""
        if "pool" in self.__dict__:
            self.pool.close()

    def header(self) -> str:
        """What runs the guests, for the report's head."""
        names = ", ".join(self.settings.image)
        try:
            return f"smolvm: image {names}; {self.hypervisor}; guests by {obstacles.described(self.settings.boot, self.store, self.hypervisor)}"
        except HostError as exc:
            return f"smolvm: image {names}; {exc}"

    def spec(self, name: str, marks: Mapping[str, Any]) -> GuestSpec:
        """What a guest on the image called `name` is to be, with a marker's wants over the suite's over the settings'.

        :raises UsageError: a want that makes no sense.
        """
        return self._spec(self.image(name), name, marks)

    @property
    def room(self) -> int:
        """How many plain guests on the first image this host holds at once."""
        name, path = next(iter(self.settings.image.items()))
        return self.pool.leases.room(self._spec(path or Path(name), name, {}))

    def _spec(self, image: Path, name: str, marks: Mapping[str, Any]) -> GuestSpec:
        settings = self.settings
        memory = settings.memory or (_PRACTICE_MEMORY if name == PRACTICE else DEFAULT_MEMORY)
        plain = GuestSpec(
            image=image, ssh_user=settings.ssh_user, ssh_password=settings.ssh_password, boot=settings.boot
        )
        wants = {
            "memory": memory,
            "cpus": settings.cpus,
            "boot_timeout": settings.boot_timeout,
            **self.suite_wants,
            **marks,
        }
        return plain.having(**{key: value for key, value in wants.items() if key not in _MARKER_ONLY})

    def image(self, name: str) -> Path:
        """The file of the image called `name`; the practice image is built if it is not there yet.

        :raises UsageError: no image has that name.
        """
        if name not in self.settings.image:
            known = ", ".join(self.settings.image) or "none"
            raise UsageError(f"no image is called {name!r}; configured are: {known} (--smolvm-image NAME=PATH)")
        path = self.settings.image[name]
        if path is None:
            from pytest_smolvm.images.practice.build import practice_image

            path = practice_image(self.store, Lines(self.say))
        return path

    @contextmanager
    def guests(self, specs: list[GuestSpec], request: pytest.FixtureRequest) -> Iterator[list[SmolVM]]:
        """Running guests that let us in; thrown away or kept after the block, as the settings say."""
        from pytest_smolvm.vm import several

        with several(specs, self.pool) as vms:
            try:
                for vm in vms:
                    vm.wait_for_ssh()
                    if self._config.getoption("capture") == "no" and not hasattr(self._config, "workerinput"):
                        vm.on_output = print
            except SmolVMError:
                self._keep_if_wanted(vms, request.node.nodeid, failed=True)
                raise
            yield vms
            self._keep_if_wanted(vms, request.node.nodeid, failed=request.node.stash.get(FAILED, False))

    def _keep_if_wanted(self, vms: list[SmolVM], nodeid: str, *, failed: bool) -> None:
        if self.settings.keep == "always" or (self.settings.keep == "failed" and failed):
            for number, vm in enumerate(vms):
                self._keep(vm, nodeid, number)

    def _keep(self, vm: SmolVM, nodeid: str, number: int) -> None:
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", nodeid).strip("-")[-100:]
        base = self.store.kept / (f"{name}-{number}" if number else name)
        path, again = base, 1
        while path.exists():
            path, again = base.with_name(f"{base.name}.{again}"), again + 1
        vm.keep(path)
        self.say(f"kept the guest's disk and logs: {path}")
