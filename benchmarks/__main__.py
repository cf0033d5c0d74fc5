"""Run the measurements and write them as JSON: ``python -m benchmarks --output bench.json``."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import boots, calls, crowds, desktop, network, screen, states, suites, traces, transfers
from benchmarks.setting import Setting
from pytest_smolvm.host.progress import Lines, Silent, phase
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice.build import practice_image
from pytest_smolvm.machine import hypervisor
from pytest_smolvm.pool.pool import Pool

PARTS = {
    "boots": boots.measure,
    "calls": calls.measure,
    "desktop": desktop.measure,
    "screen": screen.measure,
    "crowds": crowds.measure,
    "transfers": transfers.measure,
    "suites": suites.measure,
    "network": network.measure,
    "states": states.measure,
    "traces": traces.measure,
}


def main() -> int:
    """Measure what is asked for; everything by default."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--output", type=Path, default=Path("bench.json"), metavar="FILE", help="where to write (default: %(default)s)"
    )
    parser.add_argument("--image", type=Path, metavar="FILE", help="golden image (default: the practice image)")
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help="what to measure (default: everything)")
    options = parser.parse_args()
    progress = Lines(lambda line: print(line, file=sys.stderr, flush=True))
    image = options.image or practice_image(Store.default(), progress)
    found: dict[str, object] = {}
    with tempfile.TemporaryDirectory(prefix="smolvm-bench-") as place:
        store = Store.at(Path(place))
        setting = Setting(image.absolute(), Pool(store, hypervisor.find(store), Silent()))
        found["host"] = f"{platform.processor() or platform.machine()}, {setting.pool.hypervisor}"
        for (
            name,
            measure,
        ) in PARTS.items():  # in this order, whatever was asked for: the first find a store that is empty
            if options.part and name not in options.part:
                continue
            with phase(progress, f"measuring {name}"):
                found |= measure(setting)
            print(json.dumps(found, indent=2), flush=True)
        setting.pool.close()
    options.output.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


sys.exit(main())
