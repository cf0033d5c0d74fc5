"""What a guest may reach, as somebody wants it: one of three words, or a list of rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv4Network, NetmaskValueError

from pytest_smolvm.errors import UsageError

OPEN, HOST, OFF = "open", "host", "off"
WORDS = (OPEN, HOST, OFF)
INSIDE = IPv4Network("10.0.2.0/24")
"""The network in which QEMU puts its guest."""
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_LONGEST_NAME = 253
_UNREACHABLE = (IPv4Network("224.0.0.0/3"), IPv4Network("0.0.0.0/8"))
_MAX_PORT = 65535
# The widest networks at home are 10.0.0.0/8 and 127.0.0.0/8 (RFC 1918, RFC 1122).
_WIDEST_AT_HOME = 8


@dataclass(frozen=True, kw_only=True)
class AddressRule:
    """Every address of `network` may be reached, wherever it is; but see `means_home`."""

    network: IPv4Network
    port: int | None
    """None: all of them."""

    def covers(self, address: IPv4Address, port: int) -> bool:
        """Whether this rule lets a guest reach `port` of `address`."""
        return address in self.network and self.port in (None, port)

    @property
    def means_home(self) -> bool:
        """Whether addresses at home are meant, too: not by ``0.0.0.0/0:443``, which is how the internet is written."""
        return self.network.prefixlen >= _WIDEST_AT_HOME


@dataclass(frozen=True, kw_only=True)
class NameRule:
    """What a name resolves to may be reached, if it is out in the internet."""

    name: str
    """In lower case, without the root's dot; with a leading ``*.`` every name below it."""
    port: int | None
    """None: all of them."""

    def names(self, name: str) -> bool:
        """Whether this rule means `name`, which is in lower case."""
        return name.endswith(self.name[1:]) if self.name.startswith("*.") else name == self.name


@dataclass(frozen=True, kw_only=True)
class Network:
    """What a guest may reach."""

    mode: str
    """``open``, ``host`` or ``off``; ``rules`` for a list of them."""
    wanted: str | tuple[str, ...]
    """What it was made of: a word, or rules."""
    addresses: tuple[AddressRule, ...] = ()
    names: tuple[NameRule, ...] = ()


AS_THE_HOST = Network(mode=HOST, wanted=HOST)
"""For what is no test's guest."""


def network(wanted: str | Iterable[str]) -> Network:
    """The network that is meant by a word, or by rules of the form ``HOST:PORT``.

    HOST is a name, a name with ``*.`` before it, an IPv4 address, or a network in CIDR form; PORT is a number or ``*``.

    :raises UsageError: it is neither, or a rule could not be kept.
    """
    if isinstance(wanted, str):
        if wanted not in WORDS:
            raise UsageError(
                f"network={wanted!r} is not one of {', '.join(WORDS)}, nor a list like ['example.com:443']"
            )
        return Network(mode=wanted, wanted=wanted)
    if isinstance(wanted, (bytes, Mapping)) or not isinstance(wanted, Iterable):
        raise UsageError(f"network={wanted!r} is neither one of {', '.join(WORDS)} nor a list of rules")
    words = tuple(wanted)
    rules = [_rule(word) for word in words]
    return Network(
        mode="rules" if rules else OFF,
        wanted=words or OFF,
        addresses=tuple(rule for rule in rules if isinstance(rule, AddressRule)),
        names=tuple(rule for rule in rules if isinstance(rule, NameRule)),
    )


def _rule(word: object) -> AddressRule | NameRule:
    if not isinstance(word, str):
        raise UsageError(f"network rule {word!r} is not text like 'example.com:443'")
    if word in WORDS:
        raise UsageError(f"network rule {word!r}: this word stands alone, network={word!r}, not in a list")
    host, colon, port = word.rpartition(":")
    if not colon or not host:
        raise UsageError(f"network rule {word!r} has no port; write it like 'example.com:443', or ':*' for every port")
    if ":" in host:
        raise UsageError(f"network rule {word!r}: guests have no IPv6, and a rule has no scheme")
    number = None if port == "*" else _port(word, port)
    if _looks_numeric(host):
        return AddressRule(network=_network(word, host), port=number)
    return NameRule(name=_name(word, host), port=number)


def _port(word: str, port: str) -> int:
    if not (port.isascii() and port.isdecimal() and 1 <= int(port) <= _MAX_PORT):
        raise UsageError(f"network rule {word!r}: {port!r} is not a port, 1 to {_MAX_PORT}, or *")
    return int(port)


def _looks_numeric(host: str) -> bool:
    """No name ends in a number (RFC 3696, section 2), so that ``10.1.2.300`` is a wrong address and not a name."""
    return "/" in host or host.rstrip(".").rpartition(".")[2].isdecimal()


def _network(word: str, host: str) -> IPv4Network:
    try:
        found = IPv4Network(host)
    except (AddressValueError, NetmaskValueError, ValueError) as exc:
        raise UsageError(f"network rule {word!r}: {exc}") from exc
    if found.subnet_of(INSIDE):
        raise UsageError(
            f"network rule {word!r}: {INSIDE} is the network inside QEMU; the host's own loopback, "
            "which the guest knows as 10.0.2.2, is 127.0.0.1"
        )
    if any(found.subnet_of(never) for never in _UNREACHABLE):
        raise UsageError(f"network rule {word!r}: no connection can be made to such an address")
    return found


def _name(word: str, host: str) -> str:
    name = host.lower().removesuffix(".")
    plain = name.removeprefix("*.")
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in plain.split(".")):
        raise UsageError(
            f"network rule {word!r}: {host!r} is not a name: letters, digits and hyphens (others as punycode), "
            "with '*.' at most before it"
        )
    if plain == "localhost" or plain.endswith(".localhost"):
        raise UsageError(
            f"network rule {word!r}: names lead out into the internet; for the host's loopback write 127.0.0.1"
        )
    return name
