"""Settings of a test run: one table, resolved in one place as option, then environment, then ini key, then default."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.spec import OPTION, SECRET, GuestSpec
from pytest_smolvm.host import patience
from pytest_smolvm.host.secret import Secret
from pytest_smolvm.plugin.image_words import absolute, images

if TYPE_CHECKING:
    import pytest

    from pytest_smolvm.plugin.image_table import Row

SCREENSHOT = ("off", "on", "only-on-failure")
RETAIN = ("off", "on", "retain-on-failure")
KEEP = ("never", "failed", "always")
_YES = ("1", "true", "yes", "on")
_NO = ("0", "false", "no", "off")


# What else a dataclass has, of these and of their methods, would cost every start of pytest.
@dataclass(frozen=True, eq=False, repr=False)
class Setting:
    """One row of the table: the option ``--smolvm-NAME``, ini key ``smolvm_NAME``, variable ``SMOLVM_NAME``."""

    name: str
    help: str
    parse: Callable[[str], Any] = str
    form: str = ""
    """What a value must be, for errors: "a number of MiB"."""
    metavar: str = ""
    choices: tuple[str, ...] = ()
    many: bool = False
    """It may be given several times; in the environment the values are separated by semicolons."""
    flag: bool = False
    """The option takes no value; ini key and variable say yes or no."""
    secret: bool = False
    """No option: other users of the host could read it off the command line."""
    ini_only: bool = False
    """Neither an option nor a variable: it belongs to the project."""

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


def _yes(text: str) -> bool:
    if text.lower() not in _YES + _NO:
        raise ValueError
    return text.lower() in _YES


def _size(text: str) -> float:
    if not 0 <= (size := float(text)) < float("inf"):
        raise ValueError
    return size


def _of(want: Field[Any]) -> Setting:
    """The setting with which a run wants something of every guest."""
    said = want.metadata
    parse, form = {
        "int": (int, f"a whole number of {said['unit']}"),
        "float": (float, f"a number of {said['unit']}"),
    }.get(str(want.type), (Secret if SECRET in said["where"] else str, "text"))
    several = "Sequence" in str(want.type)
    default = "" if want.default is MISSING else f" (default {want.default})"
    return Setting(
        want.name.replace("_", "-"),
        f"{said['help']}{default}",
        parse,
        form,
        said["unit"].upper() or ("RULE" if several else "NAME"),
        said["choices"],
        many=several,
        secret=SECRET in said["where"],
    )


WANTS = tuple(want for want in fields(GuestSpec) if {OPTION, SECRET} & set(want.metadata["where"]))
"""The fields of :class:`GuestSpec` that a run has settings for."""
TABLE = (
    Setting("images", "a table of golden images, a line each: NAME = PATH tags=A,B ...", many=True, ini_only=True),
    Setting(
        "image",
        "golden image: PATH, NAME=PATH, a name in smolvm_images, or 'practice'; repeatable: tests run on each",
        many=True,
    ),
    Setting("only", "run tests on this image alone: its name, or tag:NAME; repeatable", metavar="IMAGE", many=True),
    *map(_of, WANTS),
    Setting(
        "keep",
        "keep guests as they were, with disk and logs: never (default), of failed tests, or always",
        choices=KEEP,
    ),
    Setting(
        "artifacts",
        "directory of what failed tests leave: picture, what was run, logs (default: test-results/smolvm)",
        metavar="DIR",
    ),
    Setting(
        "screenshot",
        "pictures of guests' screens in there: off, on (of every test), only-on-failure (default)",
        choices=SCREENSHOT,
    ),
    Setting(
        "trace",
        "a page in there that shows all that a test did with its guests: off (default), on (of every test), "
        "retain-on-failure",
        choices=RETAIN,
    ),
    Setting(
        "video",
        "films of guests' screens in there: off (default), on (of every test), retain-on-failure",
        choices=RETAIN,
    ),
    Setting(
        "update-screens",
        "write what screen.expect_match sees as the new baseline",
        _yes,
        "yes or no",
        flag=True,
    ),
    Setting(
        "update-trees",
        "write what expect(window).to_match_tree sees as the new baseline",
        _yes,
        "yes or no",
        flag=True,
    ),
    Setting(
        "max-guests",
        "most guests alive at once, of all runs that share the store (default: as many as memory holds)",
        int,
        "a whole number",
        "N",
    ),
    Setting(
        "store",
        "directory of images, templates and run directories (default: $SMOLVM_HOME or the user's cache)",
        metavar="DIR",
    ),
    Setting(
        "store-limit",
        "GiB that templates and layers may take; what nobody used for longest goes at the end of a run (default: any)",
        _size,
        "a number of GiB",
        "GIB",
    ),
    Setting(
        "require",
        "fail instead of skipping where guests cannot run or no image is configured",
        _yes,
        "yes or no",
        flag=True,
    ),
)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Settings:
    """What a run is to do, resolved."""

    images: Mapping[str, Row] = field(default_factory=dict)
    """The table of images that the project may be tested on, by name."""
    image: Mapping[str, Path | None] = field(default_factory=dict)
    """Names and absolute paths of the images that tests run on whose markers name none; the first of the table if
    nobody says otherwise. The practice image has no path yet."""
    only: tuple[str, ...] = ()
    """Names, or tags with ``tag:`` before them, of those that the run is restricted to; empty for all."""
    wants: Mapping[str, Any] = field(default_factory=dict)
    """What is wanted of every guest: fields of :class:`GuestSpec`, those only that somebody has set."""
    keep: str = "never"
    artifacts: Path | None = None
    """None: ``test-results/smolvm`` in pytest's root directory."""
    screenshot: str = "only-on-failure"
    trace: str = "off"
    video: str = "off"
    update_screens: bool = False
    update_trees: bool = False
    max_guests: int | None = None
    store: Path | None = None
    """None: where :func:`pytest_smolvm.host.store.default_root` has it, once a store is needed."""
    store_limit: float | None = None
    """GiB; None for as much as there is room for."""
    require: bool = False

    @property
    def paths(self) -> dict[str, Path | None]:
        """All images there are, by name; those first that tests run on whose markers name none."""
        return {**self.image, **{name: row.path for name, row in self.images.items() if name not in self.image}}

    @property
    def tags(self) -> dict[str, frozenset[str]]:
        """The tags of all images there are, in the order in which tests run on them."""
        others = {name: frozenset[str]() for name in self.image if name not in self.images}
        return {**{name: row.tags for name, row in self.images.items()}, **others}


def add_options(parser: pytest.Parser) -> None:
    """One option, ini key and environment variable per row of the table."""
    group = parser.getgroup("smolvm", "Windows guests (pytest-smolvm)")
    for setting in TABLE:
        also = f"{setting.help} [ini: {setting.key}, environment: {setting.variable}]"
        if setting.ini_only:
            parser.addini(setting.key, setting.help, type="linelist", default=None)
            continue
        if setting.flag:
            group.addoption(setting.option, dest=setting.key, action="store_const", const="1", help=also)
        elif not setting.secret:
            metavar = "{" + ",".join(setting.choices) + "}" if setting.choices else setting.metavar or "IMAGE"
            action = "append" if setting.many else "store"
            group.addoption(setting.option, dest=setting.key, action=action, metavar=metavar, help=also)
        parser.addini(setting.key, also, type="linelist" if setting.many else "string", default=None)


def of(config: pytest.Config, environ: Mapping[str, str]) -> Settings:
    """The settings of pytest's run.

    :raises UsageError: as :func:`resolve` does.
    """
    return resolve(
        lambda setting: config.getoption(setting.key, None),
        lambda setting: config.getini(setting.key),
        environ,
        here=config.invocation_params.dir,
        ini_place=config.inipath.parent if config.inipath else config.rootpath,
    )


def resolve(
    option: Callable[[Setting], Any],
    ini: Callable[[Setting], Any],
    environ: Mapping[str, str],
    *,
    here: Path,
    ini_place: Path,
) -> Settings:
    """The settings of a run.

    :param option: what the command line says about a setting, None if nothing.
    :param ini: what the configuration file says, None if nothing.
    :param here: where pytest was started; relative paths in options and variables are relative to it.
    :param ini_place: where the configuration file is; those in it are relative to this.
    :raises UsageError: a value that makes no sense; the message says where it came from.
    """
    patience.scale(environ)
    found: dict[str, Any] = {}
    for setting in TABLE:
        value, origin = _said(setting, option, ini, environ)
        if value is not None:
            base = ini_place if origin == setting.key else here
            name = setting.key.removeprefix("smolvm_")
            if name == "image" and "images" in found:
                from pytest_smolvm.plugin.image_table import chosen

                found["image"], found["images"] = chosen(value, base, found["images"])
            else:
                found[name] = _parsed(setting, value, origin, base)
    wants = {want.name: found.pop(want.name) for want in WANTS if want.name in found}
    for name, row in list(found.get("images", {}).items())[:1]:
        found.setdefault("image", {name: row.path})
    settings = Settings(**found, wants=wants)
    if settings.only and settings.tags:
        from pytest_smolvm.plugin.image_table import select

        select(settings.only, settings.tags, "--smolvm-only")
    return settings


def _said(
    setting: Setting, option: Callable[[Setting], Any], ini: Callable[[Setting], Any], environ: Mapping[str, str]
) -> tuple[Any, str]:
    """What is said about a setting, None if nothing is, and the option, variable or key that says so."""
    if setting.ini_only:
        return ini(setting) or None, setting.key
    if not setting.secret and (value := option(setting)) not in (None, []):
        return value, setting.option
    if value := environ.get(setting.variable):  # an empty one is how shells and CI files say that it is not set
        return (value.split(";") if setting.many else value), setting.variable
    value = ini(setting)
    return (None if value in ("", []) else value), setting.key


def _parsed(setting: Setting, value: Any, origin: str, base: Path) -> Any:
    if setting.name == "images":
        from pytest_smolvm.plugin.image_table import table  # here, since most runs have none

        return table(value, lambda word: absolute(word, base))
    if setting.name == "image":
        return images(value, base)
    if setting.name == "only":
        return tuple(value)
    if setting.many:
        return _reach(value, origin)
    if setting.choices and value not in setting.choices:
        raise UsageError(f"{origin}: {value!r} is not one of {', '.join(setting.choices)}")
    if setting.metavar == "DIR":
        return absolute(value, base)
    try:
        return setting.parse(value)
    except (ValueError, TypeError) as exc:
        shown = "the value" if setting.secret else repr(value)
        raise UsageError(f"{origin}: {shown} is not {setting.form}") from exc


def _reach(words: Sequence[str], origin: str) -> str | tuple[str, ...]:
    """What a guest may reach, out of a word or rules that were given one by one."""
    from pytest_smolvm.machine.network import WORDS, network

    try:
        return network(words[0] if len(words) == 1 and words[0] in WORDS else words).wanted
    except UsageError as exc:
        raise UsageError(f"{origin}: {exc}") from exc
