"""Everything that can go wrong, one tree.

SmolVMError
├── HostError              this host cannot run guests (the plugin skips)
├── UsageError             the caller asked for something that makes no sense or is not supported
├── ImageError             the image cannot be used
├── StoreError             the store cannot be used
├── CapacityError          the request can never fit on this host
├── ToolError              a program of the host failed: its command, exit code and last lines
├── BootError              a guest did not come up; `stage` says how far it got
├── GuestDied              a guest ended while it was in use
├── LoginError             the guest refused the SSH user or password
├── GuestUnreachable       the SSH connection broke or could not be made
├── CommandFailed          a command in the guest ended with a non-zero exit code
├── TransferError          a file could not be moved in or out
└── TimedOut               (also a TimeoutError) what was awaited, how long, what was last seen
    └── CommandTimedOut    a command in the guest was ended at its time-out
"""

from __future__ import annotations


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
        self.what = what
        self.command = command
        self.exit_code = exit_code
        self.output = output

    def __str__(self) -> str:
        return f"could not {self.what}: {self.command[0]} ended with {self.exit_code}\n{self.output.strip()}"


class BootError(SmolVMError):
    """A guest did not come up.

    :param stage: how far it got: ``process``, ``firmware``, ``disk``, ``system`` or ``ssh``.
    :param reason: one sentence.
    :param log_tail: the last lines of the guest's serial console and of QEMU.
    """

    def __init__(self, stage: str, reason: str, log_tail: str = "") -> None:
        super().__init__(stage, reason, log_tail)
        self.stage = stage
        self.reason = reason
        self.log_tail = log_tail

    def __str__(self) -> str:
        tail = f"\nlast lines of the guest's log:\n{self.log_tail}" if self.log_tail else ""
        return f"the guest did not come up (stage: {self.stage}): {self.reason}{tail}"


class GuestDied(SmolVMError):
    """A guest's QEMU ended while the guest was in use."""

    def __init__(self, reason: str, log_tail: str = "") -> None:
        super().__init__(reason, log_tail)
        self.reason = reason
        self.log_tail = log_tail

    def __str__(self) -> str:
        return self.reason + (f"\nlast lines of its log:\n{self.log_tail}" if self.log_tail else "")


class LoginError(SmolVMError):
    """The guest refused the SSH user or password."""


class GuestUnreachable(SmolVMError):
    """The SSH connection broke or could not be made."""


class CommandFailed(SmolVMError):
    """A command in the guest ended with a non-zero exit code.

    :param command: the script, shortened.
    :param exit_code: unsigned 32-bit, as Windows has it.
    """

    def __init__(self, command: str, exit_code: int, stdout: str, stderr: str) -> None:
        super().__init__(command, exit_code, stdout, stderr)
        self.command = command
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr

    def __str__(self) -> str:
        parts = [f"exit code {self.exit_code} from: {self.command}"]
        parts += [
            f"{name}:\n{text.rstrip()}"
            for name, text in (("stdout", self.stdout), ("stderr", self.stderr))
            if text.strip()
        ]
        return "\n".join(parts)


class TransferError(SmolVMError):
    """A file could not be moved into or out of the guest."""


class TimedOut(SmolVMError, TimeoutError):
    """Something awaited did not come.

    :param what: what was awaited.
    :param seconds: how long.
    :param last_seen: the last state seen, if any.
    """

    def __init__(self, what: str, seconds: float, last_seen: str = "") -> None:
        super().__init__(what, seconds, last_seen)
        self.what = what
        self.seconds = seconds
        self.last_seen = last_seen

    def __str__(self) -> str:
        seen = f"; last seen: {self.last_seen}" if self.last_seen else ""
        return f"{self.what}: not within {self.seconds:g} s{seen}"


class CommandTimedOut(TimedOut):
    """A command in the guest ran into its time-out and was ended.

    :param stdout: what it had printed until then.
    :param stderr: likewise.
    """

    def __init__(self, what: str, seconds: float, stdout: str, stderr: str) -> None:
        super().__init__(what, seconds)
        self.args = (what, seconds, stdout, stderr)  # what pickle hands back to __init__
        self.stdout = stdout
        self.stderr = stderr

    def __str__(self) -> str:
        return f"{self.what}: not within {self.seconds:g} s, ended\nstdout:\n{self.stdout}\nstderr:\n{self.stderr}"
