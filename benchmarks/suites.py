"""What the plugin costs a suite that uses no guest, and what tidying up after a crash costs the next run."""

from __future__ import annotations

import compileall
import statistics
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.setting import Setting, seconds
from pytest_smolvm import plugin
from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.store import Store
from pytest_smolvm.pool.claims import Claim, Claims
from pytest_smolvm.pool.leases import Lease, Leases

RUNS = 25
CRASHED = 32
CLAIMED = 1000
CLAIMS = 200
# Of a process that has ended: nobody holds its lock.
DEAD = f"smolvm-00000000-4711-{0:016x}"
TEMPLATE_BYTES = 64 << 20


def measure(setting: Setting) -> dict[str, float]:
    """Seconds."""
    return {**_overhead(), **_reaping(), **_claiming()}


def _overhead() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        Path(place, "test_plain.py").write_text("def test_plain(): pass\n")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", place]
        ways = {"without": [*command, "-p", "no:smolvm"], "with": command}
        took: dict[str, list[float]] = {way: [] for way in ways}
        compileall.compile_dir(Path(plugin.__file__).parents[1], quiet=1)  # as an installed package is
        for _ in range(RUNS):  # in turn, so that both meet the same moments of the host
            for way, words in ways.items():
                took[way].append(seconds(partial(subprocess.run, words, check=True, stdout=subprocess.DEVNULL)))
    plain = statistics.median(took["without"])
    return {
        "plain_suite_seconds": round(plain, 3),
        "plugin_overhead_seconds": round(statistics.median(took["with"]) - plain, 4),
    }


def _reaping() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as place:
        store = Store.at(Path(place))
        for number in range(CRASHED):
            run = store.runs / f"{DEAD}.{number:08x}"
            run.mkdir()
            (run / "disk.qcow2").write_bytes(bytes(2 << 20))
            (store.leases / f"{DEAD}.{number:08x}").touch()
        half_made = store.templates / f"{DEAD}.{0:08x}.name"
        half_made.mkdir()
        (half_made / "memory").write_bytes(bytes(TEMPLATE_BYTES))
        took = round(seconds(store.reap), 3)
        if any(any(part.iterdir()) for part in (store.runs, store.leases, store.templates)):
            raise RuntimeError("not everything was cleared")
        return {"reap_seconds": took}


def _claiming() -> dict[str, float]:
    """Room for one guest, where a thousand have theirs."""
    with tempfile.TemporaryDirectory() as place:
        store = Store.at(Path(place))
        table, room, spec = Claims(store), Leases(store), GuestSpec(image=Path("any"), memory=256)
        for number in range(CLAIMED):
            table.put(Claim(f"{store.owners.me()}.{number:08x}", "held", 1, 1))
        took, held = [], list[Lease]()
        for _ in range(CLAIMS):
            took.append(seconds(lambda: held.extend(room.claim(spec))))
            held.pop().release()
        return {"claim_beside_a_thousand_seconds": round(statistics.median(took), 5)}
