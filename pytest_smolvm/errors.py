"""Everything that can go wrong, one tree.

SmolVMError
├── HostError                    this host cannot run guests (the plugin skips)
├── UsageError                   the caller asked for something that makes no sense or is not supported
├── ImageError                   the image cannot be used
├── StoreError                   the store cannot be used
├── CapacityError                the request can never fit on this host
├── ToolError                    a program of the host failed: its command, exit code and last lines
├── BuildError                   an image could not be built: how far it got, what happened, what to do
├── AnswerFileError              an answer file for Windows Setup would not do what is meant by it
├── MonitorError                 QEMU refused a command
│   └── MigrationFailed          QEMU began to write or read a machine's state, and stopped
├── MonitorSilent                QEMU runs, but does not answer
├── CannotClone                  QEMU cannot freeze guests on this host
├── BootError                    a guest did not come up; `stage` says how far it got
│   └── Unrestorable             a template is damaged, or was removed before it could be used
├── GuestDied                    a guest ended while it was in use
├── LoginError                   the guest refused the SSH user or password
├── GuestUnreachable             the SSH connection broke or could not be made
│   ├── HostKeyChanged           another server answers than the one known
│   └── TransferInterrupted      the connection broke during a transfer
├── CommandFailed                a command in the guest ended with a non-zero exit code
│   └── ValueNotPrinted          a script that was to give a value ended before it had one
├── OutputLimitExceeded          a command in the guest printed more than it was allowed to, and was ended
├── ResidentLost                 the resident PowerShell is not there, or broke
├── TransferError                a file could not be moved in or out
├── RegistryError                the guest's registry lacks something, or does not let it be changed
├── ScreenError                  what is to be done on a guest's screen cannot be: no tablet, a text that is there twice
│   └── ScreenMismatch           (also an AssertionError) a screen does not match the picture that is kept of it
├── DesktopError                 what is to be done with a window cannot be: it is closed, or several match
│   ├── DesktopMismatch          (also an AssertionError) a control or window is not what was expected of it
│   └── NoDesktop                windows cannot be reached; its kinds are in `guest.desktop.unreachable`
├── ServiceError                 a service is missing, or did not do what was asked of it
└── TimedOut                     (also a TimeoutError) what was awaited, how long, what was last seen
    └── CommandTimedOut          a command in the guest was ended at its time-out

One warning is given: ResidentLostWarning, when calls of PowerShell become slower than they were.
"""

from __future__ import annotations

from pathlib import Path

__all__ = [
    "AnswerFileError",
    "BootError",
    "BuildError",
    "CannotClone",
    "CapacityError",
    "CommandFailed",
    "CommandTimedOut",
    "DesktopError",
    "DesktopMismatch",
    "GuestDied",
    "GuestUnreachable",
    "HostError",
    "HostKeyChanged",
    "ImageError",
    "LoginError",
    "MigrationFailed",
    "MonitorError",
    "MonitorSilent",
    "NoDesktop",
    "OutputLimitExceeded",
    "RegistryError",
    "ResidentLost",
    "ResidentLostWarning",
    "ScreenError",
    "ScreenMismatch",
    "ServiceError",
    "SmolVMError",
    "StoreError",
    "TimedOut",
    "ToolError",
    "TransferError",
    "TransferInterrupted",
    "Unrestorable",
    "UsageError",
    "ValueNotPrinted",
]


class SmolVMError(Exception):
    """Root of every error this package raises on purpose."""


class HostError(SmolVMError):
    """This host cannot run guests; the message says what is missing and how to get it."""


class UsageError(SmolVMError):
    """The caller asked for something invalid or unsupported."""


class ImageError(SmolVMError):
    """The image is missing, damaged or not what it should be."""


class StoreError(SmolVMError):
    """The store directory cannot be used."""


class CapacityError(SmolVMError):
    """The request can never fit on this host."""


class ToolError(SmolVMError):
    """A host program failed.

    :param what: what was being done, e.g. ``"create the overlay"``.
    :param command: the command's words.
    :param exit_code: its exit status; negative for a signal.
    :param output: the last lines it printed.
    """

    def __init__(self, what: str, command: tuple[str, ...], exit_code: int, output: str) -> None:
        super().__init__(what, command, exit_code, output)
        self.what, self.command, self.exit_code, self.output = what, command, exit_code, output

    def __str__(self) -> str:
        return f"could not {self.what}: {self.command[0]} ended with {self.exit_code}\n{self.output.strip()}"


class BuildError(SmolVMError):
    """An image could not be built.

    :param phase: how far the build got.
    :param what: one sentence: what happened.
    :param advice: one sentence: what to do.
    :param evidence: directory with screenshots, logs and what Setup wrote, if any was kept.
    """

    def __init__(self, phase: str, what: str, advice: str, evidence: Path | None = None) -> None:
        super().__init__(phase, what, advice, evidence)
        self.phase, self.what, self.advice, self.evidence = phase, what, advice, evidence

    def __str__(self) -> str:
        kept = f"\nscreenshots and logs: {self.evidence}" if self.evidence else ""
        return f"the image could not be built (phase: {self.phase}): {self.what}\n{self.advice}{kept}"


class AnswerFileError(SmolVMError):
    """An answer file holds something that Windows Setup might not act on as meant; a mistake in this package."""


class MonitorError(SmolVMError):
    """QEMU refused a command.

    :param command: the command's name.
    :param description: QEMU's words.
    """

    def __init__(self, command: str, description: str) -> None:
        super().__init__(command, description)
        self.command, self.description = command, description

    def __str__(self) -> str:
        return f"QEMU refused {self.command}: {self.description}"


class MonitorSilent(SmolVMError):
    """QEMU does not answer, though it runs: as on a host that swaps, or whose file system hangs."""


class MigrationFailed(MonitorError):
    """QEMU began to write or read a machine's state, and stopped."""


class CannotClone(SmolVMError):
    """QEMU cannot freeze guests on this host; they can be booted cold."""


class BootError(SmolVMError):
    """A guest did not come up.

    :param stage: how far it got: ``process``, ``firmware``, ``disk``, ``system``, ``ssh`` or ``layer``.
    :param reason: one sentence.
    :param log_tail: the last lines of the guest's serial console and of QEMU.
    """

    def __init__(self, stage: str, reason: str, log_tail: str = "") -> None:
        super().__init__(stage, reason, log_tail)
        self.stage, self.reason, self.log_tail = stage, reason, log_tail

    def __str__(self) -> str:
        tail = f"\nlast lines of the guest's log:\n{self.log_tail}" if self.log_tail else ""
        return f"the guest did not come up (stage: {self.stage}): {self.reason}{tail}"


class Unrestorable(BootError):
    """A template is damaged, or was removed before it could be used."""


class GuestDied(SmolVMError):
    """A guest's QEMU ended while the guest was in use."""

    def __init__(self, reason: str, log_tail: str = "") -> None:
        super().__init__(reason, log_tail)
        self.reason, self.log_tail = reason, log_tail

    def __str__(self) -> str:
        return self.reason + (f"\nlast lines of its log:\n{self.log_tail}" if self.log_tail else "")


class LoginError(SmolVMError):
    """The guest refused the SSH user or password."""


class GuestUnreachable(SmolVMError):
    """The SSH connection broke or could not be made."""


class HostKeyChanged(GuestUnreachable):
    """Another server answers than the one known; not a thing that waiting helps against."""

    def __init__(self, reason: str = "the guest's SSH host key has changed since the first connection") -> None:
        super().__init__(reason)


class TransferInterrupted(GuestUnreachable):
    """The connection broke during a transfer.

    :param left: Windows paths of what it may have left half done in the guest.
    :param steps: renamings, from and to, that are to be undone before.
    """

    def __init__(self, reason: str, left: tuple[str, ...] = (), steps: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(reason, left, steps)
        self.left, self.steps = left, steps

    def __str__(self) -> str:
        return str(self.args[0])


class CommandFailed(SmolVMError):
    """A command in the guest ended with a non-zero exit code.

    :param command: the script, shortened.
    :param exit_code: unsigned 32-bit, as Windows has it.
    """

    def __init__(self, command: str, exit_code: int, stdout: str, stderr: str) -> None:
        super().__init__(command, exit_code, stdout, stderr)
        self.command, self.exit_code, self.stdout, self.stderr = command, exit_code, stdout, stderr

    def __str__(self) -> str:
        streams = {"stdout": self.stdout, "stderr": self.stderr}
        printed = [f"{name}:\n{text.rstrip()}" for name, text in streams.items() if text.strip()]
        return "\n".join([f"exit code {self.exit_code} from: {self.command}", *printed])


class ValueNotPrinted(CommandFailed):
    """A script that was to give a value ended before it had one, though not with an error."""

    def __str__(self) -> str:
        return f"the script ended before its value was there: {super().__str__()}"


class OutputLimitExceeded(SmolVMError):
    """A command printed more than ``max_output`` bytes and was ended.

    :param limit: that many bytes, of both streams together; they hold as much as was allowed.
    """

    def __init__(self, command: str, limit: int, stdout: str, stderr: str) -> None:
        super().__init__(command, limit, stdout, stderr)
        self.command, self.limit, self.stdout, self.stderr = command, limit, stdout, stderr

    def __str__(self) -> str:
        return f"more than {self.limit} bytes of output from: {self.command}"


class ResidentLost(SmolVMError):
    """The resident PowerShell is not there, or broke.

    :param begun: whether the script may have begun; if not, it can be run in another way.
    """

    def __init__(self, reason: str, begun: bool = False) -> None:
        super().__init__(reason, begun)
        self.reason, self.begun = reason, begun

    def __str__(self) -> str:
        return self.reason


class TransferError(SmolVMError):
    """A file could not be moved into or out of the guest."""


class RegistryError(SmolVMError):
    """The guest's registry has no such key or value, or does not let it be changed."""


class ScreenError(SmolVMError):
    """What is to be done on a guest's screen cannot be."""


class ScreenMismatch(ScreenError, AssertionError):
    """A screen does not match the picture that is kept of it, or there is none yet."""


class DesktopError(SmolVMError):
    """What is to be done with a window or a control cannot be."""


class DesktopMismatch(DesktopError, AssertionError):
    """A control or a window is not what was expected of it, or there is no tree of it yet."""


class NoDesktop(DesktopError):
    """Windows and controls cannot be reached: the reason is in the message."""


class ServiceError(SmolVMError):
    """A service is missing, or did not do what was asked of it."""


class TimedOut(SmolVMError, TimeoutError):
    """Something awaited did not come.

    :param what: what was awaited.
    :param seconds: how long.
    :param last_seen: the last state seen, if any.
    """

    def __init__(self, what: str, seconds: float, last_seen: str = "") -> None:
        super().__init__(what, seconds, last_seen)
        self.what, self.seconds, self.last_seen = what, seconds, last_seen

    def __str__(self) -> str:
        seen = f"; last seen: {self.last_seen}" if self.last_seen else ""
        return f"{self.what}: not within {self.seconds:g} s{seen}"


class CommandTimedOut(TimedOut):
    """A command in the guest ran into its time-out and was ended; its streams hold what it had printed until then."""

    def __init__(self, what: str, seconds: float, stdout: str, stderr: str) -> None:
        super().__init__(what, seconds)
        self.args = (what, seconds, stdout, stderr)  # what pickle hands back to __init__
        self.stdout, self.stderr = stdout, stderr

    def __str__(self) -> str:
        return f"{self.what}: not within {self.seconds:g} s, ended\nstdout:\n{self.stdout}\nstderr:\n{self.stderr}"


class ResidentLostWarning(UserWarning):
    """A guest's resident PowerShell is gone: until another is there, calls start a powershell.exe each."""
