"""What is let through, without a guest: names resolve as the test says."""

from __future__ import annotations

import threading
from ipaddress import IPv4Address

import pytest

from pytest_smolvm.machine.fence.gate import Gate
from pytest_smolvm.machine.fence.names import Answer, Names
from pytest_smolvm.machine.network import network

SITE, OTHER = IPv4Address("44.1.2.3"), IPv4Address("44.1.2.4")
FOR_EVER = float("inf")


def gate(rules: str | list[str], names: dict[str, IPv4Address] | None = None) -> Gate:
    def asking(name: str) -> Answer:
        found = (names or {}).get(name)
        return Answer((found,) if found else (), True, FOR_EVER)

    return Gate(
        network(rules), Names(asking), lambda: frozenset({OTHER}), lambda address: "" if address.is_global else "home"
    )


def test_a_name_opens_its_port_only() -> None:
    opened = gate(["a.example.com:443"], {"a.example.com": SITE})

    assert ["", "no rule allows it"] == [opened.refusal(SITE, 443), opened.refusal(SITE, 80)]


def test_names_below_a_star_have_to_be_asked_for() -> None:
    opened = gate(["*.example.com:443"], {"a.example.com": SITE})

    assert "no rule allows it" == opened.refusal(SITE, 443)
    assert [True, False] == [opened.may_ask("a.example.com"), opened.may_ask("a.example.net")]
    assert "" == opened.refusal(SITE, 443)


def test_whoever_asks_for_very_many_names_loses_the_oldest() -> None:
    opened = gate(["*.example.com:443"], {"a.example.com": SITE})
    for number in range(101):
        opened.may_ask("a.example.com" if number == 0 else f"a{number}.example.com")

    assert "no rule allows it" == opened.refusal(SITE, 443)


def test_a_name_at_home_stays_shut_but_for_a_rule_by_address() -> None:
    home = IPv4Address("10.1.2.3")

    assert "home" in gate(["a.example.com:443"], {"a.example.com": home}).refusal(home, 443)
    assert "" == gate(["a.example.com:443", "10.1.0.0/16:443"], {"a.example.com": home}).refusal(home, 443)


def test_a_rule_for_the_internet_does_not_open_what_is_at_home() -> None:
    opened = gate(["0.0.0.0/0:443"])
    both = gate(["0.0.0.0/0:443", "127.0.0.0/8:443"])

    assert ["", "home, which no rule allows by its address"] == [
        opened.refusal(address, 443) for address in (SITE, IPv4Address("127.0.0.1"))
    ]
    assert ["", ""] == [both.refusal(address, 443) for address in (SITE, IPv4Address("127.0.0.1"))]
    assert "no rule allows it" == opened.refusal(SITE, 80)


def test_an_answer_is_asked_for_again_when_it_is_old() -> None:
    answers = [Answer((SITE,), True, 0.0), Answer((OTHER,), True, FOR_EVER)]
    opened = Gate(network(["a.example.com:443"]), Names(lambda _: answers.pop(0)), frozenset, lambda _: "")

    assert "" == opened.refusal(SITE, 443)
    assert "no rule allows it" == opened.refusal(SITE, 443)
    assert "" == opened.refusal(OTHER, 443)
    assert [] == answers


def test_a_resolver_that_does_not_answer_is_told_of() -> None:
    ended = threading.Event()

    def asking(name: str) -> Answer:
        ended.wait()
        return Answer((), True, FOR_EVER)

    opened = Gate(network(["a.example.com:443"]), Names(asking), frozenset, lambda _: "", patience=0.05)
    try:
        assert "the host's resolver does not answer for a.example.com" == opened.refusal(SITE, 443)
    finally:
        ended.set()


def test_open_reaches_the_name_server_wherever_it_is() -> None:
    server = IPv4Address("127.0.0.53")
    opened = Gate(network("open"), Names(), lambda: frozenset({server}), lambda _: "home")

    assert ["", "home"] == [opened.refusal(server, 53), opened.refusal(server, 54)]
    assert not opened.answers_questions


@pytest.mark.parametrize("nothing", ["off", ["10.1.2.3:80"]])
def test_without_rules_of_names_nobody_is_asked(nothing: str | list[str]) -> None:
    opened = Gate(network(nothing), Names(pytest.fail), frozenset, lambda _: "")

    assert not opened.may_ask("a.example.com")
    assert "no rule allows it" == opened.refusal(SITE, 443)
