"""Who signed a UEFI program, as far as Secure Boot is concerned: the authority above the signer."""

from __future__ import annotations

import struct

# The authorities that Microsoft's boot managers are signed under. "Microsoft Windows Production PCA 2011" runs out in
# 2026; media and updates since then have boot managers under the newer one ("Windows Secure Boot certificate
# expiration and CA updates", Microsoft Support).
_AUTHORITIES = ("Microsoft Windows Production PCA 2011", "Windows UEFI CA 2023")
# "PE Format" (Microsoft Learn): where the headers are, and the fifth data directory, which is the only one whose
# address is a place in the file.
_HEADERS = 0x3C
_MAGIC = 24
_PE32_PLUS = 0x20B
_CERTIFICATES = 24 + 112 + 4 * 8


def authorities(program: bytes) -> tuple[str, ...]:
    """The authorities of Microsoft named in a program's signatures; none if it is not signed, or is no PE program."""
    try:
        at = struct.unpack_from("<I", program, _HEADERS)[0]
        if program[at : at + 4] != b"PE\0\0" or struct.unpack_from("<H", program, at + _MAGIC)[0] != _PE32_PLUS:
            return ()
        start, size = struct.unpack_from("<II", program, at + _CERTIFICATES)
    except struct.error:
        return ()
    # Names stand in certificates as plain text; to take them apart further would tell no more.
    return tuple(name for name in _AUTHORITIES if name.encode("ascii") in program[start : start + size])
