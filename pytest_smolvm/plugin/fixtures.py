"""The fixtures that give a test its guests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_smolvm.errors import HostError, SmolVMError, UsageError
from pytest_smolvm.plugin import stash, wants

if TYPE_CHECKING:
    from pytest_smolvm.guest.spec import GuestSpec
    from pytest_smolvm.plugin.suite import Suite
    from pytest_smolvm.vm import GuestFactory, SmolVM

SHARED = ("windows_vm_class", "windows_vm_module", "windows_vm_session")
"""Those whose guest several tests share."""
GUESTS = frozenset({"windows_vm", "windows_vm_factory", *SHARED})
"""Those that give guests."""


@pytest.fixture(scope="session")
def windows_vm_spec() -> Mapping[str, Any]:
    """Override it: defaults for guests of a suite or directory.

    They are the marker's keywords but image, as {"memory": 8192}.
    """
    return {}


@pytest.fixture(scope="session")
def smolvm_image(request: pytest.FixtureRequest) -> str | None:
    """The name of the image a test runs on; parametrized where there are several."""
    return getattr(request, "param", next(iter(stash.settings(request.config).image), None))


@pytest.fixture(scope="session")
def _smolvm(request: pytest.FixtureRequest) -> Suite:
    return stash.suite(request.config)


@pytest.fixture
def smolvm_artifacts(request: pytest.FixtureRequest, _smolvm: Suite) -> Path:
    """This test's directory below --smolvm-artifacts; what it puts there stays, whether it fails or not."""
    return _smolvm.results.directory(request.node)


@pytest.fixture
def windows_vm(
    request: pytest.FixtureRequest, _smolvm: Suite, smolvm_image: str | None, windows_vm_spec: Mapping[str, Any]
) -> Iterator[SmolVM]:
    """A fresh Windows guest for this test: booted, logged in, thrown away afterwards. See the marker windows_vm."""
    windows_vm_spec = wants.masked_wants(windows_vm_spec)
    yield from _guest(request, _smolvm, smolvm_image, windows_vm_spec)


@pytest.fixture(scope="class")
def windows_vm_class(
    request: pytest.FixtureRequest, _smolvm: Suite, smolvm_image: str | None, windows_vm_spec: Mapping[str, Any]
) -> Iterator[SmolVM]:
    """A Windows guest that the tests of a class share; the class's marker windows_vm configures it."""
    windows_vm_spec = wants.masked_wants(windows_vm_spec)
    yield from _guest(request, _smolvm, smolvm_image, windows_vm_spec)


@pytest.fixture(scope="module")
def windows_vm_module(
    request: pytest.FixtureRequest, _smolvm: Suite, smolvm_image: str | None, windows_vm_spec: Mapping[str, Any]
) -> Iterator[SmolVM]:
    """A Windows guest that the tests of a module share; the module's marker windows_vm configures it."""
    windows_vm_spec = wants.masked_wants(windows_vm_spec)
    yield from _guest(request, _smolvm, smolvm_image, windows_vm_spec)


@pytest.fixture(scope="session")
def windows_vm_session(
    request: pytest.FixtureRequest, _smolvm: Suite, smolvm_image: str | None, windows_vm_spec: Mapping[str, Any]
) -> Iterator[SmolVM]:
    """A Windows guest that all tests share; the windows_vm_spec that the first of them sees configures it."""
    windows_vm_spec = wants.masked_wants(windows_vm_spec)
    yield from _guest(request, _smolvm, smolvm_image, windows_vm_spec)


@pytest.fixture
def windows_vm_factory(
    request: pytest.FixtureRequest, _smolvm: Suite, smolvm_image: str | None, windows_vm_spec: Mapping[str, Any]
) -> Iterator[GuestFactory]:
    """Several Windows guests in one test: call it with count=2, memory=... for a list; all or none are granted."""
    windows_vm_spec = wants.masked_wants(windows_vm_spec)
    with ExitStack() as stack:

        def make(count: int = 1, **more: Any) -> list[SmolVM]:
            more = wants.masked_wants(more)
            if count < 1:
                raise UsageError(f"count={count!r} must be at least 1")
            with _explained(_smolvm):  # here, for it is the test that calls this
                if others := {*wants.IMAGES[1:]} & {*more}:
                    raise UsageError(f"windows_vm_factory: {min(others)} is for markers; give image=NAME")
                said = {**wants.marked(request.node), **more}
                name = wants.chosen(said.pop("image", None), smolvm_image)
                spec = _smolvm.spec(name, wants.of_suite(windows_vm_spec), said)
                guests = _smolvm.guests([spec] * count, request.node, "windows_vm_factory")
                return stack.enter_context(guests)[0]

        yield make


def image_of(item: pytest.Item) -> str | None:
    """The image a test is parametrized with, or the first that is configured."""
    parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    name: str | None = parameters.get("smolvm_image", next(iter(stash.settings(item.config).image), None))
    return name


def images_of(items: list[pytest.Item]) -> dict[pytest.Item, str]:
    """The image of each test that has a guest."""
    found: dict[pytest.Item, str] = {}
    for item in items:
        if GUESTS.intersection(getattr(item, "fixturenames", ())):
            with suppress(HostError):  # there is no image at all
                found[item] = wants.chosen(wants.marked(item).get("image"), image_of(item))
    return found


def expected(suite: Suite, item: pytest.Item) -> GuestSpec | None:
    """What the fixture ``windows_vm`` will ask for on behalf of a test that is still to come; None if nobody can say.

    A test's ``windows_vm_spec`` is that of the test before it in its file or directory, as far as anybody can tell. If
    it is another one, the spare is not what is asked for, and goes.

    :raises SmolVMError: the fixture will raise the same.
    """
    if "windows_vm" not in getattr(item, "fixturenames", ()) or (suite_wants := suite.foreseen(item.path)) is None:
        return None
    marks = wants.marked(item)
    name = wants.chosen(marks.pop("image", None), image_of(item))
    return suite.spec(name, suite_wants, marks) if suite.images.made(name) else None


def expect_next(suite: Suite, item: pytest.Item) -> None:
    """Have the guest made that the test after `item` is likely to ask for, if anybody can say which."""
    upcoming = item.stash.get(stash.NEXT, None)
    with suppress(SmolVMError, OSError):  # the successor meets the same error, and reports it
        if upcoming is not None and (spec := expected(suite, upcoming)):
            suite.pool.expect(spec)


def _guest(
    request: pytest.FixtureRequest, suite: Suite, image: str | None, suite_wants: Mapping[str, Any]
) -> Iterator[SmolVM]:
    """The guest of the fixture that `request` is about."""
    from pytest_smolvm.plugin.suite import Shared

    fixture = request.fixturename or ""
    with _explained(suite):
        suite_wants, marks = wants.of_suite(suite_wants), wants.marked(request.node)
        if fixture == "windows_vm":
            suite.foresee(request.node.path, suite_wants)
        spec = suite.spec(wants.chosen(marks.pop("image", None), image), suite_wants, marks)
        with suite.guests([spec], request.node, fixture) as ((vm,), evidence):
            if fixture == "windows_vm":
                expect_next(suite, request.node)
            shared = Shared(vm, evidence, image, bool(suite_wants.get("revert")))
            with suite.sharing(fixture, shared):
                yield vm


@contextmanager
def _explained(suite: Suite) -> Iterator[None]:
    """A host that cannot run guests, or no image to run: no reason to fail, but one to say why nothing was tested."""
    try:
        yield
    except HostError as exc:
        if suite.settings.require:
            raise
        pytest.skip(str(exc))
