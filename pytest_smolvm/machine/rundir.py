"""The files of one machine by name: the only place that knows how they are called."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path


@dataclass(frozen=True)
class RunDirectory:
    """A directory with what one machine runs on and writes.

    A template is such a directory, too: that of the machine which was frozen into it.
    """

    path: Path

    @property
    def disk(self) -> Path:
        """The system disk, qcow2: an overlay."""
        return self.path / "disk.qcow2"

    @property
    def variables(self) -> Path:
        """The firmware's variables, qcow2: an overlay."""
        return self.path / "variables.qcow2"

    @property
    def written_disk(self) -> Path:
        """The overlay that is written to: `disk`, or the last of those that were put on top of it."""
        return self._layer(self._layers)

    @property
    def next_disk(self) -> Path:
        """The overlay that may be put on top of that."""
        return self._layer(self._layers + 1)

    @property
    def bases(self) -> dict[Path, Path]:
        """Of a clone: what its overlays are based on, by overlay. They are its template's files, and outlive that."""
        return {file: file.with_name(f"base-{file.name}") for file in (self.disk, self.variables)}

    @property
    def memory(self) -> Path:
        """RAM, where it is kept in a file."""
        return self.path / "memory"

    @property
    def pages(self) -> Path:
        """Which pages of which memory were copied, where not all of RAM is in `memory`, JSON."""
        return self.path / "pages.json"

    def memory_of(self, area: str) -> Path:
        """What was copied of an area of memory: see :mod:`pytest_smolvm.machine.memory`."""
        return self.path / f"memory-{area}"

    @property
    def state(self) -> Path:
        """The frozen devices, the TPM included."""
        return self.path / "state"

    @property
    def tpm(self) -> Path:
        """A directory for swtpm."""
        return self.path / "tpm"

    @property
    def serial_log(self) -> Path:
        """What firmware and guest write to the first serial port."""
        return self.path / "serial.log"

    @property
    def bios_log(self) -> Path:
        """What a BIOS says of what it does."""
        return self.path / "bios.log"

    @property
    def qemu_log(self) -> Path:
        """What QEMU prints."""
        return self.path / "qemu.log"

    @property
    def tpm_log(self) -> Path:
        """What swtpm prints."""
        return self.path / "swtpm.log"

    @property
    def network_log(self) -> Path:
        """What the guest tried to reach: see :mod:`pytest_smolvm.machine.fence.attempts`."""
        return self.path / "network.log"

    @property
    def logs(self) -> tuple[Path, ...]:
        """Everything that only tells what happened."""
        return self.qemu_log, self.tpm_log, self.serial_log, self.bios_log, self.network_log

    @property
    def held(self) -> Path:
        """How somebody enters it while a debugger holds the test that uses it, JSON."""
        return self.path / "held.json"

    @property
    def user(self) -> Path:
        """Whose the machine is, where somebody has noted that, JSON."""
        return self.path / "user.json"

    @property
    def picture(self) -> Path:
        """The last picture of the screen, if somebody took one."""
        return self.path / "last.png"

    @property
    def _layers(self) -> int:
        """How many overlays were put on top of the disk."""
        return next(number for number in count() if not self._layer(number + 1).exists())

    def _layer(self, number: int) -> Path:
        return self.path / f"disk-{number}.qcow2" if number else self.disk
