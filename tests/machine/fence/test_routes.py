"""Where addresses lie, as this host's kernel sees it."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from pytest_smolvm.machine.fence.routes import at_home


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("127.0.0.1", "the host's loopback"),
        ("127.200.0.1", "the host's loopback"),
        ("0.0.0.0", "the host's loopback"),  # noqa: S104 - Linux connects it to the loopback
        ("10.1.2.3", "a private or reserved address"),
        ("172.16.0.1", "a private or reserved address"),
        ("192.168.0.1", "a private or reserved address"),
        ("169.254.169.254", "a private or reserved address"),
        ("100.64.0.1", "a private or reserved address"),
        ("224.0.0.251", "a private or reserved address"),
        ("239.255.255.250", "a private or reserved address"),
        ("255.255.255.255", "a private or reserved address"),
        ("44.1.2.3", ""),
    ],
)
def test_addresses(address: str, what: str) -> None:
    assert what == at_home(IPv4Address(address))
