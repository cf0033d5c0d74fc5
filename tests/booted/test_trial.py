"""An image is tried as `windows check-image` does, but for the table of scripts, which has tests of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_smolvm.guest.spec import GuestSpec
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.catalog import Image
from pytest_smolvm.machine import hypervisor
from pytest_smolvm.trial.parts import PARTS
from pytest_smolvm.trial.report import CONFORMANCE, FACTS, GUEST, RESTORED, Report
from pytest_smolvm.trial.trial import Trial, about

# Its sc.exe shows no configuration of a service.
UNKNOWN_TO_WINE = {"sshd starts with Windows", "disk driver starts with Windows"}


@pytest.mark.slow
def test_a_trial(spec: GuestSpec, image: Path, store: Store, tmp_path: Path) -> None:
    """Facts first; then what a guest does, cloned twice; and what a restore does to its clock."""
    told: list[str] = []
    host = hypervisor.find(store)
    report = Report(told.append, about(Image.at(image), host, "1.0"))

    Trial(spec, store, host, (), Silent(), report).run()

    assert UNKNOWN_TO_WINE == set(report.failed())
    sections = list(dict.fromkeys(outcome.section for outcome in report.outcomes))
    assert [FACTS, CONFORMANCE, GUEST, RESTORED] == sections
    assert {"bake and clone", "another clone", *(name for name, _ in PARTS)} == {
        outcome.name for outcome in report.outcomes if outcome.section == GUEST
    }
    report.write(tmp_path / "report.json")
    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    assert image.name == json.loads(text)["image"]["name"]
    assert "account" not in json.loads(text)["image"]["record"]
    assert str(image.parent) not in text
