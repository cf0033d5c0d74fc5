"""The keys of a US keyboard by name and by what is on them, as QEMU calls them (QKeyCode)."""

from __future__ import annotations

import re
import string

from pytest_smolvm.errors import UsageError

_UNSHIFTED = {
    "`": "grave_accent",
    "-": "minus",
    "=": "equal",
    "[": "bracket_left",
    "]": "bracket_right",
    "\\": "backslash",
    ";": "semicolon",
    "'": "apostrophe",
    ",": "comma",
    ".": "dot",
    "/": "slash",
    " ": "spc",
    "\n": "ret",
    "\t": "tab",
}
_SHIFTED = dict(zip('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./", strict=True))
_AS_QEMU = """
    ctrl alt shift ctrl_r alt_r shift_r tab esc backspace insert delete home end pgup pgdn up down left right
    caps_lock num_lock scroll_lock print pause menu f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11 f12
"""
_NAMES = {name: name for name in _AS_QEMU.split()} | {
    "control": "ctrl",
    "altgr": "alt_r",
    "win": "meta_l",
    "windows": "meta_l",
    "meta": "meta_l",
    "escape": "esc",
    "enter": "ret",
    "return": "ret",
    "space": "spc",
    "del": "delete",
    "ins": "insert",
    "pageup": "pgup",
    "pagedown": "pgdn",
}
# A plus sign joins two keys; one that nothing follows is the key itself.
_JOINT = re.compile(r"\+(?=.)")


def chord(words: str) -> tuple[str, ...]:
    """The keys that are pressed together, in this order.

    :param words: names and characters joined by plus signs, ``ctrl+shift+esc``; small and capital letters are the same.
    :raises UsageError: one of them is no key.
    """
    keys: list[str] = []
    for word in _JOINT.split(words):
        name = word.lower()
        keys += [_NAMES[name]] if name in _NAMES else _stroke(name, words)
    return tuple(dict.fromkeys(keys))


def strokes(text: str) -> list[tuple[str, ...]]:
    """The keys that are pressed together for each character of a text, one after another.

    :raises UsageError: a character is not on a US keyboard.
    """
    return [tuple(_stroke(character, text)) for character in text.replace("\r\n", "\n")]


def _stroke(character: str, whole: str) -> list[str]:
    if character in _SHIFTED:
        return ["shift", *_stroke(_SHIFTED[character], whole)]
    if len(character) == 1 and character in string.ascii_letters:
        return ["shift", character.lower()] if character.isupper() else [character]
    if len(character) == 1 and character in string.digits:
        return [character]
    if character in _UNSHIFTED:
        return [_UNSHIFTED[character]]
    raise UsageError(
        f"{character!r} in {whole!r} is no key of a US keyboard; named keys are {', '.join(sorted(_NAMES))}"
    )
