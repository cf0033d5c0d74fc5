"""What a guest may reach: words and rules, and all that is neither."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from pytest_smolvm.errors import UsageError
from pytest_smolvm.machine.network import AddressRule, NameRule, Network, network


@pytest.mark.parametrize("word", ["open", "host", "off"])
def test_words(word: str) -> None:
    assert Network(mode=word, wanted=word) == network(word)


def test_an_empty_list_is_off() -> None:
    assert network("off") == network([]) == network(())


def test_rules() -> None:
    rules = ("Updates.Example.com.:443", "*.example.com:*", "10.1.0.0/16:8080", "127.0.0.1:80")

    assert Network(
        mode="rules",
        wanted=rules,
        addresses=(
            AddressRule(network=IPv4Network("10.1.0.0/16"), port=8080),
            AddressRule(network=IPv4Network("127.0.0.1/32"), port=80),
        ),
        names=(NameRule(name="updates.example.com", port=443), NameRule(name="*.example.com", port=None)),
    ) == network(list(rules))


@pytest.mark.parametrize(
    "nonsense",
    ["", "OPEN", "none", "example.com:443", None, 1, True, b"open", {"open": 1}, {"example.com:443": "off"}, 1.5],
)
def test_what_is_neither_word_nor_list(nonsense: Any) -> None:
    with pytest.raises(UsageError, match=r"^network="):
        network(nonsense)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("open", "stands alone"),
        ("off", "stands alone"),
        ("", "has no port"),
        ("example.com", "has no port"),
        ("10.1.2.3", "has no port"),
        (":443", "has no port"),
        ("example.com:", "is not a port"),
        ("example.com:https", "is not a port"),
        ("example.com:0", "is not a port"),
        ("example.com:65536", "is not a port"),
        ("example.com:-1", "is not a port"),
        ("example.com:+443", "is not a port"),
        ("example.com: 443", "is not a port"),
        ("example.com:443 ", "is not a port"),
        ("example.com:४४३", "is not a port"),
        ("https://example.com:443", "no scheme"),
        ("[::1]:443", "no IPv6"),
        ("2001:db8::1:443", "no IPv6"),
        ("https://example.com", "is not a port"),
        ("example.com/path:443", "Expected 4 octets"),
        ("*:443", "is not a name"),
        ("*.:443", "is not a name"),
        ("**.example.com:443", "is not a name"),
        ("a.*.example.com:443", "is not a name"),
        ("*example.com:443", "is not a name"),
        (".example.com:443", "is not a name"),
        ("example..com:443", "is not a name"),
        ("-a.example.com:443", "is not a name"),
        ("a-.example.com:443", "is not a name"),
        ("exam ple.com:443", "is not a name"),
        ("bücher.example:443", "is not a name"),
        (f"{'a' * 64}.example.com:443", "is not a name"),
        (f"{'a.' * 127}com:443", "is not a name"),
        ("localhost:80", "127.0.0.1"),
        ("a.localhost:80", "127.0.0.1"),
        ("10.1.2.300:80", "not permitted"),
        ("10.1.2:80", "Expected 4 octets"),
        ("010.1.2.3:80", "Leading zeros"),
        ("1:80", "Expected 4 octets"),
        ("example.42:80", "Expected 4 octets"),
        ("10.1.2.3/16:80", "has host bits set"),
        ("10.1.0.0/33:80", "netmask"),
        ("10.1.0.0/:80", "netmask"),
        ("0.0.0.0:80", "no connection"),
        ("224.0.0.251:5353", "no connection"),
        ("255.255.255.255:67", "no connection"),
        ("10.0.2.2:80", "127.0.0.1"),
        ("10.0.2.0/24:80", "127.0.0.1"),
        (443, "is not text"),
        (None, "is not text"),
        (("example.com", 443), "is not text"),
    ],
)
def test_rules_that_make_no_sense(rule: Any, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        network(["example.com:443", rule])


@pytest.mark.parametrize(
    ("rule", "name", "meant"),
    [
        ("example.com:1", "example.com", True),
        ("example.com:1", "a.example.com", False),
        ("example.com:1", "badexample.com", False),
        ("*.example.com:1", "a.example.com", True),
        ("*.example.com:1", "a.b.example.com", True),
        ("*.example.com:1", "example.com", False),
        ("*.example.com:1", "badexample.com", False),
        ("*.example.com:1", "example.com.evil.net", False),
    ],
)
def test_names_that_a_rule_means(rule: str, name: str, meant: bool) -> None:
    (named,) = network([rule]).names

    assert meant == named.names(name)


@pytest.mark.parametrize(
    ("rule", "address", "port", "covered"),
    [
        ("10.1.0.0/16:80", "10.1.255.255", 80, True),
        ("10.1.0.0/16:80", "10.1.255.255", 81, False),
        ("10.1.0.0/16:80", "10.2.0.0", 80, False),
        ("10.1.0.0/16:*", "10.1.0.1", 81, True),
    ],
)
def test_addresses_that_a_rule_covers(rule: str, address: str, port: int, covered: bool) -> None:
    (of_addresses,) = network([rule]).addresses

    assert covered == of_addresses.covers(IPv4Address(address), port)
