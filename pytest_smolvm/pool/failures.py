"""What failed once in a run and would fail again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pytest_smolvm.errors import BootError, LoginError, NoDesktop, SmolVMError, Unrestorable
from pytest_smolvm.host.progress import nothing

LASTING = (BootError, LoginError, NoDesktop)
"""Kinds of errors that may be met again; :func:`lasts` judges the single one."""


class Failures:
    """The failures of one run, by the key of the template that was wanted.

    A golden image that hangs, whose password is another, or whose desktop is wanted and out of reach, costs one boot a
    run rather than one a test.
    """

    def __init__(self) -> None:
        self._known: dict[str, SmolVMError] = {}

    def known(self, key: str) -> SmolVMError | None:
        """The error that is met again if this is tried again; None if it may be tried."""
        known = self._known.get(key)
        if known is None:
            return None
        again = type(known)(*known.args)  # each has its own traceback, and notes
        again.add_note("This was found out before in this run, and not tried again.")
        return again

    def check(self, key: str) -> None:
        """Raise the error that is met again if this is tried again.

        :raises SmolVMError: what was met the first time.
        """
        if (known := self.known(key)) is not None:
            raise known

    @contextmanager
    def noted(self, key: str, unless: Callable[[], object] = nothing) -> Iterator[None]:
        """What fails in the block for a reason that lasts is known from then on; what succeeds after all, no more.

        :param unless: says once it has failed whether that was somebody else's fault.
        """
        try:
            yield
        except LASTING as exc:
            if lasts(exc) and not unless():
                self._known[key] = exc
            raise
        self._known.pop(key, None)

    @contextmanager
    def remembered(self, key: str) -> Iterator[None]:
        """What fails in the block for a reason that lasts is raised at once the next time.

        :raises SmolVMError: what was met the first time.
        """
        self.check(key)
        with self.noted(key):
            yield


def lasts(error: BaseException) -> bool:
    """Whether the reason lies in image, account or template, rather than in what the host was doing just then."""
    if isinstance(error, BootError):
        return error.stage != "process" or isinstance(error, Unrestorable)
    return isinstance(error, LASTING)
