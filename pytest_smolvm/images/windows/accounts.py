"""Windows' rules for account names, passwords, computer names and product keys; pure functions."""

from __future__ import annotations

import re

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest import spec

# SAM account names: 20 characters, and characters that NetUserAdd refuses ("User Name Formats", LocalAccounts/Name
# of Microsoft-Windows-Shell-Setup). "@" would be read as a domain suffix.
_NAME_MAX = 20
_NAME_ILLEGAL = set('"/\\[]:;|=,+*?<>@%')
# Accounts and principals that exist on every Windows, so that Setup cannot create them.
_RESERVED = {
    "administrator", "guest", "defaultaccount", "wdagutilityaccount", "system", "network", "local", "none", "service",
    "network service", "local service", "everyone", "administrators", "users", "guests", "defaultuser0", "localhost",
}  # fmt: skip
# The answer file's Password/Value takes 127 characters, the most that the logon screen can take as well.
_PASSWORD_MAX = 127
# "Password must meet complexity requirements": on by default on Windows Server.
_COMPLEX_LENGTH = 6
_COMPLEX_CLASSES = 3

# Accounts whose passwords are public because everybody who makes such images uses them: those of SmolVM's images, and
# that of Vagrant's boxes.
PUBLIC = (*spec.PUBLIC, ("vagrant", "vagrant"))

_COMPUTER = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,13}[A-Za-z0-9])?")
_KEY = re.compile(r"(?:[A-Z0-9]{5}-){4}[A-Z0-9]{5}")


def check_user(name: str, computer: str) -> None:
    """A local account that Setup can create.

    :raises UsageError: Windows refuses the name; the message says why.
    """
    if not name or len(name) > _NAME_MAX:
        raise UsageError(f"user name {name!r} has {len(name)} characters; Windows takes 1 to {_NAME_MAX}")
    illegal = sorted(c for c in set(name) if c in _NAME_ILLEGAL or ord(c) < 32)
    if illegal:
        raise UsageError(f"user name {name!r} contains {illegal[0]!r}, which Windows does not allow in an account name")
    if name != name.strip() or not name.strip(". ") or name.endswith("."):
        raise UsageError(f"user name {name!r} begins or ends with a space or a full stop, which Windows does not allow")
    if name.lower() in _RESERVED:
        raise UsageError(f"user name {name!r} is a built-in account or group of Windows; choose another")
    if name.lower() == computer.lower():
        raise UsageError(f"user name {name!r} is also the computer's name, which Windows does not allow")


def check_password(password: str) -> None:
    """A password with which Windows lets somebody in over the network. It is never part of the message.

    :raises UsageError: it is empty, too long or has characters that cannot be typed.
    """
    if not password:
        # LimitBlankPasswordUse: accounts without a password log on at the console only.
        raise UsageError("the password is empty; Windows refuses network logons, so also SSH, without a password")
    if len(password) > _PASSWORD_MAX:
        raise UsageError(f"the password has {len(password)} characters; Windows' logon takes at most {_PASSWORD_MAX}")
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) <= 0xDFFF or ord(c) in (0xFFFE, 0xFFFF) for c in password):
        raise UsageError(
            "the password contains a control character or half a surrogate pair; an answer file cannot hold it"
        )


def check_complexity(user: str, password: str) -> None:
    """Windows Server's default password policy.

    :raises UsageError: the password is too weak for it; the message says what it lacks.
    """
    if len(password) < _COMPLEX_LENGTH:
        raise UsageError(
            f"the password is too short for Windows Server's policy: at least {_COMPLEX_LENGTH} characters"
        )
    if len(user) > 2 and user.lower() in password.lower():
        raise UsageError("the password contains the user name, which Windows Server's policy does not allow")
    if _classes(password) < _COMPLEX_CLASSES:
        raise UsageError(
            "the password is too weak for Windows Server's policy:"
            " use three of capital letters, small letters, digits, others"
        )


def check_computer(name: str) -> None:
    """A NetBIOS computer name.

    :raises UsageError: Windows refuses it.
    """
    if not _COMPUTER.fullmatch(name) or name.isdigit():
        raise UsageError(
            f"computer name {name!r} is not 1 to 15 letters, digits or inner hyphens, or consists of digits only"
        )


def check_key(key: str) -> None:
    """A product key by its shape. It is never part of the message.

    :raises UsageError: it is not five groups of five.
    """
    if not _KEY.fullmatch(key):
        raise UsageError("the product key is not of the form XXXXX-XXXXX-XXXXX-XXXXX-XXXXX")


def _classes(password: str) -> int:
    kinds = {
        "upper" if c.isupper() else "lower" if c.islower() else "digit" if c.isdigit() else "other" for c in password
    }
    return len(kinds)
