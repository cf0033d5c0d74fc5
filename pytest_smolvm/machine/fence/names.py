"""What names stand for at this moment, as this host sees it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address

from pytest_smolvm.host.clock import now

SECONDS = 10.0
"""How long an answer counts as being of this moment; a guest is told no longer time."""
_FAILURE_SECONDS = 1.0
_MOST = 4096


@dataclass(frozen=True)
class Answer:
    """What the host's resolver said."""

    addresses: tuple[IPv4Address, ...]
    known: bool
    """False if it gave no answer, so that nothing is known about the name."""
    until: float
    """By the monotonic clock."""

    @property
    def seconds(self) -> int:
        """How long it still counts, at least one."""
        return max(1, int(self.until - now()))


def ask(name: str) -> Answer:
    """Ask the host's resolver, which also reads /etc/hosts; this takes as long as it takes."""
    try:
        found = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        known = getattr(exc, "errno", None) in (socket.EAI_NONAME, socket.EAI_NODATA)
        return Answer((), known, now() + _FAILURE_SECONDS)
    addresses = dict.fromkeys(IPv4Address(where[0]) for *_, where in found)
    return Answer(tuple(addresses), True, now() + SECONDS)


class Names:
    """Answers of this moment; each question is under way once, whoever asks it.

    :param asking: finds one out.
    """

    def __init__(self, asking: Callable[[str], Answer] = ask) -> None:
        self._asking = asking
        self._answers: dict[str, Answer] = {}
        self._waiting: dict[str, list[Callable[[Answer], object]]] = {}
        self._changed = threading.Condition()

    def tell(self, name: str, then: Callable[[Answer], object]) -> None:
        """Call `then`, which is to be quick, with what `name` stands for: now if known, else in another thread."""
        with self._changed:
            known = self._known(name)
            if known is None:
                self._begin(name).append(then)
        if known is not None:
            then(known)

    def known(self, names: Collection[str]) -> dict[str, Answer]:
        """Those of these names of which it is known what they stand for."""
        with self._changed:
            return {name: known for name in names if (known := self._known(name))}

    def now(self, names: Collection[str], patience: float) -> dict[str, Answer]:
        """What these names stand for; those that no answer has come for within `patience` seconds are left out."""
        found: dict[str, Answer] = {}
        with self._changed:
            for name in names:
                known = self._known(name)
                if known is None:
                    self._begin(name).append(partial(found.__setitem__, name))
                else:
                    found[name] = known
            self._changed.wait_for(lambda: len(found) == len(names), patience)
            return dict(found)

    def _known(self, name: str) -> Answer | None:
        known = self._answers.get(name)
        return known if known is not None and known.until > now() else None

    def _begin(self, name: str) -> list[Callable[[Answer], object]]:
        if name not in self._waiting:
            self._waiting[name] = []
            threading.Thread(target=self._find_out, args=(name,), name="lookup", daemon=True).start()
        return self._waiting[name]

    def _find_out(self, name: str) -> None:
        found = self._asking(name)
        with self._changed:
            if len(self._answers) >= _MOST:
                self._answers.clear()
            self._answers[name] = found
            for then in self._waiting.pop(name):
                then(found)
            self._changed.notify_all()
