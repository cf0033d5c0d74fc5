"""What the plugin keeps with pytest's objects, and how it is come by."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.plugin import options
from pytest_smolvm.plugin.console import Console

if TYPE_CHECKING:
    from pytest_smolvm.plugin.options import Settings
    from pytest_smolvm.plugin.suite import Suite

_SETTINGS = pytest.StashKey["Settings"]()
_SUITE = pytest.StashKey["Suite | None"]()
_CONSOLE = pytest.StashKey[Console]()
_CURRENT = pytest.StashKey[pytest.Item]()
NEXT = pytest.StashKey["pytest.Item | None"]()
"""An item's: the one that runs after it."""


def settings(config: pytest.Config) -> Settings:
    """The run's settings, resolved once.

    :raises pytest.UsageError: one of them makes no sense.
    """
    if _SETTINGS not in config.stash:
        try:
            config.stash[_SETTINGS] = options.of(config, os.environ)
        except UsageError as exc:
            raise pytest.UsageError(str(exc)) from exc
    return config.stash[_SETTINGS]


def console(config: pytest.Config) -> Console:
    """The run's console, made before pytest captures anything: while plugins are configured."""
    if _CONSOLE not in config.stash:
        config.stash[_CONSOLE] = Console(getattr(config, "workerinput", {}).get("workerid", ""))
        config.add_cleanup(config.stash[_CONSOLE].close)
    return config.stash[_CONSOLE]


def run(item: pytest.Item) -> None:
    """Note that a test runs now."""
    item.config.stash[_CURRENT] = item


def current(config: pytest.Config) -> pytest.Item:
    """The test that runs now, or ran last."""
    return config.stash[_CURRENT]


def current_if_any(config: pytest.Config) -> pytest.Item | None:
    """The same, if there has been one."""
    try:
        return config.stash[_CURRENT]
    except KeyError:
        return None


def suite(config: pytest.Config) -> Suite:
    """What the guests of this process share, made when the first is asked for."""
    found = suite_if_any(config)
    if found is None:
        from pytest_smolvm.plugin.suite import Suite  # here, since a suite without an image must not pay for it

        found = config.stash[_SUITE] = Suite(config, settings(config), console(config).say, lambda: current(config))
    return found


def suite_if_any(config: pytest.Config) -> Suite | None:
    """The same, if anybody has asked for it."""
    return config.stash.get(_SUITE, None)
