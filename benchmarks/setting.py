"""What every measurement runs on: the practice image, a store of its own, this host."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_smolvm import SmolVM
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.machine import firmware
from pytest_smolvm.pool.pool import Pool

MEMORY = 1024
CPUS = 2


@dataclass(frozen=True)
class Setting:
    """Where guests come from while measuring."""

    image: Path
    pool: Pool

    def vm(self, boot: str, **wants: Any) -> SmolVM:
        """A guest that is not started yet."""
        return SmolVM(image=self.image, pool=self.pool, boot=boot, memory=MEMORY, cpus=CPUS, **wants)

    @property
    def spec(self) -> GuestSpec:
        """What the clones are."""
        return self.vm("clone").spec

    def bare(self, kind: str, *first: object) -> float:
        """Seconds that bare commands take for the same."""
        accelerator = self.pool.hypervisor.accelerator
        name = "tcg,thread=multi" if accelerator.name == "tcg" else accelerator.name
        words = [Path(__file__).with_name("bare.sh"), kind, *first, name, accelerator.cpu_model, MEMORY, CPUS]
        return float(subprocess.run(list(map(str, words)), capture_output=True, text=True, check=True).stdout)

    @property
    def firmware(self) -> firmware.Firmware:
        """The guests' firmware."""
        return firmware.find()


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median(times: int, measure: Callable[[], float]) -> float:
    """The median of several measurements, to the millisecond."""
    return round(statistics.median(measure() for _ in range(times)), 3)


def in_turns(times: int, measures: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """The median of each of several measurements, to the millisecond.

    They take turns, so that a host that is slower for a while is so for all of them: what counts is their ratio.
    """
    rounds = [{name: measure() for name, measure in measures.items()} for _ in range(times)]
    return {name: round(statistics.median(each[name] for each in rounds), 3) for name in measures}
