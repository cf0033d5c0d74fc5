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
from pytest_smolvm.host.store import Store

RUNS = 25
CRASHED = 32
# Of a process that cannot be: the kernel's highest pid is 4194304 (proc_sys_kernel(5)).
DEAD = "4194305-1-0"
TEMPLATE_BYTES = 64 << 20


def measure(setting: Setting) -> dict[str, float]:
    """Seconds."""
    return {**_overhead(), **_reaping()}


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
            run = store.runs / f"{DEAD}.{number}"
            run.mkdir()
            (run / "disk.qcow2").write_bytes(bytes(2 << 20))
            (store.leases / f"{DEAD}.{number}").write_text("{}")
        partial = store.templates / f"{DEAD}.0.name"
        partial.mkdir()
        (partial / "memory").write_bytes(bytes(TEMPLATE_BYTES))
        return {"reap_seconds": round(seconds(store.reap), 3)}
