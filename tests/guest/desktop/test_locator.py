"""Controls are found anew at each use, exactly one, and waited for."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from pytest_smolvm import expect
from pytest_smolvm.errors import DesktopError, NoDesktop, TimedOut, UsageError
from pytest_smolvm.guest.desktop import search
from pytest_smolvm.guest.desktop.controls import Control
from pytest_smolvm.guest.desktop.desktop import Desktop
from pytest_smolvm.guest.desktop.helper import DesktopHelper
from pytest_smolvm.guest.desktop.locator import Locator
from pytest_smolvm.guest.desktop.unreachable import ConsentPrompt, DesktopLocked, HigherIntegrity, ProviderHung
from pytest_smolvm.guest.desktop.window import Window
from pytest_smolvm.guest.screen.baselines import Baselines
from pytest_smolvm.guest.trail import Deed
from tests.guest.desktop.conftest import PLACE, WINDOW, Said

SHORT = 0.3
HERE = ["10", "20", "100", "30"]


@pytest.mark.parametrize(
    ("words", "handle"),
    [
        ({"automation_id": 101}, 18),
        ({"name": "Name:", "control_type": "edit"}, 18),
        ({"name": re.compile("^Sma")}, 20),
        ({"name": "R&D"}, 21),
    ],
)
def test_a_control_is_found(window: Window, words: dict[str, str], handle: int) -> None:
    assert handle == window.get_by(**words).state().handle


def test_steps_are_joined(window: Window) -> None:
    small = window.get_by(name="Size").get_by(control_type="RadioButton")

    assert 20 == small.state().handle
    assert "window(title='Ordering').get_by(name='Size').get_by(control_type='RadioButton')" == repr(small)
    assert 0 == window.get_by(name="Size").get_by(control_type="Button").count()


def test_several_are_an_error_that_lists_them_unless_one_is_chosen(window: Window) -> None:
    same = window.get_by(name="Same")

    with pytest.raises(
        DesktopError, match=r'2 match, choose by nth.*\n- Button "Same" at \(10, 20, 100, 30\)\n- Button'
    ):
        same.click()
    assert (2, 22, 23) == (same.count(), same.nth(0).state().handle, same.nth(-1).state().handle)
    with pytest.raises(TimedOut, match="there is none"):
        same.nth(2).click(timeout=SHORT)


def test_what_never_comes_is_told_with_what_there_is(window: Window) -> None:
    with pytest.raises(TimedOut, match=r'there is none\n- Window "Ordering"') as error:
        window.get_by(name="Cancel").click(timeout=SHORT)

    assert SHORT == error.value.seconds


def test_nothing_asked_for_is_refused(window: Window, desktop: Desktop) -> None:
    with pytest.raises(UsageError, match="needs one of"):
        window.get_by()
    with pytest.raises(UsageError, match="needs one of"):
        desktop.window()


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (Locator.click, ["click", "18", *HERE, "left", "1"]),
        (Locator.double_click, ["click", "18", *HERE, "left", "2"]),
        (Locator.right_click, ["click", "18", *HERE, "right", "1"]),
        (Locator.focus, ["focus", "18", *HERE]),
        (lambda edit: edit.fill("ä\n"), ["fill", "18", *HERE, "ä\n"]),
        (lambda edit: edit.type("a\r\nb"), ["type", "18", *HERE, "a\nb"]),
        (lambda edit: edit.press("ctrl+A"), ["press", "18", *HERE, "17 65"]),
        (lambda edit: edit.select("Red"), ["select", "18", *HERE, "Red"]),
    ],
)
def test_actions_are_done_where_the_control_was_seen(
    window: Window, said: Said, action: object, words: list[str]
) -> None:
    assert callable(action)
    action(window.get_by(automation_id=101))

    assert [words] == said.done


def test_an_action_waits_until_it_can_be_done(window: Window, said: Said) -> None:
    said.refusals = [
        {"refused": "not now", "reason": "it moves"},
        {"refused": "gone", "reason": "the window was closed"},
    ]
    window.get_by(automation_id=101).click()

    assert 3 == len(said.done)


def test_an_action_that_can_never_be_done_is_an_error_at_once(window: Window, said: Said) -> None:
    said.refusals = [{"refused": "never", "reason": "it has made something else of it: abc"}]

    with pytest.raises(DesktopError, match=r"^fill window.*: it has made something else of it: abc$"):
        window.get_by(automation_id=101).fill("abcd")


def test_a_program_that_does_not_answer_is_a_time_out(window: Window, said: Said) -> None:
    said.refusals = [{"refused": "silent", "reason": "the window's program does not answer"}]

    with pytest.raises(TimedOut, match="does not answer"):
        window.get_by(automation_id=101).click()


def test_the_reason_why_not_is_told(window: Window, said: Said) -> None:
    said.refusals = [{"refused": "not now", "reason": "it is disabled"}] * 1000

    with pytest.raises(TimedOut, match=r"click on window.*: not within 0.3 s; last seen: it is disabled\n- Window"):
        window.get_by(automation_id=9).click(timeout=SHORT)


def test_a_box_is_clicked_once_and_has_to_change(window: Window, said: Said) -> None:
    small = window.get_by(name="Small")
    with pytest.raises(TimedOut, match="clicked on, and stays as it was"):
        small.check(timeout=SHORT)
    small.uncheck()

    assert 1 == len(said.done)


def test_only_boxes_are_checked(window: Window) -> None:
    with pytest.raises(DesktopError, match="it is a Edit"):
        window.get_by(automation_id=101).check()


def test_readings(window: Window) -> None:
    edit = window.get_by(automation_id=101)

    assert ("Ada", "Ada", PLACE["left"]) == (edit.text(), edit.value(), edit.rectangle().left)
    assert [20] == [child.handle for child in window.get_by(name="Size").children()]
    assert "Ordering" == window.title()


def test_a_state_is_waited_for(window: Window, said: Said) -> None:
    looks: list[Control] = []

    def third(control: Control) -> bool:
        looks.append(control)
        return len(looks) == 3

    assert 18 == window.get_by(automation_id=101).wait_until(third).handle
    with pytest.raises(TimedOut, match="it is not full"):
        window.get_by(automation_id=101).wait_until(lambda _: False, timeout=SHORT, what="full")


def test_keys_that_there_are_not_and_texts_with_a_nul_are_refused(window: Window) -> None:
    with pytest.raises(UsageError, match="no key"):
        window.press("ctrl+nonsense")
    with pytest.raises(UsageError, match="NUL"):
        window.type("a\0b")


@pytest.mark.parametrize("process", [7, "app.exe", "APP"])
def test_windows_by_process_and_class(desktop: Desktop, process: int | str) -> None:
    assert "Ordering" == desktop.window(process=process, class_name="dialog").title()
    assert 0 == desktop.window(process=process, class_name="other").get_by(name="Same").count()


def test_a_window_that_is_not_there_is_told_with_those_that_are(desktop: Desktop) -> None:
    with pytest.raises(TimedOut, match=r'these windows:\n- "Ordering" \[class=Dialog, process=7 App.exe\]'):
        desktop.window(title="Question").title(timeout=SHORT)


def test_several_windows_are_an_error(desktop: Desktop, said: Said) -> None:
    said.windows.append(WINDOW | PLACE | {"handle": 99})

    with pytest.raises(DesktopError, match=r"2 match:\n- "):
        desktop.window(title="Ordering").title()


def test_a_window_that_was_listed_is_that_one_for_ever(desktop: Desktop, said: Said) -> None:
    (listed,) = desktop.windows()
    said.windows = [WINDOW | PLACE | {"handle": 99}]

    with pytest.raises(DesktopError, match="is closed; there are:"):
        listed.title()


def test_a_desktop_that_cannot_be_reached_is_an_error_and_no_empty_list(desktop: Desktop, said: Said) -> None:
    said.windows.clear()
    assert [] == desktop.windows()

    desktop = Desktop(DesktopHelper(_Unreachable()), lambda words: pytest.fail(str(words)), Baselines(), pytest.fail)
    with pytest.raises(NoDesktop, match="cannot be reached: PowerShell runs in session 0, the screen shows session 1"):
        desktop.windows()


@pytest.mark.parametrize(
    ("refused", "about", "kind"),
    [
        ("no desktop", "", NoDesktop),
        ("no desktop", "locked", DesktopLocked),
        ("no desktop", "consent", ConsentPrompt),
        ("no desktop", "integrity", HigherIntegrity),
        ("silent", "", TimedOut),
        ("silent", "provider", ProviderHung),
    ],
)
def test_why_a_desktop_cannot_be_reached_is_an_error_of_its_own(
    window: Window, said: Said, refused: str, about: str, kind: type[Exception]
) -> None:
    said.unseen = {"refused": refused, "reason": "so it is", "about": about}
    with pytest.raises(kind, match="so it is") as error:
        window.get_by(automation_id=101).click()
    said.unseen, said.refusals = {}, [{"refused": refused, "reason": "so it is", "about": about}]
    with pytest.raises(kind, match="so it is") as later:
        window.get_by(automation_id=101).click()

    assert kind is type(error.value) is type(later.value)


class _Unreachable(Said):
    def _said(self, words: list[str]) -> dict[str, Any]:
        return {"refused": "no desktop", "reason": "PowerShell runs in session 0, the screen shows session 1"}


def test_a_window_that_cannot_be_asked_any_more_does_not_make_an_empty_list_of_windows(
    desktop: Desktop, said: Said
) -> None:
    (listed,) = desktop.windows()
    said.gone = True

    with pytest.raises(DesktopError, match=r"it was closed"):
        listed.title(timeout=SHORT)
    said.windows = [WINDOW | PLACE | {"handle": 99}]
    with pytest.raises(DesktopError, match=r'it is closed; there are:\n- "Ordering"'):
        listed.title(timeout=SHORT)


@pytest.mark.parametrize(
    ("patience", "told"),
    [(0.0, "the window's program does not answer; before that, it is disabled"), (9.0, "it is disabled")],
)
def test_that_a_program_hangs_is_told_before_what_was_seen_earlier(
    window: Window, said: Said, monkeypatch: pytest.MonkeyPatch, patience: float, told: str
) -> None:
    """If it was asked for long enough to say so."""
    monkeypatch.setattr(search, "SILENCE_SECONDS", patience)

    def hang() -> None:
        said.unseen = {"refused": "silent", "reason": "the window's program does not answer"}

    said.refusals = [{"refused": "not now", "reason": "it is disabled"}] * 1000
    attempts: list[Callable[[], object]] = [window.get_by(automation_id=101).click, lambda: window.drag_to(window)]
    for attempt in attempts:
        said.unseen.clear()
        said.looks = [lambda: None, lambda: None, lambda: None, lambda: None, hang]
        with pytest.raises(TimedOut, match=f"last seen: {told}"):
            attempt()


def test_the_library_is_compiled_anew_outside_of_deadlines_once_its_system_has_ended(
    window: Window, helper: DesktopHelper, said: Said
) -> None:
    edit = window.get_by(automation_id=101)
    edit.click()
    said.asked.clear()
    helper.forget()
    uses: list[Callable[[], object]] = [
        *(edit.click, edit.count, expect(edit).to_be_visible),
        lambda: edit.drag_to(edit),
    ]
    for use in uses:
        helper.forget()
        said.asked.clear()
        use()
        assert (["look", "0"], ["look", "16"]) == (said.asked[0], said.asked[1])


def test_by_what_it_was_done_is_noted(window: Window, helper: DesktopHelper, said: Said) -> None:
    said.answers = [{"by": "Invoke"}]
    heard = Heard()
    with helper.trail.listening(heard):
        window.get_by(automation_id=101).click()

    assert ["Invoke"] == [step.details["by"] for step in heard.steps]


class Heard:
    def __init__(self) -> None:
        self.steps: list[Deed] = []

    def begins(self, step: Deed) -> None:
        pass

    def ends(self, step: Deed) -> None:
        self.steps.append(step)


def test_what_is_in_view_and_cannot_be_scrolled_stays_where_it_is(window: Window, said: Said) -> None:
    window.get_by(automation_id=101).scroll_into_view()
    said.controls[2]["width"] = 0
    with pytest.raises(TimedOut, match="it is out of view, and nothing scrolls to it"):
        window.get_by(automation_id=101).scroll_into_view(timeout=SHORT)

    assert [] == said.done


def test_a_window_that_comes_anew_is_found_anew(window: Window, said: Said) -> None:
    assert 16 == window.state().handle
    said.windows[0], said.controls = said.windows[0] | {"handle": 40}, [said.controls[0] | {"handle": 40}]

    assert 40 == window.state().handle


def test_a_window_that_is_closed_while_it_is_looked_at_is_not_there(window: Window, said: Said) -> None:
    """What is left of its controls is not taken for it."""
    del said.controls[0]

    with pytest.raises(TimedOut, match="it was closed"):
        window.state(timeout=SHORT)
