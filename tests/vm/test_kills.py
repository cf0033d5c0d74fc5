"""Nothing is left after SIGKILL; the whole storm is ``make soak``."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults import Storm


def test_twenty_kills_leave_nothing(image: Path, tmp_path: Path) -> None:
    storm = Storm(image, tmp_path, rebake_every=20, dice=random.Random(20))

    storm.rage(20)
    storm.calm()

    assert 20 == sum(storm.killed.values())
