"""The process that watches what guests reach, and what it costs the one that it is begun by."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_smolvm.machine.fence.seccomp import CALLS

GUESTS_SIDE_BY_SIDE = """
import os, threading
from pathlib import Path
from pytest_smolvm.machine.fence.fence import begin_to_watch, fenced
from pytest_smolvm.machine.network import OPEN, network

def start():
    with fenced(network(OPEN), Path(os.devnull)):
        pass

begin_to_watch()
beside = threading.Thread(target=start)
beside.start()
beside.join()
print([thread.name for thread in threading.enumerate()])
"""


@pytest.mark.skipif(os.uname().machine not in CALLS, reason="no fence is known for this processor")
def test_guests_that_come_up_side_by_side_leave_no_thread() -> None:
    """It outlives them, so that its parent is to be who begins them all."""
    said = subprocess.run([sys.executable, "-c", GUESTS_SIDE_BY_SIDE], capture_output=True, text=True, check=True)

    assert "['MainThread']\n" == said.stdout
