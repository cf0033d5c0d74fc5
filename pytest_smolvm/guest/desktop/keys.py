"""Windows' numbers of keys (virtual-key codes), for a US keyboard."""

from __future__ import annotations

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.screen import keys

_CODES = {
    "backspace": 0x08,
    "tab": 0x09,
    "ret": 0x0D,
    "shift": 0x10,
    "ctrl": 0x11,
    "alt": 0x12,
    "pause": 0x13,
    "caps_lock": 0x14,
    "esc": 0x1B,
    "spc": 0x20,
    "pgup": 0x21,
    "pgdn": 0x22,
    "end": 0x23,
    "home": 0x24,
    "left": 0x25,
    "up": 0x26,
    "right": 0x27,
    "down": 0x28,
    "print": 0x2C,
    "insert": 0x2D,
    "delete": 0x2E,
    "meta_l": 0x5B,
    "menu": 0x5D,
    "num_lock": 0x90,
    "scroll_lock": 0x91,
    "shift_r": 0xA1,
    "ctrl_r": 0xA3,
    "alt_r": 0xA5,
    "semicolon": 0xBA,
    "equal": 0xBB,
    "comma": 0xBC,
    "minus": 0xBD,
    "dot": 0xBE,
    "slash": 0xBF,
    "grave_accent": 0xC0,
    "bracket_left": 0xDB,
    "backslash": 0xDC,
    "bracket_right": 0xDD,
    "apostrophe": 0xDE,
}
_CODES |= {f"f{number}": 0x6F + number for number in range(1, 13)}
_CODES |= {character: ord(character.upper()) for character in "abcdefghijklmnopqrstuvwxyz0123456789"}


def codes(chord: str) -> list[int]:
    """The keys that are pressed together, in this order.

    :param chord: names and characters joined by plus signs, as `screen.press` takes them.
    :raises UsageError: one of them is no key.
    """
    names = keys.chord(chord)
    if unknown := [name for name in names if name not in _CODES]:
        raise UsageError(f"{', '.join(unknown)} in {chord!r} cannot be pressed")
    return [_CODES[name] for name in names]
