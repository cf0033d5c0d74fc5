"""What is known of a host that cannot clone."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from pytest_smolvm.host.store import Store
from pytest_smolvm.machine.accelerator import Accelerator
from pytest_smolvm.machine.hypervisor import Host
from pytest_smolvm.pool import cloning

HOST = Host(sys.executable, "7.2.22", Accelerator("tcg", "Nehalem", "no /dev/kvm"))


def test_why_not_is_known_until_another_qemu_is_there(tmp_path: Path) -> None:
    store = Store.at(tmp_path)
    assert "" == cloning.why_not(store, HOST)

    cloning.remember(store, HOST, "QEMU refused migrate: no")

    assert "QEMU refused migrate: no" == cloning.why_not(store, HOST)
    assert "" == cloning.why_not(store, replace(HOST, version="9.9"))


def test_what_the_report_says(tmp_path: Path) -> None:
    store = Store.at(tmp_path)
    assert "clone" == cloning.boots_by("clone", store, HOST)

    cloning.remember(store, HOST, "QEMU refused migrate: no")

    assert "cold, since they cannot be cloned here: QEMU refused migrate: no" == cloning.boots_by("clone", store, HOST)
    assert "cold" == cloning.boots_by("cold", store, HOST)
