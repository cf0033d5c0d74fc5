"""Several processes on one host: who bakes, who waits, and who gets the room there is."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_smolvm.host.store import Store
from pytest_smolvm.host.waiting import until
from tests.background import background
from tests.booted.conftest import BAKING, WAITING, guest_processes

SECONDS = 600.0


@dataclass(frozen=True)
class Run:
    """pytest in a process of its own, with what it prints in a file."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.log.read_text(encoding="utf-8")

    def says(self, pattern: re.Pattern[str], timeout: float = SECONDS) -> re.Match[str]:
        """Wait for a line."""
        return until(
            f"{pattern.pattern!r}",
            lambda: pattern.search(self.text),
            timeout=timeout,
            last_seen=lambda: self.text[-2000:],
        )


@contextmanager
def began(place: Path, name: str, *options: str) -> Iterator[Run]:
    log = place / f"{name}.log"
    with (
        open(log, "wb") as sink,
        background(
            "pytest", "-p", "no:cacheprovider", *options, cwd=place, stdout=sink, stderr=subprocess.STDOUT
        ) as process,
    ):
        yield Run(process, log)


def test_a_killed_baker_is_replaced_at_once(inner: pytest.Pytester, own_store: Store) -> None:
    inner.makepyfile("def test_guest(windows_vm): pass\n")
    store = f"--smolvm-store={own_store.root}"
    with began(inner.path, "first", store) as first:
        first.says(BAKING)
        with began(inner.path, "second", store) as second:
            assert str(first.process.pid) == second.says(WAITING).group(1)
            first.process.kill()
            second.says(BAKING, timeout=10)
            second.process.send_signal(signal.SIGINT)
            assert pytest.ExitCode.INTERRUPTED == second.process.wait(30)

    assert [] == guest_processes(own_store.root)
    left = [path for path in own_store.root.glob(f"*/*-{second.process.pid}-*") if path.parent.name != "owners"]
    assert [] == left
    own_store.reap()  # as the next run does
    assert [] == [*own_store.templates.iterdir(), *own_store.runs.iterdir(), *own_store.leases.iterdir()]


def test_room_is_waited_for_and_the_wait_is_said(inner: pytest.Pytester, calm_store: Store) -> None:
    inner.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("n", range(2))
        def test_guest(windows_vm, n):
            windows_vm.run("ping -n 12 127.0.0.1", shell="cmd", check=True)
        """
    )

    result = inner.runpytest_subprocess("-n2", "--smolvm-max-guests=1", f"--smolvm-store={calm_store.root}")

    result.assert_outcomes(passed=2)
    (said,) = [line for line in result.errlines if "waiting for room for 1 guest" in line]
    assert re.search(r"; process \d+ has one of \d+ MiB", said)


def test_a_test_that_changes_its_process_and_the_guest_that_is_restored_meanwhile_do_not_meet(
    inner: pytest.Pytester, calm_store: Store
) -> None:
    inner.makepyfile(
        f"""
        import builtins, os, socket, subprocess, time
        from pathlib import Path

        from pytest_smolvm.host.store import Store
        from pytest_smolvm.host.waiting import until
        from pytest_smolvm.pool.claims import Claims

        store = Store.at(Path({str(calm_store.root)!r}))
        seen, calls = [], []

        def spares():
            names = [name for name in os.listdir(store.leases) if ".spare_" in name]
            return [pid for name in names if (pid := name.rpartition("_")[2].partition("-")[0])]

        def fake(name):
            def call(*args, **_):
                calls.append((name, args))
                raise OSError(name)
            return call

        def test_first(windows_vm, monkeypatch, tmp_path):
            monkeypatch.chdir(tmp_path)
            monkeypatch.setenv("PATH", str(tmp_path))
            for module, name in ((subprocess, "Popen"), (socket, "socket"), (builtins, "open"), (time, "sleep")):
                monkeypatch.setattr(module, name, fake(name))
            seen.extend(until("a spare", spares, timeout=60))
            monkeypatch.undo()
            assert [] == calls

        def test_second(windows_vm):
            assert [str(windows_vm._running().machine.child.pid)] == seen
            windows_vm.run("ver", shell="cmd", check=True)
        """
    )

    inner.runpytest_subprocess(f"--smolvm-store={calm_store.root}").assert_outcomes(passed=2)


def test_the_next_test_gets_the_guest_that_was_restored_meanwhile(inner: pytest.Pytester, calm_store: Store) -> None:
    inner.makepyfile(
        f"""
        from pathlib import Path

        from pytest_smolvm.host.store import Store
        from pytest_smolvm.host.waiting import until
        from pytest_smolvm.pool.claims import Claims

        seen = []

        def spares():
            claims = Claims(Store.at(Path({str(calm_store.root)!r}))).standing().held
            return [claim.qemu.partition("-")[0] for claim in claims if claim.state == "spare" and claim.qemu]

        def test_first(windows_vm):
            seen.extend(until("a spare", spares, timeout=60))

        def test_second(windows_vm):
            assert [str(windows_vm._running().machine.child.pid)] == seen
            assert [] == spares()
        """
    )

    inner.runpytest_subprocess(f"--smolvm-store={calm_store.root}").assert_outcomes(passed=2)

    assert [] == [*calm_store.runs.iterdir(), *calm_store.leases.iterdir()]
