"""A real QEMU behind a fence; its guest is the network stack of a namespace here, so that nothing has to boot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.machine.fence.world import alone, can_be_alone

pytestmark = [
    pytest.mark.skipif(shutil.which("ip") is None, reason="iproute2 is not installed"),
    pytest.mark.skipif(not can_be_alone(), reason="this user makes neither namespaces nor network cards here"),
]


def test_what_a_guest_reaches() -> None:
    done = alone(Path(__file__).with_name("alone_fence.py"))

    assert done.returncode == 0, done.stdout + done.stderr
