"""Ways into a system that has no SSH server yet: programs started in it, as SYSTEM where that matters."""

from __future__ import annotations

from typing import Protocol

from pytest_smolvm.errors import BuildError, GuestUnreachable, LoginError, TimedOut
from pytest_smolvm.guest.link.winrm import PORT, WinRM
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.waiting import until
from pytest_smolvm.images.windows.answers import unattend
from pytest_smolvm.images.windows.foreign.plan import Plan
from pytest_smolvm.machine.agent import Agent
from pytest_smolvm.machine.machine import Machine

PHASE = "installing an SSH server"
HOME = r"%ProgramData%\smolvm\setup"
"""Where our scripts and what they say are, in the words of cmd.exe."""
_ASKING_SECONDS = stretched(60.0)
_LOOK_SECONDS = 3.0  # each look is a new cmd.exe
_TASK = "pytest-smolvm"


class Entrance(Protocol):
    """A way in."""

    @property
    def name(self) -> str:
        """As progress tells it."""

    def wait(self, timeout: float) -> None:
        """Wait until it is open.

        :raises TimedOut: it is not within `timeout` seconds.
        :raises LoginError: it is, but not to us.
        """

    def install(self, stage: str, timeout: float) -> None:
        """Run a stage of our scripts from their disc to its end, as SYSTEM.

        :raises SmolVMError: it did not come to that.
        """

    def ask(self, line: str) -> str:
        """What a short line of cmd.exe writes.

        :raises SmolVMError: it did not come to its end.
        """

    def leave(self, line: str) -> None:
        """Start a line of cmd.exe that ends the system.

        :raises SmolVMError: it could not be started.
        """


class ByAgent:
    """By QEMU's guest agent, which runs as SYSTEM."""

    name = "guest agent"

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def wait(self, timeout: float) -> None:
        """Until it answers."""
        self._agent.wait(timeout)

    def install(self, stage: str, timeout: float) -> None:
        """As a program of its own."""
        self._agent.run("cmd.exe", "/c", unattend.stage_line(stage), timeout=timeout)

    def ask(self, line: str) -> str:
        """What is not ASCII becomes question marks."""
        said = self._agent.run("cmd.exe", "/c", line, timeout=_ASKING_SECONDS)
        return said.stdout + said.stderr

    def leave(self, line: str) -> None:
        """And ask no more: the agent may be gone before it ends."""
        self._agent.start("cmd.exe", "/c", line)


class ByWinRM:
    """By WinRM, as the account that tests will log in as.

    In a network that is new to it Windows lets its subnet alone reach WinRM: QEMU's connections come from there.
    """

    name = "WinRM"

    def __init__(self, machine: Machine, wanted: Plan) -> None:
        self._winrm = WinRM(machine.forwarded(PORT), wanted.user, wanted.password, machine.check)

    def wait(self, timeout: float) -> None:
        """Until it answers and lets the account in."""
        self._winrm.wait(timeout)

    def install(self, stage: str, timeout: float) -> None:
        """By a task: who comes over a network may not download features (Packer 9345), and a task may be SYSTEM."""
        program = rf"{self._disc()}\smolvm\setup.cmd {stage}"
        # At a time that is over, of which it warns: it is started once, by what comes next.
        made = f'schtasks.exe /create /tn {_TASK} /tr "cmd.exe /c {program}" /sc once /st 00:00 /ru SYSTEM /f'
        started = self._winrm.run(f"{made} && schtasks.exe /run /tn {_TASK}", _ASKING_SECONDS)
        if started.exit_code:
            what = f"the account may not start a task as SYSTEM: {' '.join(started.said.split())}"
            raise BuildError(PHASE, what, "Give --user and --password-file of an administrator.")
        heard = ""

        def ended() -> bool:
            nonlocal heard
            try:
                return "over" in self.ask(rf"if exist {HOME}\{stage}.ended echo over")
            except (GuestUnreachable, LoginError, TimedOut) as exc:
                heard = str(exc)  # the firewall is changed meanwhile
                return False

        until(f"{program} in the guest to end", ended, timeout=timeout, interval=_LOOK_SECONDS, last_seen=lambda: heard)
        self.ask(f"schtasks.exe /delete /tn {_TASK} /f")

    def ask(self, line: str) -> str:
        """What is not ASCII becomes question marks."""
        return self._winrm.run(line, _ASKING_SECONDS).said

    def leave(self, line: str) -> None:
        """It comes back before the system ends."""
        self.ask(line)

    def _disc(self) -> str:
        found = self.ask(unattend.on_disc("echo %d:")).split()
        if not found:
            raise BuildError(PHASE, "the system shows no disc with our scripts", "Look at the last picture.")
        return found[-1]
