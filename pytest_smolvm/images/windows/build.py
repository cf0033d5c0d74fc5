"""The whole way from a recipe to a sealed golden image."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import BuildError, StoreError
from pytest_smolvm.host import records
from pytest_smolvm.host.progress import Progress, phase
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.windows import evidence, finish, place, preflight, provenance, seal
from pytest_smolvm.images.windows.answers import answer_disc, unattend
from pytest_smolvm.images.windows.media import editions
from pytest_smolvm.images.windows.preflight import Findings
from pytest_smolvm.images.windows.recipe import Recipe
from pytest_smolvm.images.windows.setup import computer, logs, stages, watch
from pytest_smolvm.images.windows.setup.steps import note_failures
from pytest_smolvm.machine import disk, hypervisor
from pytest_smolvm.machine.hypervisor import Hypervisor

# Phases whose failure says nothing against the installed system: the next build goes on from it.
_AFTER_INSTALLATION = ("finishing", "switching off")


def build(recipe: Recipe, progress: Progress, store: Store | None = None) -> Path:
    """Make the golden image of `recipe`.

    Nothing is at ``recipe.output`` before it is whole. An interrupted build goes on from the installed system if it
    had got that far, else it starts over.

    :param store: where locks are kept; None takes the default one.
    :returns: the image.
    :raises ImageError: a disc is not what it should be.
    :raises UsageError: the recipe does not fit the discs, or the output cannot be made.
    :raises BuildError: the installation failed; the error says in which phase and why.
    """
    store = store or Store.default()
    with place.claimed(recipe.output, store, replace=recipe.force):
        with phase(progress, "looking at the discs"):
            findings = preflight.look(recipe)
            for warning in findings.warnings:
                progress.note(warning)
            preflight.check_room(recipe, findings.edition)
            workshop = _Workshop(recipe, findings, hypervisor.find(store), progress)
        return workshop.make()


@dataclass
class _Workshop:
    """One build at work, in a directory beside the output: on its file system, so that publishing is a rename."""

    recipe: Recipe
    findings: Findings
    hypervisor: Hypervisor
    progress: Progress

    def __post_init__(self) -> None:
        self.output = self.recipe.output.expanduser().absolute()
        self.directory = self.output.with_name(f".{self.output.name}.building")
        self.failed = self.output.with_name(f"{self.output.name}.failed")
        self.disk = self.directory / "installed.qcow2"
        self.stage = self.directory / "installed.json"
        self.note = provenance.compose(self.recipe, self.findings.disc, self.findings.edition, self.findings.drivers)
        self.answers = unattend.render(_answers(self.recipe, self.findings))

    def make(self) -> Path:
        with self._evidence():
            steps = self._installed()
            overlay = finish.finished(
                self.disk, self.recipe, self.hypervisor, self._fresh("proof"), progress=self.progress, steps=steps
            )
            with phase(self.progress, "sealing"):
                self._seal(overlay, steps)
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.rmtree(self.failed, ignore_errors=True)  # of an earlier try
        return self.output

    def _installed(self) -> dict[str, str]:
        """Install Windows on `disk`, unless an earlier build of the same recipe got that far."""
        identity = self._identity()
        earlier = records.read(self.stage)
        if earlier is not None and earlier.get("identity") == identity and self.disk.exists():
            self.progress.note("going on from the system that an earlier build has installed")
            return dict(earlier["steps"])
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(mode=0o700)
        steps = self._install()
        # After this note the disk is trusted even if the host loses its power, so it must be on the medium first.
        records.flush(self.disk)
        records.write(self.stage, {"identity": identity, "steps": steps})
        return steps

    def _install(self) -> dict[str, str]:
        with phase(self.progress, "making the answer disc"):
            answers = self.directory / "answers.iso"
            content = answer_disc.Contents(
                answer_file=self.answers,
                drivers=self.findings.drivers,
                openssh=self.recipe.openssh,
                settings=_script_settings(self.recipe, self.findings),
            )
            answer_disc.write(content, answers)
        disk.empty(self.disk, self.recipe.disk_size << 30)
        try:
            with computer.running(self._installation(answers), self.hypervisor) as machine:
                watcher = watch.Watcher(machine, self._fresh("screens"))
                steps = watch.drive(watcher, stages.Journey(self.recipe.stall, self.recipe.timeout), self.progress)
        finally:
            answers.unlink(missing_ok=True)  # it holds the password, also where the working directory is kept
        note_failures(steps, self.progress)
        return steps

    def _installation(self, answers: Path) -> computer.Installation:
        return computer.Installation(
            directory=self._fresh("installation"),
            disk=self.disk,
            windows=self.recipe.iso.expanduser().absolute(),
            answers=answers,
            memory=self.recipe.memory,
            cpus=self.recipe.cpus,
            secure_boot=self.recipe.secure_boot,
            offline=self.recipe.openssh is not None,
        )

    def _seal(self, overlay: Path, steps: dict[str, str]) -> None:
        self.note["steps"] = steps
        accelerator = self.hypervisor.accelerator_for(secure_boot=self.recipe.secure_boot)
        self.note["tools"] = {"qemu": self.hypervisor.version, "accelerator": accelerator.name}
        seal.seal(overlay, self.note, self.output, self.directory, replace=self.recipe.force)
        _move(self.directory / "screens", self.output.with_name(f"{self.output.name}.screens"))

    @contextmanager
    def _evidence(self) -> Iterator[None]:
        """On failure keep what explains it and throw the rest away."""
        try:
            yield
        except BuildError as exc:
            if exc.phase not in _AFTER_INSTALLATION and not self.recipe.keep_failed:
                self.stage.unlink(missing_ok=True)
            with suppress(OSError):  # a full disk; what went wrong is told all the same
                self._keep_evidence()
            exc.evidence = self.failed if self.failed.is_dir() else None
            self._clear()
            raise
        except OSError as exc:
            self._clear()
            if exc.errno == errno.ENOSPC:
                raise StoreError(f"{self.output.parent} is full; free space and build again") from exc
            raise
        except BaseException:
            self._clear()
            raise

    def _keep_evidence(self) -> None:
        places = ("screens", "installation", "proof")
        evidence.keep([path for name in places for path in sorted((self.directory / name).glob("*"))], self.failed)
        if self.disk.exists():
            logs.rescue(self.disk, self.failed)

    def _clear(self) -> None:
        if not self.recipe.keep_failed and not self.stage.exists():
            shutil.rmtree(self.directory, ignore_errors=True)

    def _fresh(self, name: str) -> Path:
        return evidence.fresh(self.directory / name)

    def _identity(self) -> str:
        """Changes when another installation would be made; what is added after it does not count."""
        found = hashlib.sha256()
        parts: list[Any] = [
            self.answers,
            _script_settings(self.recipe, self.findings),
            self.note["iso"],
            self.note["virtio"],
            self.recipe.disk_size,
            self.recipe.secure_boot,
        ]
        parts += [content for _, content in answer_disc.scripts()]
        if self.recipe.openssh is not None:
            parts.append(provenance.digest(self.recipe.openssh))
        for part in parts:
            found.update(repr(part).encode())
        return found.hexdigest()


def _answers(recipe: Recipe, findings: Findings) -> unattend.Answers:
    return unattend.Answers(
        index=findings.edition.index,
        ui_language=findings.language,
        locale=recipe.locale or findings.language,
        timezone=recipe.timezone,
        computer_name=recipe.computer_name,
        user=recipe.user,
        password=recipe.password,
        product_key=findings.product_key,
        server=editions.is_server(findings.edition),
        desktop=recipe.desktop,
        bypass_checks=recipe.bypass_checks or _lacks_secure_boot(recipe, findings),
        skip_oobe=findings.release == "Windows 10",
    )


def _lacks_secure_boot(recipe: Recipe, findings: Findings) -> bool:
    # Setup of Windows 11 wants firmware that can do Secure Boot. What runs without it can do it on Debian, and cannot
    # where OVMF is built in two kinds, as on Fedora and Arch (quickemu 102, antifob/incus-windows 27).
    return findings.release == "Windows 11" and not recipe.secure_boot


def _script_settings(recipe: Recipe, findings: Findings) -> dict[str, object]:
    return {
        "user": recipe.user,
        "ui_language": findings.language,
        "desktop": recipe.desktop,
        "uac": recipe.uac,
        "relax_password_policy": editions.is_server(findings.edition) and recipe.default_password,
    }


def _move(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    if source.is_dir():
        source.replace(target)
