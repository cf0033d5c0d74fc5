"""Two images, two runs that share a store: each template is baked once, and two are baked at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_smolvm.host.store import Store
from tests.booted.conftest import BAKING, overlay
from tests.booted.test_sharing import began

pytestmark = pytest.mark.slow

SECONDS = 1200.0


@pytest.fixture
def overlays(image: Path, tmp_path: Path) -> list[Path]:
    """Two images that are not the same, though all that is in them is."""
    return [overlay(tmp_path / f"{name}.qcow2", image) for name in ("first", "second")]


def test_each_image_is_baked_once_whoever_asks_and_two_at_a_time(
    inner: pytest.Pytester, overlays: list[Path], own_store: Store
) -> None:
    inner.makepyfile("class TestA:\n def test_one(self, windows_vm): pass\n def test_two(self, windows_vm): pass\n")
    store = f"--smolvm-store={own_store.root}"
    images = [f"--smolvm-image={path.stem}={path}" for path in overlays]
    with began(inner.path, "scopes", "-n2", "--dist=loadscope", store, *images) as scopes:
        scopes.says(BAKING)
        with began(inner.path, "reversed", store, *reversed(images)) as other:
            other.says(BAKING)
            assert "once for this host: done" not in scopes.text
            assert [0, 0] == [run.process.wait(SECONDS) for run in (scopes, other)]

    assert sorted(path.name for path in overlays) == sorted(BAKING.findall(scopes.text + other.text))
    assert 2 == len(list(own_store.templates.iterdir()))
