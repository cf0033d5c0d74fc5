"""The practice guest's programs, running on this host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_smolvm.guest.link.ssh import Ssh
from tests.userland import practice_userland


@pytest.fixture(scope="session")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ssh]:
    """A connection to them."""
    with practice_userland(tmp_path_factory.mktemp("userland")) as connected:
        yield connected
