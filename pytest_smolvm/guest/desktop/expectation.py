"""What a test expects of a control or a window, waited for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import overload

from pytest_smolvm.errors import DesktopMismatch
from pytest_smolvm.guest.desktop.controls import Control
from pytest_smolvm.guest.desktop.kept_tree import KeptTree
from pytest_smolvm.guest.desktop.locator import Locator
from pytest_smolvm.guest.desktop.search import Scene
from pytest_smolvm.guest.desktop.spot_expectation import SpotExpectation
from pytest_smolvm.guest.desktop.spots import Spot
from pytest_smolvm.guest.desktop.waited import EXPECT_SECONDS, waited
from pytest_smolvm.guest.desktop.wanted import Words, fits
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.screen.region import Region
from pytest_smolvm.guest.trail import tells
from pytest_smolvm.host.waiting import Deadline, until

_LOOK_SECONDS = 0.1
# A new tree is kept when it has stood still for so long.
_SETTLED_SECONDS = 0.5


@overload
def expect(locator: Locator) -> Expectation: ...


@overload
def expect(locator: Spot) -> SpotExpectation: ...


def expect(locator: Locator | Spot) -> Expectation | SpotExpectation:
    """What is expected of a control or a window: ``expect(window.get_by(name="OK")).to_be_enabled()``.

    Of a text or a picture that is only seen: that it is visible or hidden, or how often it is seen.
    """
    return SpotExpectation(locator) if isinstance(locator, Spot) else Expectation(locator)


@tells(
    "desktop",
    lambda expectation: expectation._locator.search.place.helper.trail,
    lambda expectation: f"expect({expectation._locator!r})",
    waits=(
        "to_be_visible",
        "to_be_hidden",
        "to_be_enabled",
        "to_be_disabled",
        "to_be_focused",
        "to_be_checked",
        "not_to_be_checked",
        "to_be_selected",
        "to_have_text",
        "not_to_have_text",
        "to_have_value",
        "not_to_have_value",
        "to_have_count",
        "to_match_tree",
    ),
)
class Expectation:
    """Waits until what is expected is so, or fails the test. Time-outs are in seconds.

    All raise DesktopMismatch, which is an AssertionError and says what was seen last, and in which window; DesktopError
    if several match; NoDesktop.

    :param locator: what it is expected of.
    """

    def __init__(self, locator: Locator) -> None:
        self._locator = locator

    def to_be_visible(self, *, timeout: float = EXPECT_SECONDS) -> None:
        """It is there, and in view."""
        self._of_one("to_be_visible()", lambda control: _unless(control.visible, "it is out of view"), timeout)

    def to_be_hidden(self, *, timeout: float = EXPECT_SECONDS) -> None:
        """It is not there, as where its window is closed, or it is out of view."""

        def hidden(scene: Scene) -> str:
            control = scene.one(self._told("to_be_hidden()"))
            if control is None:
                return scene.none if scene.unread else ""
            return _unless(not control.visible, "it is visible")

        self._until("to_be_hidden()", hidden, timeout)

    def to_be_enabled(self, *, timeout: float = EXPECT_SECONDS) -> None:
        """It takes part, and so does all that it is in."""
        self._of_one("to_be_enabled()", lambda control: _unless(control.enabled, "it is disabled"), timeout)

    def to_be_disabled(self, *, timeout: float = EXPECT_SECONDS) -> None:
        """It takes no part, or something that it is in does not."""
        self._of_one("to_be_disabled()", lambda control: _unless(not control.enabled, "it is enabled"), timeout)

    def to_be_focused(self, *, timeout: float = EXPECT_SECONDS) -> None:
        """Keys go to it."""
        self._of_one("to_be_focused()", lambda control: _unless(control.focused, "keys do not go to it"), timeout)

    def to_be_checked(self, *, timeout: float = EXPECT_SECONDS) -> None:
        """It is a box or a radio button that is checked."""
        self._of_one("to_be_checked()", lambda control: _checked(control, True), timeout)

    def not_to_be_checked(self, *, timeout: float = EXPECT_SECONDS) -> None:
        """It is a box or a radio button that is not checked."""
        self._of_one("not_to_be_checked()", lambda control: _checked(control, False), timeout)

    def to_be_selected(self, *, timeout: float = EXPECT_SECONDS) -> None:
        """It is an item that is selected."""
        self._of_one("to_be_selected()", lambda control: _unless(control.selected, "it is not selected"), timeout)

    def to_have_text(self, text: Words, *, timeout: float = EXPECT_SECONDS) -> None:
        """This is its text, all of it; a compiled pattern has to be in it."""
        self._of_one(f"to_have_text({text!r})", lambda control: _text(text, control.text), timeout)

    def not_to_have_text(self, text: Words, *, timeout: float = EXPECT_SECONDS) -> None:
        """Its text is another; a compiled pattern is not in it."""
        self._of_one(f"not_to_have_text({text!r})", lambda control: _no_text(text, control.text), timeout)

    def to_have_value(self, value: Words, *, timeout: float = EXPECT_SECONDS) -> None:
        """This was entered or chosen."""
        self._of_one(f"to_have_value({value!r})", lambda control: _text(value, control.value), timeout)

    def not_to_have_value(self, value: Words, *, timeout: float = EXPECT_SECONDS) -> None:
        """Something else was entered or chosen."""
        self._of_one(f"not_to_have_value({value!r})", lambda control: _no_text(value, control.value), timeout)

    def to_have_count(self, count: int, *, timeout: float = EXPECT_SECONDS) -> None:
        """So many match; none do where the window is not there."""

        def counted(scene: Scene) -> str:
            matching = f"{len(scene.controls)} match"
            return _unless(len(scene.controls) == count, matching) or (scene.lack and f"{matching}; {scene.lack}")

        self._until(f"to_have_count({count})", counted, timeout)

    def to_match_tree(self, name: str, *, timeout: float = EXPECT_SECONDS) -> None:
        """It and all that is in it is as the file beside the test has it, line by line.

        With ``--smolvm-update-trees`` what does not match is written there once it stands still.

        :param name: a file's, relative to the directory of the test: ``"save.yaml"``.
        :raises UsageError: it is not the name of a YAML file.
        :raises TimedOut: it has to be written, and goes on changing.
        """
        kept, update = KeptTree(self._baselines, name), self._baselines.update_trees
        wanted = kept.text()

        def matches(control: Control) -> str:
            return _unless(str(control) == wanted, kept.difference(str(control)))

        if not update:
            self._of_one(f"to_match_tree({name!r})", matches, timeout)
            return
        with suppress(DesktopMismatch):
            self._of_one("", matches, 0.0)
            return
        kept.write(self._settled(name, timeout))

    @property
    def _baselines(self) -> Baselines:
        return self._locator.search.place.baselines

    def _settled(self, name: str, timeout: float) -> str:
        """Its tree, once it stands still."""
        last, since = "", Deadline(_SETTLED_SECONDS)

        def still() -> bool:
            nonlocal last, since
            seen = str(self._locator.state(timeout=timeout))
            if seen != last:
                last, since = seen, Deadline(_SETTLED_SECONDS)
            return since.passed

        until(f"a tree for {name} that stands still", still, timeout=timeout, interval=_LOOK_SECONDS)
        return last

    def _of_one(self, what: str, wrong: Callable[[Control], str], timeout: float) -> None:
        """Wait until it is there and nothing is wrong with it."""

        def look(scene: Scene) -> str:
            control = scene.one(self._told(what))
            return wrong(control) if control else scene.none

        self._until(what, look, timeout)

    def _until(self, what: str, wrong: Callable[[Scene], str], timeout: float) -> None:
        """Wait until nothing is wrong with what is seen.

        :param wrong: what is, in words; empty if nothing.
        """
        search = self._locator.search

        def met(deadline: Deadline, candidates: list[Region]) -> tuple[bool, str]:
            scene = search.look(deadline)
            candidates[:] = scene.places
            reason = wrong(scene)
            return not reason, f"{reason}\n{scene}"

        waited(search.place, self._told(what), met, timeout)

    def _told(self, what: str) -> str:
        return f"expect({self._locator!r}).{what}"


def _unless(right: bool | None, otherwise: str) -> str:
    return "" if right else otherwise


def _checked(control: Control, wanted: bool) -> str:
    if control.checked is wanted:
        return ""
    return "it is neither" if control.checked is None else "it is checked" if control.checked else "it is unchecked"


def _text(wanted: Words, text: str | None) -> str:
    if text is None:
        return "it has none that can be read"
    return _unless(fits(wanted, text), repr(text))


def _no_text(unwanted: Words, text: str | None) -> str:
    if text is None:
        return "it has none that can be read"
    return _unless(not fits(unwanted, text), repr(text))
