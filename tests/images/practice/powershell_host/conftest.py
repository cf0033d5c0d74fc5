"""The practice guest's programs, running on this host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_smolvm.guest.link.ssh import Ssh
from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice.build import practice_image
from tests.userland import possible, userland


@pytest.fixture(scope="session")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ssh]:
    """A connection to them."""
    if reason := possible():
        pytest.skip(reason)
    store = Store.default()
    practice_image(store, Silent())  # leaves its parts, which are used here
    with userland(store.work, tmp_path_factory.mktemp("userland")) as connected:
        yield connected
