"""The pytest door: its hooks, and the names of its fixtures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_smolvm.errors import SmolVMError
from pytest_smolvm.plugin import fixtures, html_report, options, stash, wants
from pytest_smolvm.plugin.fixtures import (
    _smolvm,
    smolvm_artifacts,
    smolvm_image,
    windows_vm,
    windows_vm_class,
    windows_vm_factory,
    windows_vm_module,
    windows_vm_session,
    windows_vm_spec,
)

__all__ = [
    "_smolvm",
    "smolvm_artifacts",
    "smolvm_image",
    "windows_vm",
    "windows_vm_class",
    "windows_vm_factory",
    "windows_vm_module",
    "windows_vm_session",
    "windows_vm_spec",
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option, ini key and environment variable per row of the settings' table."""
    options.add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and resolve the settings."""
    config.addinivalue_line("markers", wants.help_text())
    settings = stash.settings(config)
    if settings.image:
        from pytest_smolvm.host import programs  # here, since a suite without an image must not pay for it

        programs.settle()
        if config.pluginmanager.hasplugin("xdist") and not hasattr(config, "workerinput"):
            from pytest_smolvm.plugin.lost import LostWorkers

            config.pluginmanager.register(LostWorkers(config), "smolvm-lost-workers")
    if len(settings.paths) > 1 and not hasattr(config, "workerinput"):
        from pytest_smolvm.plugin.summary import Summary

        config.pluginmanager.register(Summary(config), "smolvm-summary")
    html_report.place(config)
    stash.console(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing running."""
    if suite := stash.suite_if_any(config):
        suite.close()


def pytest_report_header(config: pytest.Config) -> list[str] | None:
    """Image, accelerator and QEMU's version, if an image is configured; a configuration file that is not read."""
    if not stash.settings(config).image:
        return None
    from pytest_smolvm.plugin import configuration

    passed_over = configuration.unread(config)
    lost = [f"smolvm: {passed_over} is not read: {configuration.WHY}"] if passed_over else []
    try:
        return [stash.suite(config).header(), *lost]
    except (SmolVMError, OSError) as exc:
        return [f"smolvm: {exc}", *lost]


@pytest.hookimpl(optionalhook=True, tryfirst=True)  # xdist itself answers, too
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """With ``-n auto``, as many workers as guests and processors there are. Comes before `pytest_configure`."""
    if not stash.settings(config).image or "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    from pytest_smolvm.host import limits  # here, since few runs ask

    try:
        return min(limits.processors(), stash.suite(config).room)
    except (SmolVMError, OSError):
        return None  # the tests themselves say what is wrong


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on each image that it or the configuration names."""
    if not fixtures.GUESTS.intersection(metafunc.fixturenames):
        return
    settings = stash.settings(metafunc.config)
    if settings.image:
        from pytest_smolvm.plugin import matrix

        found = matrix.parameters(metafunc.definition, settings)
        if found is not None:
            metafunc.parametrize(matrix.IMAGE, found, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)  # before pytest and xdist bring together what shares something
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out images that the run leaves out, and have tests on the same image come one after the other."""
    settings = stash.settings(config)
    if settings.image:
        from pytest_smolvm.plugin import matrix

        matrix.arrange(config, items, fixtures.images_of(items), settings)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Have the next test's guest made meanwhile, unless this one's is needed first: then the fixture does so.

    Here, where no test's fixtures have changed anything yet.
    """
    stash.run(item)
    item.stash[stash.NEXT] = nextitem
    stash.console(item.config).pytest_writes()
    suite = stash.suite_if_any(item.config)
    if suite is not None and "windows_vm" not in getattr(item, "fixturenames", ()):
        fixtures.expect_next(suite, item)
    yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Bring shared guests back to their first state where the marker or the suite asks for it."""
    if suite := stash.suite_if_any(item.config):
        suite.artifacts.begin()
        suite.revert_for(item, fixtures.image_of(item))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """What an earlier run left of a test is not to be taken for what this one leaves."""
    suite = stash.suite_if_any(item.config)
    if suite is not None and "_smolvm" in getattr(item, "fixturenames", ()):
        suite.results.begin(item)


def pytest_enter_pdb(config: pytest.Config) -> None:
    """Say how the guests of a test are entered while it stands in a debugger, as with --pdb or at a breakpoint."""
    suite, item = stash.suite_if_any(config), stash.current_if_any(config)
    if suite is not None and item is not None:
        suite.hold(item)


def pytest_leave_pdb(config: pytest.Config) -> None:
    """The test goes on, and its guests are its own again."""
    if suite := stash.suite_if_any(config):
        suite.release()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Tell the guests' keeper how an attempt goes, and when it is over."""
    outcome: Any = yield
    stash.console(item.config).pytest_writes()
    if suite := stash.suite_if_any(item.config):
        report = outcome.get_result()
        if report.failed:
            suite.artifacts.failed(item)
            if refused := suite.artifacts.refused(item):
                report.sections.append(("smolvm: what a guest was refused to reach", refused))
        suite.results.look(item, report, suite.artifacts.used_by(item))
        if call.when == "teardown":
            suite.results.end(item)
            suite.artifacts.settle()
