"""Runs of pytest inside these tests are nobody's: neither the store nor the settings of this one reach them."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def own_store(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMOLVM_HOME", str(pytester.path / "store"))
    for name in ("SMOLVM_IMAGE", "SMOLVM_REQUIRE"):
        monkeypatch.delenv(name, raising=False)
