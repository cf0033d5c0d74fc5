"""Where an address lies, as the kernel sees it: out in the internet, or at home."""

from __future__ import annotations

import errno
import os
import socket
import struct
from ipaddress import IPv4Address

# linux/netlink.h, linux/rtnetlink.h
_HEADER = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=8BI")
_ATTRIBUTE = struct.Struct("=HH")
_GET_ROUTE, _ERROR = 26, 2
_REQUEST, _FIB_MATCH = 1, 0x2000
_DESTINATION, _GATEWAY, _MULTIPATH, _VIA, _NEXT_HOP = 1, 5, 9, 18, 30
_LEADING_ON = {_GATEWAY, _MULTIPATH, _VIA, _NEXT_HOP}
_UNICAST, _LOCAL = 1, 2
# A point-to-point link, as a VPN's, has no gateway: a route so wide over one is not a local network.
_WIDE = 8


def at_home(address: IPv4Address) -> str:
    """What an address is, in a few words, if it is not one out in the internet; empty if it is.

    :raises OSError: the kernel does not say.
    """
    if address.is_loopback or address.is_unspecified:
        return "the host's loopback"
    if address.is_multicast or not address.is_global:
        return "a private or reserved address"
    return _routed(address)


def _routed(address: IPv4Address) -> str:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE) as asking:
        body = _ROUTE.pack(socket.AF_INET, 32, 0, 0, 0, 0, 0, 0, _FIB_MATCH)
        body += _ATTRIBUTE.pack(_ATTRIBUTE.size + 4, _DESTINATION) + address.packed
        asking.send(_HEADER.pack(_HEADER.size + len(body), _GET_ROUTE, _REQUEST, 1, 0) + body)
        told = asking.recv(65536)
    length, kind, *_ = _HEADER.unpack_from(told)
    if kind == _ERROR:
        error = -struct.unpack_from("=i", told, _HEADER.size)[0]
        if error in (errno.ENETUNREACH, errno.EHOSTUNREACH):
            return ""  # nowhere: the connection fails by itself
        raise OSError(error, os.strerror(error))
    return _meaning(told[_HEADER.size : length])


def _meaning(route: bytes) -> str:
    _, width, _, _, _, _, _, kind, _ = _ROUTE.unpack_from(route)
    if kind == _LOCAL:
        return "an address of the host"
    if kind != _UNICAST:
        return "a broadcast address"
    return "the host's local network" if width >= _WIDE and not _LEADING_ON & _attributes(route) else ""


def _attributes(route: bytes) -> set[int]:
    found, at = set(), _ROUTE.size
    while at + _ATTRIBUTE.size <= len(route):
        length, name = _ATTRIBUTE.unpack_from(route, at)
        found.add(name)
        at += max(_ATTRIBUTE.size, length + 3 & ~3)
    return found
