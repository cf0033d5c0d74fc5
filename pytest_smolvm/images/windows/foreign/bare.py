"""An SSH server for a system that has none, or does not start it: installed through what else lets us in."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_smolvm.errors import BuildError, LoginError, MonitorError, SmolVMError, TimedOut
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
        if self.wanted.through == (WINRM,):
            winrm.check_library()
        disc = place("answers") / "ssh.iso"
        answer_disc.write(self._contents(), disc)
        failures: list[str] = []
        for bus in self.wanted.buses:
            files = RunDirectory(place(f"bare-{bus}"))
            disk.overlay(image, files.disk)
            with self._started(hypervisor, bus, files, disc) as (machine, entrances):
                entrance = self._open(entrances, machine, bus, failures, progress)
                if entrance is not None:
                    with phase(progress, PHASE):
                        return files.disk, _installed(machine, entrance, progress)
        raise BuildError(
            "starting",
            f"nothing answers through which an SSH server could be installed; {'; '.join(failures)}",
            "Look at the pictures: does it start? Otherwise install an SSH server where it runs.",
        )

    def _open(
        self, entrances: list[Entrance], machine: Machine, bus: str, failures: list[str], progress: Progress
    ) -> Entrance | None:
        for entrance in entrances:
            try:
                with phase(progress, f"starting from {bus} by {self.wanted.firmware}, for its {entrance.name}"):
                    entrance.wait(self.wish.timeout)
            except TimedOut as exc:
                finish.picture(machine)
                failures.append(f"on {bus} devices: {exc}")
                progress.note(failures[-1])
            except LoginError as exc:
                advice = "Give --user and --password-file of an administrator, or change that where it runs."
                raise BuildError("starting", str(exc), advice) from exc
            else:
                return entrance
        return None

    @contextmanager
    def _started(
        self, hypervisor: Hypervisor, bus: str, files: RunDirectory, disc: Path
    ) -> Iterator[tuple[Machine, list[Entrance]]]:
        hardware = self.wanted.hardware(bus, self.wish.cpus)
        config = replace(hypervisor.config(hardware, files.disk), discs=(Disc(name="scripts", path=disc),))
        ours, theirs = socket.socketpair()
        through = self.wanted.through
        # As an installation: where no SSH server has to be downloaded, nothing else is. WinRM is at the end of a cable.
        offline = self.wish.openssh is not None and WINRM not in through
        with ours, theirs:
            agent = theirs if AGENT in through else None
            with computer.started(config, files, offline=offline, agent=agent) as machine:
                entrances: dict[str, Callable[[], Entrance]] = {
                    AGENT: lambda: ByAgent(Agent(ours)),
                    WINRM: lambda: ByWinRM(machine, self.wanted),
                }
                yield machine, [entrances[way]() for way in through]

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
