"""What of all that a guest tries is let through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address

from pytest_smolvm.machine.fence import dns
from pytest_smolvm.machine.fence.names import Answer, Names
from pytest_smolvm.machine.fence.routes import at_home
from pytest_smolvm.machine.network import OPEN, Network

# A guest stands still while somebody waits here, since QEMU does. A resolver silent for so long is not there.
_PATIENCE = 2.0
# Names below a "*." rule are known by being asked for. A guest that asks for more than this loses the oldest.
_MOST_ASKED = 100


class Gate:
    """One guest's network.

    :param network: what it may reach.
    :param names: what names stand for.
    :param nameservers: the host's; QEMU sends there what the guest asks 10.0.2.3.
    :param at_home: tells what an address is that is not out in the internet, empty for one that is.
    :param patience: seconds that a connection waits for the host's resolver.
    """

    def __init__(
        self,
        network: Network,
        names: Names,
        nameservers: Callable[[], frozenset[IPv4Address]],
        at_home: Callable[[IPv4Address], str] = at_home,
        patience: float = _PATIENCE,
    ) -> None:
        self._network = network
        self._names = names
        self._nameservers = nameservers
        self._at_home = at_home
        self._patience = patience
        self._asked: dict[str, None] = {}

    @property
    def answers_questions(self) -> bool:
        """Whether names are asked about here, instead of at the host's name server."""
        return self._network.mode != OPEN

    def is_nameserver(self, address: IPv4Address, port: int) -> bool:
        """Whether this is where QEMU sends a guest's questions about names."""
        return port == dns.PORT and address in self._nameservers()

    def may_ask(self, name: str) -> bool:
        """Whether a rule means `name`, so that the guest may know what it stands for."""
        if not any(rule.names(name) for rule in self._network.names):
            return False
        self._asked.pop(name, None)
        self._asked[name] = None
        if len(self._asked) > _MOST_ASKED:
            del self._asked[next(iter(self._asked))]
        return True

    def tell(self, name: str, then: Callable[[Answer], object]) -> None:
        """Call `then` with what `name` stands for, at once or later."""
        self._names.tell(name, then)

    def refusal(self, address: IPv4Address, port: int) -> str:
        """Why the guest may not reach `port` of `address`, in a few words; empty if it may."""
        rules = [rule for rule in self._network.addresses if rule.covers(address, port)]
        if any(rule.means_home for rule in rules):
            return ""
        if self._network.mode == OPEN:
            return "" if self.is_nameserver(address, port) else self._at_home(address)
        names = self._candidates(port)
        if (rules or names) and (home := self._at_home(address)):
            return f"{home}, which no rule allows by its address"
        if rules:
            return ""
        return self._unnamed(address, names) if names else "no rule allows it"

    def _unnamed(self, address: IPv4Address, names: set[str]) -> str:
        """Why none of these names opens `address`; empty if one does."""
        # Most often the guest has just asked for the name, and nobody has to wait.
        answers = self._names.known(names)
        if not _among(address, answers):
            answers = self._names.now(names, self._patience)
        if _among(address, answers):
            return ""
        unknown = [name for name in names if name not in answers or not answers[name].known]
        return (
            f"the host's resolver does not answer for {', '.join(sorted(unknown))}" if unknown else "no rule allows it"
        )

    def _candidates(self, port: int) -> set[str]:
        """The names whose addresses may be reached at `port`."""
        rules = [rule for rule in self._network.names if rule.port in (None, port)]
        plain = {rule.name for rule in rules if not rule.name.startswith("*.")}
        return plain | {name for name in self._asked if any(rule.names(name) for rule in rules)}


def _among(address: IPv4Address, answers: Mapping[str, Answer]) -> bool:
    return any(address in answer.addresses for answer in answers.values())
