"""An SSH server for a system that has none, or does not start it: installed through what else lets us in."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_smolvm.errors import BuildError, GuestDied, HostError, LoginError, MonitorError, SmolVMError, TimedOut
from pytest_smolvm.guest.link import winrm
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.images.windows import finish
from pytest_smolvm.images.windows.answers import answer_disc
from pytest_smolvm.images.windows.foreign.entrances import HOME, PHASE, ByAgent, ByWinRM, Entrance
from pytest_smolvm.images.windows.foreign.plan import Plan
from pytest_smolvm.images.windows.foreign.system import AGENT, WINRM, System
from pytest_smolvm.images.windows.foreign.wish import Wish
from pytest_smolvm.images.windows.setup import computer
from pytest_smolvm.images.windows.setup.steps import note_failures, told
from pytest_smolvm.machine import disk
from pytest_smolvm.machine.agent import Agent
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.machine import Machine
from pytest_smolvm.machine.qemu import Disc
from pytest_smolvm.machine.rundir import RunDirectory

_STAGE = "ssh"
# It may have to be downloaded.
_INSTALL_SECONDS = stretched(1800.0)
_ADVICE = "Give a package of Win32-OpenSSH with --openssh, so that nothing has to be downloaded."


@dataclass(frozen=True)
class BareSystem:
    """A system that lets nobody in over SSH, and starts its guest agent or WinRM."""

    found: System
    """What is on the disk."""
    wanted: Plan
    """Its buses are tried one after the other, and on each of them its entrances."""
    wish: Wish

    def given_server(
        self, image: Path, hypervisor: Hypervisor, place: Callable[[str], Path], progress: Progress
    ) -> tuple[Path, dict[str, str]]:
        """Start it, have our script run in it from a disc, and switch it off.

        :param image: qcow2; it is not written.
        :param place: gives an empty directory of a name; logs and the last picture stay there.
        :returns: an overlay with the server; the steps of the script and what became of them.
        :raises BuildError: nothing answers, or it refuses, or the server could not be installed.
        :raises HostError: there is WinRM, and nothing here to speak it by.
        """
        ways, failures = self.ways()
        for failure in failures:
            progress.note(failure)
        disc = place("answers") / "ssh.iso"
        answer_disc.write(self._contents(), disc)
        for bus in self.wanted.buses:
            files = RunDirectory(place(f"bare-{bus}"))
            disk.overlay(image, files.disk)
            with self._started(hypervisor, bus, files, disc, ways) as (machine, entrances):
                entrance = self.first_open(entrances, machine, bus, failures, progress)
                if entrance is not None:
                    with phase(progress, PHASE):
                        return files.disk, _installed(machine, entrance, progress)
        raise BuildError(
            "starting",
            f"nothing answers through which an SSH server could be installed; {'; '.join(failures)}",
            "Look at the pictures: does it start? Otherwise install an SSH server where it runs.",
        )

    def ways(self) -> tuple[tuple[str, ...], list[str]]:
        """The ways in that there is something here to go by, and why not the others.

        Asked before anything is started: what is missing here would be told after minutes, or instead of why the other
        way did not answer.

        :raises HostError: there are none.
        """
        through = self.wanted.through
        if WINRM not in through:
            return through, []
        try:
            winrm.check_library()
        except HostError as exc:
            others = tuple(way for way in through if way != WINRM)
            if not others:
                raise
            return others, [f"its WinRM is not tried: {exc}"]
        return through, []

    def first_open(
        self, entrances: Sequence[Entrance], machine: Machine, bus: str, failures: list[str], progress: Progress
    ) -> Entrance | None:
        """The first entrance that lets us in; None if none does, which is told and added to `failures`.

        :raises BuildError: one refuses the account.
        """
        for entrance in entrances:
            try:
                with phase(progress, f"starting from {bus} by {self.wanted.firmware}, for its {entrance.name}"):
                    entrance.wait(self.wish.timeout)
            except LoginError as exc:
                advice = "Give --user and --password-file of an administrator, or change that where it runs."
                raise BuildError("starting", str(exc), advice) from exc
            except SmolVMError as exc:
                finish.picture(machine)
                # The log of one that has died is kept beside its picture.
                failures.append(f"on {bus} devices: {exc.reason if isinstance(exc, GuestDied) else exc}")
                progress.note(failures[-1])
                if not isinstance(exc, TimedOut):
                    return None  # it has gone, for its other entrances as well; other devices may suit it
            else:
                return entrance
        return None

    @contextmanager
    def _started(
        self, hypervisor: Hypervisor, bus: str, files: RunDirectory, disc: Path, ways: Sequence[str]
    ) -> Iterator[tuple[Machine, list[Entrance]]]:
        hardware = self.wanted.hardware(bus, self.wish.cpus)
        config = replace(hypervisor.config(hardware, files.disk), discs=(Disc(name="scripts", path=disc),))
        ours, theirs = socket.socketpair()
        # As an installation: where no SSH server has to be downloaded, nothing else is. WinRM is at the end of a cable.
        offline = self.wish.openssh is not None and WINRM not in ways
        with ours, theirs:
            agent = theirs if AGENT in ways else None
            with computer.started(config, files, offline=offline, agent=agent) as machine:
                entrances: dict[str, Callable[[], Entrance]] = {
                    AGENT: lambda: ByAgent(Agent(ours, machine.check)),
                    WINRM: lambda: ByWinRM(machine, self.wanted),
                }
                yield machine, [entrances[way]() for way in ways]

    def _contents(self) -> answer_disc.Contents:
        settings = {"user": self.wanted.user, "ui_language": self.found.language}
        return answer_disc.Contents(answer_file=None, drivers=None, openssh=self.wish.openssh, settings=settings)


def _installed(machine: Machine, entrance: Entrance, progress: Progress) -> dict[str, str]:
    try:
        entrance.install(_STAGE, _INSTALL_SECONDS)
        # What it said, of which nothing is to be left.
        said = entrance.ask(rf"type {HOME}\{_STAGE}.log & rmdir /s /q {HOME}")
        steps = told(said)
        note_failures(steps, progress)
        if steps.get("openssh") != "ok":
            raise BuildError(PHASE, _why(steps, said), _ADVICE)
        since = machine.monitor.mark()
        entrance.leave("shutdown.exe /s /t 5 /f")
        finish.await_off(machine, since)
    except MonitorError as exc:
        advice = "Allow it where it runs, in qemu-ga.conf, or install an SSH server there."
        raise BuildError(PHASE, str(exc), advice) from exc
    except BuildError:
        raise
    except SmolVMError as exc:
        finish.picture(machine)
        raise BuildError(PHASE, f"the system was lost: {exc}", "Look at the last picture.") from exc
    return steps


def _why(steps: dict[str, str], said: str) -> str:
    if "openssh" in steps:
        return f"the SSH server could not be installed: {steps['openssh']}"
    return f"the script that installs an SSH server did not run: {' '.join(said.split())[:300] or 'it said nothing'}"
