"""Steps of our scripts in a guest, and what became of them: ``ok`` or ``failed: ...``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_smolvm.host.progress import Progress

_STEP = re.compile(r"SMOLVM-STEP:([^:\r\n]*):([^\r\n]*)")


def told(said: str) -> dict[str, str]:
    """Steps by name, out of what scripts have said."""
    return {name: outcome.strip() for name, outcome in _STEP.findall(said)}


def note_failures(steps: Mapping[str, str], progress: Progress, kind: str = "set-up") -> None:
    """Tell which steps failed: none of them ends anything, but they explain what fails later."""
    for name, outcome in steps.items():
        if outcome != "ok":
            progress.note(f"{kind} step {name} {outcome}")
