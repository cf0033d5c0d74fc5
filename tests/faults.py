"""SIGKILL at random moments to anything of ours, many times; then the next run must pass and nothing may be left.

As a script: ``python tests/faults.py --kills 200 --image FILE``. The suite runs a small one. With ``--namespaces 2`` there
are two storms at once, each in a pid namespace of its own as containers have, on one store: what is killed in one must not
harm what lives in the other. With ``--states`` the runs make layers and take snapshots, and none may ever come back wrong.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

TESTS = """
import pytest

@pytest.mark.parametrize("n", range(3))
def test_guest(windows_vm, n):
    assert windows_vm.run("ver", shell="cmd", timeout=120).exit_code == 0
"""
# Whatever comes back wrong is noted in a file, as tests of a run that is killed fail for other reasons, too.
STATES = r"""
from pathlib import Path
import pytest
from pytest_smolvm import windows_layer

NOTE = r"C:\Users\smolvm\note.txt"
BULK = r"C:\Users\smolvm\bulk.bin"
WORD = "%s"

@windows_layer()
def first(vm):
    vm.write_bytes(BULK, bytes(range(256)) * 40_000)
    vm.write_text(NOTE, f"first {WORD}")

@windows_layer(parent=first)
def second(vm):
    vm.write_text(NOTE, vm.read_text(NOTE) + " second")

def check(vm, expected):
    found = vm.read_text(NOTE)
    if found != expected:
        Path(__file__).with_name("wrong.txt").write_text(f"{found!r}, not {expected!r}")
    assert found == expected

@pytest.mark.windows_vm(layer=first)
def test_first(windows_vm):
    check(windows_vm, f"first {WORD}")

@pytest.mark.windows_vm(layer=second)
def test_second(windows_vm):
    check(windows_vm, f"first {WORD} second")
    windows_vm.remove(NOTE)
    windows_vm.revert()
    check(windows_vm, f"first {WORD} second")

def test_snapshots(windows_vm):
    for number in range(3):
        windows_vm.write_bytes(BULK, bytes(range(256)) * 20_000)
        windows_vm.write_text(NOTE, str(number))
        windows_vm.snapshot(str(number))
    for number in (1, 0, 2):
        windows_vm.revert(str(number))
        check(windows_vm, str(number))
"""
MEMORY = 1024
LONGEST_FUSE = 6.0
# Two layers are made, and three snapshots meanwhile.
LONGEST_STATES_FUSE = 45.0
LONGEST_BAKE_FUSE = 150.0
GONE_WITHIN = 10.0
# As a container: its processes have numbers of their own, and it sees no others.
NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
AS_ROOT = ("--user", "--map-root-user")
CLEAN = "nothing left, the next run passed, the golden image is as it was"


@dataclass
class Storm:
    """Runs of pytest on a store, and what gets killed in them.

    :param rebake_every: after so many kills the template is removed, so that a baker is among the next victims, as it is
        among the first.
    :param elsewhere: the store; None makes one.
    :param alone: nobody else uses it.
    :param states: runs make layers, others for each kill, and snapshots of guests; no template is removed.
    """

    image: Path
    root: Path
    rebake_every: int
    dice: random.Random
    elsewhere: Path | None = None
    alone: bool = True
    states: bool = False
    killed: Counter[str] = field(default_factory=Counter)
    golden: str = field(init=False)

    def __post_init__(self) -> None:
        self.golden = _digest(self.image)

    @property
    def store(self) -> Path:
        """The store that must be clean afterwards."""
        return self.elsewhere or self.root / "store"

    def rage(self, kills: int) -> None:
        """Kill so many times, one process a run."""
        self._write_tests(0)
        for number in range(1, kills + 1):
            self._write_tests(number)
            if number % self.rebake_every == 0 and not self.states:
                self._remove_templates()
            while not self._one_kill():
                pass  # that run was over before its moment came
            assert not self._remaining(), f"after kill {number} these live on: {self._remaining()}"
            assert not self._wrong(), f"after kill {number}: {self._wrong()}"
            if number % self.rebake_every == 1:
                self.calm()  # after a kill while a template was baked, one is
            if number % 10 == 0 or self.states:  # as those take minutes
                print(f"{number} of {kills}: {dict(self.killed)}", flush=True)
            if number % 10 == 0 and not self.alone:
                self.calm()

    def calm(self) -> None:
        """A run that nobody disturbs passes and leaves nothing, and the golden image is what it was."""
        result = subprocess.run(self._command(), cwd=self.root, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout[-3000:]
        assert not self._remaining(), self._remaining()
        assert self.golden == _digest(self.image), "the golden image has changed"
        assert not self._wrong(), self._wrong()
        if self.alone:
            self._check_store()

    def _check_store(self) -> None:
        """Nobody has left anything in it."""
        for place in ("runs", "leases"):
            assert [] == list((self.store / place).iterdir())
        assert all("." not in template.name for template in (self.store / "templates").iterdir()), (
            "a half-made template"
        )

    def _write_tests(self, number: int) -> None:
        (self.root / "test_storm.py").write_text(STATES % number if self.states else TESTS)

    def _remove_templates(self) -> None:
        for template in (self.store / "templates").iterdir():
            if "." not in template.name:  # else somebody else makes it
                with suppress(FileNotFoundError):  # somebody else has removed it
                    shutil.rmtree(template.rename(self.root / template.name))

    def _wrong(self) -> str:
        """What came back and was not what had been kept."""
        note = self.root / "wrong.txt"
        return note.read_text() if note.exists() else ""

    def _one_kill(self) -> bool:
        """Begin a run and kill something of it at a random moment, if it is still there then."""
        seconds = self.dice.uniform(0.3, self._longest_fuse())
        run = subprocess.Popen(
            self._command(), cwd=self.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        fuse = time.monotonic() + seconds
        while time.monotonic() < fuse and run.poll() is None:
            time.sleep(0.02)
        victims = self._ours(run.pid)
        killed = False
        if victims and run.poll() is None:
            pid, name = self.dice.choice(victims)
            with suppress(ProcessLookupError):  # it ended by itself this very moment
                os.kill(pid, signal.SIGKILL)
                self.killed[name] += 1
                killed = True
        run.wait()
        return killed

    def _longest_fuse(self) -> float:
        """Long enough for a moment in which the next run bakes, or starts guests and uses them."""
        templates = self.store / "templates"
        baked = templates.is_dir() and any("." not in path.name for path in templates.iterdir())
        return LONGEST_BAKE_FUSE if not baked else LONGEST_STATES_FUSE if self.states else LONGEST_FUSE

    def _command(self) -> list[str]:
        options = [f"--smolvm-image={self.image}", f"--smolvm-store={self.store}", f"--smolvm-memory={MEMORY}"]
        # Layers would heap up; and once somebody was killed, the next run makes them anew: the rest of this one can go.
        options += ["--smolvm-store-limit=1", "-x"] if self.states else []
        return [sys.executable, "-m", "pytest", "-q", "-n2", "-p", "no:cacheprovider", "test_storm.py", *options]

    def _ours(self, controller: int) -> list[tuple[int, str]]:
        """The controller's descendants, itself included, by what they are."""
        parents = {pid: int(stat[1]) for pid in _pids() if (stat := _stat(pid))}
        family = {controller}
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return [(pid, _name(pid)) for pid in sorted(family)]

    def _remaining(self) -> list[str]:
        """Command lines that name the store, once those who are about to end had time for it."""
        deadline = time.monotonic() + GONE_WITHIN
        while True:
            lines = [
                line
                for pid in _pids()
                if str(self.store) in (line := _line(pid)) and pid != os.getpid() and "faults.py" not in line
            ]
            if not lines or time.monotonic() > deadline:
                return lines
            time.sleep(0.05)


def _digest(path: Path) -> str:
    with open(path, "rb") as image:
        return hashlib.file_digest(image, "sha256").hexdigest()


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _name(pid: int) -> str:
    line = _line(pid)
    for name in ("qemu-system", "swtpm", "qemu-img"):
        if name in line.split(" ")[0]:
            return name
    return "pytest" if "-m pytest" in line else "worker" if "python" in line else "helper"


def _several(number: int, kills: int, seed: int, last: Storm) -> None:
    """Storms in pid namespaces of their own on one store, then a look at what is left.

    :param last: one that has not begun, to look with.
    """
    space = [*NAMESPACE, *(() if os.geteuid() == 0 else AS_ROOT)]
    with ExitStack() as stack:
        storms = []
        for each in range(number):
            words = ["--kills", kills // number, "--seed", seed + each, "--image", last.image, "--store", last.store]
            command = [*space, sys.executable, __file__, *map(str, words), "--beside-others"]
            command += ["--states"] if last.states else []
            storms.append(stack.enter_context(subprocess.Popen(command)))
        failed = sum(storm.wait() != 0 for storm in storms)
    last.rage(0)
    last.calm()
    assert not failed, f"{failed} of {number} storms failed"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="all together (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--image", type=Path, help="golden image (default: the practice image)")
    parser.add_argument("--namespaces", type=int, default=1, help="storms at once on one store, each in its own")
    parser.add_argument("--store", type=Path, help="rage on this store (default: a new one)")
    parser.add_argument("--beside-others", action="store_true", help="others use that store, too")
    parser.add_argument("--states", action="store_true", help="while layers and snapshots are made")
    return parser.parse_args()


def main() -> None:
    """Rage, then say what was killed."""
    from pytest_smolvm.host.progress import Silent
    from pytest_smolvm.host.store import Store
    from pytest_smolvm.images.practice.build import practice_image

    options = _options()
    image = (options.image or practice_image(Store.default(), Silent())).absolute()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="smolvm-storm-") as place:
        dice = random.Random(options.seed)
        store = options.store and options.store.absolute()
        storm = Storm(image, Path(place), 25, dice, store, not options.beside_others, options.states)
        if options.namespaces > 1:
            _several(options.namespaces, options.kills, options.seed, storm)
            print(f"all {options.namespaces} storms: {CLEAN}")
        else:
            storm.rage(options.kills)
            storm.calm()
            print(f"{sum(storm.killed.values())} killed: {dict(storm.killed)}; {CLEAN}")


if __name__ == "__main__":
    main()
