"""Practice builds as processes: what they do again and what not, two at once, and those that are interrupted.

They are builds with next to nothing in them: their root is an archive that holds no kernel, so they fail as soon as the
steps that are looked at here are done.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import textwrap
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from pytest_smolvm.host.programs import require
from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until
from pytest_smolvm.images import inventory
from pytest_smolvm.images.practice import build as practice
from pytest_smolvm.images.practice import steps
from pytest_smolvm.images.practice.root import root_key
from tests.background import background

TOOLS = "compile the guest's programs"
POWERSHELL = "make PowerShell"
ROOT = "install Debian's packages and wine"
SECONDS = 120.0
KEYS = """
import json
from pytest_smolvm.images.practice import build, powershell, root, tools
recipe = build.PracticeRecipe()
print(json.dumps({
    "tools": tools.tools_key(), "powershell": powershell.powershell_key(recipe), "root": root.root_key(recipe), "image": build.key(recipe),
}))
"""


class Workshop:
    """A copy of the package whose sources may be changed, with a store and an archive of its own.

    Python looks for the package in the working directory first.
    """

    def __init__(self, place: Path) -> None:
        self.sources = place / "pytest_smolvm" / "images" / "practice"
        self.store = Store.at(place / "store")
        self._place = place
        self._archive = place / "PowerShell.zip"
        unwanted = shutil.ignore_patterns("__pycache__", "bin", "obj")
        shutil.copytree(Path(practice.__file__).parents[2], self.sources.parents[1], ignore=unwanted)
        self.pack("one")
        with tarfile.open(self.store.work / f"root-{root_key(practice.PracticeRecipe())}.tar", "w"):
            pass

    def pack(self, content: str) -> None:
        """Make another archive of "PowerShell"."""
        with zipfile.ZipFile(self._archive, "w") as archive:
            archive.writestr("pwsh.exe", content)

    def change(self, source: str) -> None:
        """Add an empty comment to a source file."""
        path = self.sources / source
        path.write_text(path.read_text() + ("#\n" if path.suffix in (".sh", ".py") else "//\n"))

    def keys(self) -> dict[str, str]:
        """The keys of all steps, by the changed sources."""
        said = subprocess.run([sys.executable, "-c", KEYS], cwd=self._place, capture_output=True, check=True)
        keys: dict[str, str] = json.loads(said.stdout)
        return keys

    @contextmanager
    def building(self, name: str = "build") -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], str]]]:
        """A build that goes on, and how to read what it has said so far."""
        log = self._place / f"{name}.log"
        words = ("--store", self.store.root, "practice", "build", "--powershell", self._archive)
        with (
            open(log, "wb") as sink,
            background("pytest_smolvm.cli.main", *words, cwd=self._place, stderr=sink) as build,
        ):
            yield build, log.read_text

    def build(self) -> str:
        """What a build says that nobody disturbs."""
        with self.building() as (build, said):
            assert 1 == build.wait(SECONDS)
            assert f"no kernel in {self.store.work}" in said()
            return said()

    def work(self) -> set[str]:
        """What is in the store's `work`, but for the root and the lock."""
        return {path.name for path in self.store.work.iterdir() if not path.name.startswith(("root-", "lock"))}

    def compiling(self, said: Callable[[], str]) -> None:
        """Wait until a build is in the middle of the compilation."""
        until(
            "the compilation",
            lambda: f"{TOOLS} ..." in said() and any(self.store.work.glob("scratch/tools-*/*")),
            timeout=SECONDS,
        )

    def processes(self) -> list[str]:
        """Command lines that name the store."""
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout.splitlines()
        return [line for line in listed if str(self.store.root) in line]


@pytest.fixture(name="workshop")
def _workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.mark.parametrize(
    ("source", "steps"),
    [
        ("powershell_host/Program.cs", {"powershell"}),
        ("powershell.py", {"powershell"}),
        ("sources/linux/init.c", {"tools"}),
        ("sources/windows/sshd.c", {"tools"}),
        ("sources/etc/sshd_config", set()),
        ("kernel.py", set()),
        ("sources/prepare.sh", {"root"}),
    ],
)
def test_a_changed_source_changes_its_step_alone(workshop: Workshop, source: str, steps: set[str]) -> None:
    before = workshop.keys()
    workshop.change(source)
    after = workshop.keys()

    assert steps | {"image"} == {step for step in before if before[step] != after[step]}


def test_only_what_has_changed_is_made_again(workshop: Workshop) -> None:
    first = workshop.build()
    assert f"{TOOLS}: done" in first
    assert f"{POWERSHELL}: done" in first
    assert f"{ROOT}: as before" in first

    workshop.change("sources/linux/init.c")
    with_other_tools = workshop.build()
    assert f"{TOOLS}: done" in with_other_tools
    assert f"{POWERSHELL}: as before" in with_other_tools
    assert f"{ROOT}: as before" in with_other_tools

    workshop.pack("three")
    with_other_powershell = workshop.build()
    assert f"{POWERSHELL}: done" in with_other_powershell
    assert f"{TOOLS}: as before" in with_other_powershell
    assert f"{ROOT}: as before" in with_other_powershell
    assert 4 == len(workshop.work())  # the older versions are somebody's, too


def test_two_recipes_live_side_by_side(workshop: Workshop) -> None:
    """As where tests use the steps of the one while somebody builds the other."""
    workshop.build()
    first = workshop.work()
    workshop.pack("another")
    workshop.build()
    assert first < workshop.work()

    workshop.pack("one")
    assert f"{POWERSHELL}: done" in workshop.build()  # another archive, by its time
    assert first < workshop.work()


def test_a_step_goes_when_nobody_has_used_it_for_long(workshop: Workshop) -> None:
    old, held, used = (workshop.store.work / f"powershell-{name}" for name in ("old", "held", "used"))
    long_ago = time.time() - steps.KEPT_SECONDS - 60
    for step in (old, held, used):
        step.mkdir()
        os.utime(step, (long_ago, long_ago))
    with steps.in_use(used):
        pass

    with steps.in_use(held):
        os.utime(held, (long_ago, long_ago))
        workshop.build()
        assert (False, True, True) == (old.exists(), held.exists(), used.exists())
        inventory.prune(workshop.store, 0.0)
        assert (True, False) == (held.exists(), used.exists())

    inventory.prune(workshop.store, 0.0)
    assert not held.exists()


def test_two_at_once_make_a_step_once(workshop: Workshop) -> None:
    with ExitStack() as stack:
        first, first_said = stack.enter_context(workshop.building("first"))
        workshop.compiling(first_said)
        first.send_signal(signal.SIGSTOP)  # until the second is there, however busy the host
        second, second_said = stack.enter_context(workshop.building("second"))
        waiting = f"waiting for the practice image, which process {first.pid} is building"
        until("the second to wait", lambda: waiting in second_said(), timeout=SECONDS)
        assert TOOLS not in second_said()
        first.send_signal(signal.SIGCONT)

        assert (1, 1) == (first.wait(SECONDS), second.wait(SECONDS))
        assert f"{TOOLS}: done" in first_said()
        assert f"{TOOLS}: as before" in second_said()


def test_a_missing_program_is_said_before_anything_is_made(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in {"env", *practice._PROGRAMS} - {"mmdebstrap"}:  # env starts the build
        (programs / name).symlink_to(require(name, name))
    monkeypatch.setenv("PATH", str(programs))

    with workshop.building() as (build, said):
        assert 1 == build.wait(SECONDS)
        assert "mmdebstrap is not installed; on Debian or Ubuntu: apt-get install mmdebstrap" in said()
    assert set() == workshop.work()


def test_what_only_roots_path_leads_to_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")

    assert Path(require("mke2fs", "e2fsprogs")).is_file()


def test_control_c_leaves_nothing_half_made(workshop: Workshop) -> None:
    with workshop.building() as (build, said):
        workshop.compiling(said)
        build.send_signal(signal.SIGINT)

        assert 130 == build.wait(SECONDS)
        assert "interrupted; nothing half-made was left" in said()
    assert set() == workshop.work()
    assert [] == list(workshop.store.images.iterdir())
    assert [] == workshop.processes()


def test_after_a_kill_the_next_build_begins_anew(workshop: Workshop) -> None:
    with workshop.building("killed") as (build, said):
        workshop.compiling(said)
        build.kill()
    until("the end of its compilers", lambda: not workshop.processes(), timeout=5)
    (workshop.store.work / "scratch" / "half-made").touch()

    with workshop.building("next") as (build, said):
        workshop.compiling(said)
        assert not (workshop.store.work / "scratch" / "half-made").exists()
        build.send_signal(signal.SIGINT)
        assert 130 == build.wait(SECONDS)
    assert set() == workshop.work()


def test_what_a_killed_build_was_about_to_publish_is_reaped(workshop: Workshop) -> None:
    """Its name beside the image, if only for the moment of a rename, says whose it is."""
    publish = f"""
        import os
        from pathlib import Path
        from pytest_smolvm.images.practice import image
        from pytest_smolvm.host.store import Store

        def killed(*_):
            os.kill(os.getpid(), 9)

        image.os.replace = killed  # the last moment before it is in its place
        store = Store(Path({str(workshop.store.root)!r}))
        image.publish(Path("PowerShell.zip"), store.images / "practice.qcow2", store)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(publish)], cwd=workshop.sources.parents[2], check=False)

    assert 1 == len(list(workshop.store.images.iterdir()))
    workshop.store.reap()
    assert [] == list(workshop.store.images.iterdir())
