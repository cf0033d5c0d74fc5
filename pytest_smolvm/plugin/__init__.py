"""The pytest door: options, marker, fixtures."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import pytest

from pytest_smolvm.errors import HostError, SmolVMError, UsageError
from pytest_smolvm.plugin.options import TABLE, Setting, Settings, resolve

if TYPE_CHECKING:
    from pytest_smolvm.guest.spec import GuestSpec
    from pytest_smolvm.plugin.suite import Session
    from pytest_smolvm.vm import SmolVM

_MARKER = "windows_vm"
_MARKER_HELP = (
    "windows_vm(image=None, env_vars=None, memory=None, cpus=None, boot=None, boot_timeout=None, revert=False): "
    "what the test's Windows guest is to be. image names a configured image; a list of names runs the test on each. "
    "revert=True brings a guest shared by class, module or session back to its first state before every test."
)
_KEYWORDS = {"image", "env_vars", "memory", "cpus", "boot", "boot_timeout", "bus", "secure_boot", "revert"}
_SHARED = ("windows_vm_class", "windows_vm_module", "windows_vm_session")
_FIXTURES = {"windows_vm", "windows_vm_factory", *_SHARED}
_NO_IMAGE = "no Windows image is configured: give --smolvm-image FILE.qcow2, or --smolvm-image practice"
_SETTINGS = pytest.StashKey[Settings]()
_SESSION = pytest.StashKey["Session"]()
_CONSOLE = pytest.StashKey["_Console"]()
_NEXT = pytest.StashKey["pytest.Item | None"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option, ini key and environment variable per row of the settings' table."""
    group = parser.getgroup("smolvm", "Windows guests (pytest-smolvm)")
    for setting in TABLE:
        also = f"{setting.help} [ini: {setting.key}, environment: {setting.variable}]"
        if not setting.secret:
            action = "append" if setting.many else "store"
            group.addoption(
                setting.option, dest=setting.key, action=action, default=None, metavar=_metavar(setting), help=also
            )
        parser.addini(setting.key, also, type="linelist" if setting.many else "string", default=None)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker and resolve the settings."""
    config.addinivalue_line("markers", _MARKER_HELP)
    _settings(config)
    _console(config)


def _settings(config: pytest.Config) -> Settings:
    if _SETTINGS not in config.stash:
        try:
            config.stash[_SETTINGS] = resolve(
                lambda s: config.getoption(s.key, None), lambda s: config.getini(s.key), os.environ
            )
        except UsageError as exc:
            raise pytest.UsageError(str(exc)) from exc
    return config.stash[_SETTINGS]


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing running."""
    session = config.stash.get(_SESSION, None)
    if session is not None:
        session.close()


def pytest_report_header(config: pytest.Config) -> str | None:
    """Image, accelerator and QEMU's version, if an image is configured."""
    if not _settings(config).image:
        return None
    try:
        return _session(config).header()
    except SmolVMError as exc:
        return f"smolvm: {exc}"


@pytest.hookimpl(optionalhook=True, tryfirst=True)  # xdist itself answers, too
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """With ``-n auto``, as many workers as guests and processors there are. Comes before `pytest_configure`."""
    if not _settings(config).image or "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    try:
        return min(os.cpu_count() or 1, _session(config).room)
    except SmolVMError:
        return None  # the tests themselves say what is wrong


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test on each image that it or the configuration names."""
    if not _FIXTURES.intersection(metafunc.fixturenames):
        return
    names = _marks(metafunc.definition).get("image") or list(_settings(metafunc.config).image)
    if isinstance(names, (list, tuple)) and len(names) > 1:
        metafunc.parametrize("smolvm_image", names, indirect=True, scope="session")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Bring shared guests back to their first state where the marker asks for it."""
    session = item.config.stash.get(_SESSION, None)
    if session is None or not {**session.suite_wants, **_marks(item)}.get("revert"):
        return
    for name in _SHARED:
        if name in getattr(item, "fixturenames", ()) and name in session.shared:
            session.shared[name].revert()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
    """Note who comes next, for whom a guest may be restored meanwhile."""
    item.stash[_NEXT] = nextitem
    _console(item.config).pytest_writes()
    yield


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """While the test runs, its successor's guest is restored."""
    session, upcoming = item.config.stash.get(_SESSION, None), item.stash.get(_NEXT, None)
    if session is None or upcoming is None or "windows_vm" not in getattr(upcoming, "fixturenames", ()):
        return
    try:
        session.pool.expect(_spec(session, upcoming, _param(upcoming)))
    except SmolVMError:
        pass  # the successor meets the same error, and reports it


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Remember failures on the test and all that it is part of: their guests may be kept."""
    outcome: Any = yield
    _console(item.config).pytest_writes()
    if outcome.get_result().failed and _SESSION in item.config.stash:
        from pytest_smolvm.plugin.suite import FAILED

        for node in item.listchain():
            node.stash[FAILED] = True


@pytest.fixture(scope="session")
def windows_vm_spec() -> Mapping[str, Any]:
    """Override it to say what every guest of the suite is to be: a dict of the marker's keywords but image, e.g. {"memory": 8192}."""
    return {}


@pytest.fixture(scope="session")
def smolvm_image(request: pytest.FixtureRequest) -> str | None:
    """The name of the image a test runs on; parametrized where there are several."""
    names = _settings(request.config).image
    return getattr(request, "param", next(iter(names), None))


@pytest.fixture(scope="session")
def _smolvm(request: pytest.FixtureRequest, windows_vm_spec: Mapping[str, Any]) -> Session:
    session = _session(request.config)
    session.suite_wants = _suite_wants(windows_vm_spec)
    return session


@pytest.fixture
def windows_vm(request: pytest.FixtureRequest, _smolvm: Session, smolvm_image: str | None) -> Iterator[SmolVM]:
    """A fresh Windows guest for this test: booted, logged in, thrown away afterwards. See the marker windows_vm."""
    yield from _shared_guest(request, _smolvm, smolvm_image)


@pytest.fixture(scope="class")
def windows_vm_class(request: pytest.FixtureRequest, _smolvm: Session, smolvm_image: str | None) -> Iterator[SmolVM]:
    """A Windows guest that the tests of a class share; the class's windows_vm marker says what it is to be."""
    yield from _shared_guest(request, _smolvm, smolvm_image)


@pytest.fixture(scope="module")
def windows_vm_module(request: pytest.FixtureRequest, _smolvm: Session, smolvm_image: str | None) -> Iterator[SmolVM]:
    """A Windows guest that the tests of a module share; the module's windows_vm marker says what it is to be."""
    yield from _shared_guest(request, _smolvm, smolvm_image)


@pytest.fixture(scope="session")
def windows_vm_session(request: pytest.FixtureRequest, _smolvm: Session, smolvm_image: str | None) -> Iterator[SmolVM]:
    """A Windows guest that all tests share; the fixture windows_vm_spec says what it is to be."""
    yield from _shared_guest(request, _smolvm, smolvm_image)


@pytest.fixture
def windows_vm_factory(
    request: pytest.FixtureRequest, _smolvm: Session, smolvm_image: str | None
) -> Iterator[Callable[..., list[SmolVM]]]:
    """Several Windows guests in one test: windows_vm_factory(count=2, memory=...) returns a list; all or none are granted."""
    with ExitStack() as stack:

        def make(count: int = 1, **wants: Any) -> list[SmolVM]:
            if count < 1:
                raise UsageError(f"count={count!r} must be at least 1")
            with _explained():  # here, for it is the test that calls this
                merged = {**_marks(request.node), **wants}
                spec = _smolvm.spec(_chosen(merged.pop("image", None), smolvm_image), merged)
                return stack.enter_context(_smolvm.guests([spec] * count, request))

        yield make


def _shared_guest(request: pytest.FixtureRequest, session: Session, image: str | None) -> Iterator[SmolVM]:
    with _explained():
        with session.guests([_spec(session, request.node, image)], request) as (vm,):
            session.shared[request.fixturename or ""] = vm
            try:
                yield vm
            finally:
                session.shared.pop(request.fixturename or "", None)


def _spec(session: Session, node: Any, image: str | None) -> GuestSpec:
    marks = _marks(node)
    return session.spec(_chosen(marks.pop("image", None), image), marks)


def _marks(node: Any) -> dict[str, Any]:
    """The keywords of the closest windows_vm marker."""
    mark = node.get_closest_marker(_MARKER)
    if mark is None:
        return {}
    who = f"marker windows_vm of {node.nodeid}"
    if mark.args:
        _refused(who, f"give keywords, not {mark.args[0]!r}")
    return _checked(who, mark.kwargs)


def _checked(who: str, wants: object) -> dict[str, Any]:
    """What somebody wants of a guest, if it is said in the keywords there are."""
    if not isinstance(wants, Mapping):
        _refused(who, f"give a dict of keywords, not {wants!r}")
    unknown = sorted(str(name) for name in set(wants) - _KEYWORDS)
    if unknown:
        _refused(who, f"unknown: {', '.join(unknown)}")
    return dict(wants)


def _refused(who: str, wrong: str) -> NoReturn:
    raise UsageError(f"{who}: {wrong}; possible are {', '.join(sorted(_KEYWORDS))}")


def _suite_wants(wants: object) -> dict[str, Any]:
    """What the fixture windows_vm_spec says."""
    who = "fixture windows_vm_spec"
    checked = _checked(who, wants)
    if "image" in checked:
        raise UsageError(
            f"{who}: image makes no sense in it; --smolvm-image names the suite's images, the marker windows_vm a test's"
        )
    return checked


def _chosen(marked: Any, image: str | None) -> str:
    """The image's name: what the marker says, unless it names several, of which the parameter is one."""
    if isinstance(marked, str):
        return marked
    if isinstance(marked, (list, tuple)) and len(marked) == 1:
        return str(marked[0])
    if image is None:
        raise HostError(_NO_IMAGE)
    return image


def _param(item: Any) -> str | None:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    name: str | None = parameters.get("smolvm_image", next(iter(_settings(item.config).image), None))
    return name


def _session(config: pytest.Config) -> Session:
    if _SESSION not in config.stash:
        from pytest_smolvm.plugin.suite import Session  # here, since a suite without an image must not pay for it

        config.stash[_SESSION] = Session(config, _settings(config), _console(config).say)
    return config.stash[_SESSION]


class _Console:
    """Lines on the terminal, whatever pytest captures meanwhile.

    Guests are restored, and images built, while tests run whose output is captured. To suspend capturing for a line of ours
    would tear a piece out of a test's output, so the lines go to the standard error stream as it was before.

    :param worker: the name of the xdist worker that this process is; empty if it is none.
    """

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._stream, self._close = _uncaptured_stderr()
        self._after_own_line = False
        self._lock = threading.Lock()

    def say(self, line: str) -> None:
        """Write a line of its own; nothing once the run has ended."""
        with self._lock:
            if self._stream is not None:
                start = "" if self._after_own_line else "\n"
                self._stream.write(f"{start}smolvm{f' [{self._worker}]' if self._worker else ''}: {line}\n")
                self._stream.flush()
                # What pytest writes between two lines of a worker is written by another process.
                self._after_own_line = not self._worker

    def pytest_writes(self) -> None:
        """Say that pytest is about to write something that the next line must not be glued to."""
        self._after_own_line = False

    def close(self) -> None:
        """Write nothing any more."""
        with self._lock:
            self._stream = None
            self._close()


def _uncaptured_stderr() -> tuple[TextIO | None, Callable[[], object]]:
    """The standard error stream, unaffected by what pytest will put in its place, and what closes it."""
    stream = sys.stderr
    try:
        copy = open(os.dup(stream.fileno()), "w", encoding=stream.encoding, errors="backslashreplace")
    except (AttributeError, OSError, ValueError):  # there is none, or one without a descriptor, as in pytester's runs
        return stream, lambda: None
    return copy, copy.close


def _console(config: pytest.Config) -> _Console:
    """The run's console, made before pytest captures anything: while plugins are configured."""
    if _CONSOLE not in config.stash:
        config.stash[_CONSOLE] = _Console(getattr(config, "workerinput", {}).get("workerid", ""))
        config.add_cleanup(config.stash[_CONSOLE].close)
    return config.stash[_CONSOLE]


@contextmanager
def _explained() -> Iterator[None]:
    """A host that cannot run guests, or no image to run: no reason to fail, but one to say why nothing was tested."""
    try:
        yield
    except HostError as exc:
        pytest.skip(str(exc))


def _metavar(setting: Setting) -> str:
    if setting.choices:
        return "{" + ",".join(setting.choices) + "}"
    return {"image": "IMAGE", "store": "DIR", "ssh-user": "NAME", "boot-timeout": "SECONDS"}.get(setting.name, "N")
