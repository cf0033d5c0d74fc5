"""The first start of a generalized system, gone through with an answer disc."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_smolvm.errors import BuildError
from pytest_smolvm.host.patience import stretched
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.images.windows.answers import answer_disc, unattend
from pytest_smolvm.images.windows.foreign.plan import COMPUTER, Plan, is_public
from pytest_smolvm.images.windows.foreign.system import System
from pytest_smolvm.images.windows.foreign.wish import Wish
from pytest_smolvm.images.windows.setup import computer, logs, stages, watch
from pytest_smolvm.images.windows.setup.steps import note_failures
from pytest_smolvm.machine.hypervisor import Hypervisor
from pytest_smolvm.machine.qemu import Config, Disc
from pytest_smolvm.machine.rundir import RunDirectory

_WINDOWS_11 = 22000  # the first build of it
# All of it: two restarts, and an SSH server that may have to be downloaded.
_SECONDS = stretched(3 * 3600.0)


@dataclass(frozen=True)
class FirstStart:
    """The first start of a system: its account is made, and it gets an SSH server."""

    found: System
    """What is on the disk."""
    wanted: Plan
    """Whose bus for that is taken; if drivers are to be installed, the devices for them are there, too."""
    wish: Wish

    def go_through(
        self, disk: Path, hypervisor: Hypervisor, place: Callable[[str], Path], progress: Progress
    ) -> dict[str, str]:
        """Have the system start, until it has switched itself off.

        :param disk: qcow2; it is written.
        :param place: gives an empty directory of a name; pictures of every phase and logs stay there.
        :returns: the steps of our scripts and what became of them.
        :raises BuildError: it did not come to its end; the error says in which phase and why.
        """
        if self.found.answers:
            progress.note(f"an answer file is on the disk ({self.found.answers}), and Windows may prefer it to ours")
        for warning in self.wanted.drivers.warnings if self.wanted.drivers else ():
            progress.note(warning)
        answers = place("answers") / "answers.iso"
        try:
            with phase(progress, "making the answer disc"):
                answer_disc.write(self._contents(), answers)
            steps = self._driven(self._config(hypervisor, disk, answers), place, progress)
        finally:
            answers.unlink(missing_ok=True)  # it holds the password
        note_failures(steps, progress)
        return steps

    def _driven(self, config: Config, place: Callable[[str], Path], progress: Progress) -> dict[str, str]:
        screens = place("screens")
        # As an installation: where no SSH server has to be downloaded, nothing else is.
        offline = self.wish.openssh is not None
        try:
            with computer.started(config, RunDirectory(place("first-start")), offline=offline) as machine:
                watcher = watch.Watcher(machine, screens, computer.SYSTEM_DRIVE)
                return watch.drive(watcher, stages.Journey(self.wish.stall, _SECONDS, installed=True), progress)
        except BuildError:
            logs.rescue(config.disk, screens)
            raise

    def _config(self, hypervisor: Hypervisor, disk: Path, answers: Path) -> Config:
        hardware = self.wanted.hardware(self.wanted.first_bus, self.wish.cpus)
        config = replace(hypervisor.config(hardware, disk), discs=(Disc(name="answers", path=answers),))
        if self.wanted.drivers is None or self.wanted.first_bus == "virtio":
            return config
        spare = answers.with_name("spare.qcow2")
        computer.make_spare_disk(spare)
        return replace(config, spare_disk=spare)

    def _contents(self) -> answer_disc.Contents:
        public = is_public(self.wanted.user, self.wanted.password)
        return answer_disc.Contents(
            answer_file=unattend.render(_answers(self.found, self.wanted)),
            drivers=self.wanted.drivers,
            openssh=self.wish.openssh,
            first_start=True,
            settings={
                "user": self.wanted.user,
                "ui_language": self.found.language,
                "desktop": False,
                "uac": "default",
                "relax_password_policy": self.found.server and public,
            },
        )


def _answers(found: System, wanted: Plan) -> unattend.Answers:
    return unattend.Answers(
        index=None,
        ui_language=found.language,
        locale=found.language,
        timezone="UTC",
        computer_name=COMPUTER,
        user=wanted.user,
        password=wanted.password,
        product_key=None,
        server=found.server,
        desktop=False,
        bypass_checks=False,
        skip_oobe=not found.server and found.build.isdigit() and int(found.build) < _WINDOWS_11,
    )
