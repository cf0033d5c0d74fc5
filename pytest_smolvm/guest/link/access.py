"""What the groups of the guest object's methods stand on."""

from __future__ import annotations

from contextlib import AbstractContextManager

from pytest_smolvm.guest.link.ssh import Ssh


class Access:
    """A guest that one can talk to; :class:`pytest_smolvm.SmolVM` says how."""

    def _using(self) -> AbstractContextManager[Ssh]:
        """Lend the connection for the length of a block, made anew if it broke."""
        raise NotImplementedError

    def _reconnect(self) -> None:
        """Make a new connection, which sees the environment as it is now."""
        raise NotImplementedError

    def _second_connection(self) -> Ssh:
        """A connection of its own, for the caller to close."""
        raise NotImplementedError
