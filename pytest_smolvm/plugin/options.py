"""Settings of a test run: one table, resolved in one place as option, then environment, then ini key, then default."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.spec import DEFAULT_BOOT_TIMEOUT, DEFAULT_CPUS, DEFAULT_MEMORY
from pytest_smolvm.host.store import default_root

PRACTICE = "practice"
KEEP = ("never", "failed", "always")
BOOT = ("clone", "cold")


@dataclass(frozen=True)
class Setting:
    """One row of the table: the option ``--smolvm-NAME``, ini key ``smolvm_NAME``, variable ``SMOLVM_NAME``."""

    name: str
    help: str
    parse: Callable[[str], Any] = str
    default: Any = None
    many: bool = False
    """It may be given several times; in the environment the values are separated by semicolons."""
    secret: bool = False
    """No option: other users of the host could read it off the command line."""
    choices: tuple[str, ...] = ()

    @property
    def option(self) -> str:
        """The command line option."""
        return f"--smolvm-{self.name}"

    @property
    def key(self) -> str:
        """The ini key, also the option's destination."""
        return f"smolvm_{self.name.replace('-', '_')}"

    @property
    def variable(self) -> str:
        """The environment variable."""
        return self.key.upper()


def _whole(text: str) -> int:
    return int(text)


def _seconds(text: str) -> float:
    return float(text)


TABLE = (
    Setting("image", "golden image: a path, NAME=PATH, or 'practice'; repeatable, tests then run on each", many=True),
    Setting("memory", f"MiB of RAM per guest (default {DEFAULT_MEMORY}; practice image 1024)", _whole),
    Setting("cpus", f"processors per guest (default {DEFAULT_CPUS})", _whole, DEFAULT_CPUS),
    Setting(
        "boot",
        "how a guest comes up: clone restores a template baked once per host, cold boots from firmware",
        str,
        "clone",
        choices=BOOT,
    ),
    Setting(
        "boot-timeout",
        f"seconds from power-on to a login (default {DEFAULT_BOOT_TIMEOUT:g})",
        _seconds,
        DEFAULT_BOOT_TIMEOUT,
    ),
    Setting(
        "keep", "keep the disk and logs of guests: never (default), failed tests' or always", str, "never", choices=KEEP
    ),
    Setting(
        "max-guests",
        "most guests alive at once on this host, all runs together (default: as many as memory holds)",
        _whole,
    ),
    Setting(
        "store", "directory of images, templates and run directories (default: $SMOLVM_HOME or the user's cache)", Path
    ),
    Setting("ssh-user", "account in the guest (default smolvm)", str, "smolvm"),
    Setting("ssh-password", "its password (default smolvm)", str, "smolvm", secret=True),
)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a run is to do, resolved."""

    image: Mapping[str, Path | None] = field(default_factory=dict)
    """Names and paths of images in the order given; the practice image has no path yet."""
    memory: int | None = None
    cpus: int = DEFAULT_CPUS
    boot: str = "clone"
    boot_timeout: float = DEFAULT_BOOT_TIMEOUT
    keep: str = "never"
    max_guests: int | None = None
    store: Path = Path()
    ssh_user: str = "smolvm"
    ssh_password: str = field(default="smolvm", repr=False)


def resolve(
    option: Callable[[Setting], Any], ini: Callable[[Setting], Any], environ: Mapping[str, str] = os.environ
) -> Settings:
    """The settings of a run.

    :param option: what the command line says about a setting, None if nothing.
    :param ini: what the configuration file says, None if nothing.
    :raises UsageError: a value that makes no sense; the message says where it came from.
    """
    found: dict[str, Any] = {}
    for setting in TABLE:
        value, origin = _raw(setting, option, ini, environ)
        found[setting.key.removeprefix("smolvm_")] = (
            setting.default if value is None else _parsed(setting, value, origin)
        )
    found["image"] = images(found["image"] or ())
    found["store"] = found["store"] or default_root(environ)
    return Settings(**found)


def images(words: Sequence[str]) -> dict[str, Path | None]:
    """Names and paths out of ``PATH``, ``NAME=PATH`` and ``practice``.

    :raises UsageError: a name twice, or an empty one.
    """
    found: dict[str, Path | None] = {}
    for word in words:
        name, sign, path = word.partition("=")
        if not sign:
            name, path = (PRACTICE, "") if word == PRACTICE else (Path(word).stem, word)
        if not name or (not path and word != PRACTICE):
            raise UsageError(f"image {word!r}: expected a path, NAME=PATH or '{PRACTICE}'")
        if name in found:
            raise UsageError(f"two images are called {name!r}; name them apart with NAME=PATH")
        found[name] = Path(path).expanduser() if path else None
    return found


def _raw(
    setting: Setting, option: Callable[[Setting], Any], ini: Callable[[Setting], Any], environ: Mapping[str, str]
) -> tuple[Any, str]:
    if not setting.secret and (value := option(setting)) not in (None, []):
        return value, setting.option
    if value := environ.get(setting.variable):  # an empty one is how shells and CI files say that it is not set
        return (value.split(";") if setting.many else value), setting.variable
    value = ini(setting)
    return (None if value in (None, "", []) else value), setting.key


def _parsed(setting: Setting, value: Any, origin: str) -> Any:
    if setting.many:
        return list(value)
    try:
        parsed = setting.parse(value)
    except (ValueError, TypeError) as exc:
        shown = "the value" if setting.secret else repr(value)
        raise UsageError(f"{origin}: {shown} is not what it should be: {setting.help}") from exc
    if setting.choices and parsed not in setting.choices:
        raise UsageError(f"{origin}: {value!r} is not one of {', '.join(setting.choices)}")
    return parsed
