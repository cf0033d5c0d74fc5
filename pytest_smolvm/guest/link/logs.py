"""What a guest's machine has written."""

from __future__ import annotations

from pathlib import Path

from pytest_smolvm.guest.link.access import GuestMethods
from pytest_smolvm.machine.fence.attempts import attempts


class LogMethods(GuestMethods):
    """What is written of a guest while it is there."""

    @property
    def refused(self) -> list[str]:
        """What the guest tried to reach and its `network` does not allow, a line each; and who else tried to log in."""
        return [str(attempt) for attempt in attempts(self._running().machine.files.network_log) if attempt.refused]

    @property
    def logs(self) -> tuple[Path, ...]:
        """What the machine writes while it is there: logs of QEMU, the TPM, the serial port, the network."""
        return tuple(path for path in self._running().machine.files.logs if path.exists())
