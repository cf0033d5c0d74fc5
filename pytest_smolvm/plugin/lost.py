"""What is said and kept of a test whose process was killed while it ran."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_smolvm.errors import StoreError
from pytest_smolvm.host.clock import utc
from pytest_smolvm.plugin import stash

if TYPE_CHECKING:
    from pytest_smolvm.pool.remains import GuestUser

_WHY = (
    "the worker was killed while the test ran, and with it went what it had not written yet; "
    "its guests, if it had any, were thrown away"
)


class LostWorkers:
    """A hook of xdist's, for the process that has the workers.

    :param config: the run's.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._begun = utc()

    @pytest.hookimpl(tryfirst=True)  # type: ignore[misc]  # before xdist hands the report on
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport) -> None:
        """Say what there is to look at, finish it, and clear what the guests have left: they end with their process."""
        from pytest_smolvm.plugin import results
        from pytest_smolvm.plugin.artifacts import file_name
        from pytest_smolvm.pool.remains import GuestUser

        worker = report.node.workerinput  # xdist has put that in
        base = results.base(self._config.rootpath, stash.settings(self._config)) / file_name(crashitem)
        try:
            place = self._place(base)
            said = self._finished(place, GuestUser(worker["testrunuid"], worker["workerid"]))
        except (OSError, StoreError) as exc:
            said = f"none could be kept: {exc}\n{_WHY}"
        else:
            report.user_properties += [(results.PROPERTY, str(place))] * place.is_dir()
        report.sections.append(("smolvm: evidence", said))

    def _place(self, base: Path) -> Path:
        """The directory of the attempt that was under way; what an earlier run has left of the test goes.

        :raises OSError: it cannot be seen.
        """
        from pytest_smolvm.host.store import remove
        from pytest_smolvm.plugin import results

        for path in results.left(base):
            if path.exists() and path.stat().st_mtime < self._begun:
                remove(path)
        return results.under_way(base)

    def _finished(self, place: Path, user: GuestUser) -> str:
        """Make the test's directory what can still be made of it; returns what there is to say of it.

        :raises OSError: it cannot be written.
        :raises StoreError: there is no store.
        """
        from pytest_smolvm.host.store import Store, default_root
        from pytest_smolvm.plugin import results
        from pytest_smolvm.pool import remains

        store = Store.at(stash.settings(self._config).store or default_root())
        remains.gathered(store, user, place)
        store.reap()
        if not place.is_dir():
            return f"none: {_WHY}"
        results.miss(place, [_WHY])
        files = sorted(os.fspath(path.relative_to(place)) for path in place.rglob("*") if path.is_file())
        return f"{place}\n{', '.join(files)}\nmissing: {_WHY}"
