"""What is expected of a control is waited for, and the error says what was wanted and what was seen."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_smolvm import DesktopError, DesktopMismatch, NoDesktop, UsageError, expect
from pytest_smolvm.guest.desktop import search
from pytest_smolvm.guest.desktop.desktop import Desktop
from pytest_smolvm.guest.desktop.expectation import Expectation
from pytest_smolvm.guest.desktop.window import Window
from pytest_smolvm.guest.screen.baselines import Baselines
from tests.guest.desktop.conftest import Said, control, root

SHORT = 0.3
TREE = """\
- Window "Ordering" [class=x]
  - Button "OK"
"""

BOX = {"name": "Agree"}
NAME = {"automation_id": "101"}
SECRET = {"automation_id": "102"}
OK = {"name": "OK"}
HIDDEN = {"name": "Out of view"}
ABSENT = {"name": "Absent"}
SAME = {"name": "Same"}
Check = Callable[[Expectation], None]


@pytest.fixture
def said() -> Said:
    return Said(
        control(18, "Edit", text="Ada", id=101, focused=True),
        control(19, "Edit", text=None, id=102),
        control(20, "CheckBox", text="Agree", checked=1),
        control(21, "CheckBox", text="Grey", checked=2),
        control(22, "Button", text="OK", enabled=False),
        control(23, "Button", text="Out of view", width=0),
        control(24, "Button", text="Same"),
        control(25, "Button", text="Same"),
    )


@pytest.mark.parametrize(
    ("words", "check"),
    [
        (NAME, lambda name: name.to_be_visible()),
        (HIDDEN, lambda button: button.to_be_hidden()),
        (ABSENT, lambda button: button.to_be_hidden()),
        (NAME, lambda name: name.to_be_enabled()),
        (OK, lambda button: button.to_be_disabled()),
        (NAME, lambda name: name.to_be_focused()),
        (BOX, lambda box: box.to_be_checked()),
        (NAME, lambda name: name.to_have_text("Ada")),
        (NAME, lambda name: name.not_to_have_text("Ad")),
        (NAME, lambda name: name.to_have_value(re.compile("^A"))),
        (NAME, lambda name: name.not_to_have_value("Grace")),
        (SAME, lambda same: same.to_have_count(2)),
        (ABSENT, lambda absent: absent.to_have_count(0)),
    ],
)
def test_what_is_so_passes(window: Window, words: dict[str, str], check: Check) -> None:
    check(expect(window.get_by(**words)))


@pytest.mark.parametrize(
    ("words", "check", "told"),
    [
        (
            ABSENT,
            lambda it: it.to_be_visible(timeout=SHORT),
            "to_be_visible(): not within 0.3 s; last seen: there is none",
        ),
        (HIDDEN, lambda it: it.to_be_visible(timeout=SHORT), "it is out of view"),
        (NAME, lambda it: it.to_be_hidden(timeout=SHORT), "it is visible"),
        (OK, lambda it: it.to_be_enabled(timeout=SHORT), "it is disabled"),
        (NAME, lambda it: it.to_be_disabled(timeout=SHORT), "it is enabled"),
        (OK, lambda it: it.to_be_focused(timeout=SHORT), "keys do not go to it"),
        (BOX, lambda it: it.not_to_be_checked(timeout=SHORT), "it is checked"),
        ({"name": "Grey"}, lambda it: it.to_be_checked(timeout=SHORT), "it is neither"),
        (
            NAME,
            lambda it: it.to_have_text("Ad", timeout=SHORT),
            "to_have_text('Ad'): not within 0.3 s; last seen: 'Ada'",
        ),
        (SECRET, lambda it: it.to_have_text("x", timeout=SHORT), "it has none that can be read"),
        (SECRET, lambda it: it.not_to_have_value("x", timeout=SHORT), "it has none that can be read"),
        (OK, lambda it: it.to_have_value("OK", timeout=SHORT), "it has none that can be read"),
        (NAME, lambda it: it.not_to_have_text("Ada", timeout=SHORT), "'Ada'"),
        (SAME, lambda it: it.to_have_count(1, timeout=SHORT), "2 match"),
    ],
)
def test_what_is_not_so_fails_and_tells(window: Window, words: dict[str, str], check: Check, told: str) -> None:
    wanted = expect(window.get_by(**words))

    with pytest.raises(AssertionError) as error:
        check(wanted)
    assert told in str(error.value)
    assert str(error.value).startswith("expect(window(title='Ordering').get_by(")
    assert str(error.value).endswith('- Button "Same"')
    assert isinstance(error.value, DesktopMismatch)


def test_what_becomes_so_is_waited_for(window: Window, said: Said) -> None:
    box = said.controls[3]
    said.looks = [lambda: box.update(checked=0), lambda: box.update(checked=0), lambda: box.update(checked=1)]
    expect(window.get_by(**BOX)).to_be_checked()

    assert [] == said.looks


def test_several_are_an_error_at_once(window: Window) -> None:
    with pytest.raises(DesktopError, match=r"expect\(.*\)\.to_be_visible\(\): 2 match") as error:
        expect(window.get_by(**SAME)).to_be_visible()

    assert not isinstance(error.value, AssertionError)


def test_what_is_in_a_window_that_was_closed_is_hidden(desktop: Desktop, said: Said) -> None:
    (listed,) = desktop.windows()
    said.windows.clear()
    expect(listed).to_be_hidden()
    expect(listed.get_by(**NAME)).to_have_count(0)
    expect(desktop.window(title="Ordering").get_by(**NAME)).to_be_hidden()

    with pytest.raises(DesktopMismatch, match="there is none\nit is closed; there are:\nnone"):
        expect(listed.get_by(**NAME)).to_be_enabled(timeout=SHORT)


def test_a_program_that_does_not_answer_fails(window: Window, said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SILENCE_SECONDS", 0.0)
    said.unseen = {"refused": "silent", "reason": "the window's program does not answer"}
    with pytest.raises(DesktopMismatch, match="last seen: the window's program does not answer"):
        expect(window).to_be_visible(timeout=SHORT)

    said.unseen = {}
    said.looks = [lambda: None, lambda: said.unseen.update(refused="silent", reason="it hangs")]
    with pytest.raises(DesktopMismatch, match="last seen: it hangs; before that, it is enabled"):
        expect(window).to_be_disabled(timeout=SHORT)

    said.unseen = {"refused": "no desktop", "reason": "it is locked"}
    with pytest.raises(NoDesktop, match="it is locked"):
        expect(window).to_be_hidden()


@pytest.fixture
def kept(tmp_path: Path, said: Said) -> Path:
    said.controls = [root(), control(17, "Button", text="OK")]
    return tmp_path / "order.yaml"


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_tree_matches_line_by_line(window: Window, kept: Path, ends: str) -> None:
    kept.write_text(TREE, newline=ends)

    expect(window).to_match_tree("order.yaml")


def test_a_tree_that_is_other_is_told_by_its_lines(window: Window, kept: Path) -> None:
    kept.write_text(TREE.replace("OK", "Cancel"))

    with pytest.raises(DesktopMismatch, match=r"it is not as .*order.yaml has it:") as error:
        expect(window).to_match_tree("order.yaml", timeout=SHORT)
    assert '\n-  - Button "Cancel"\n+  - Button "OK"\n' in str(error.value)


def test_a_tree_that_there_is_not_is_written_if_that_is_wanted(
    window: Window, baselines: Baselines, kept: Path
) -> None:
    with pytest.raises(DesktopMismatch, match=r"there is no .*order.yaml; --smolvm-update-trees writes it"):
        expect(window).to_match_tree("order.yaml", timeout=SHORT)
    baselines.update_trees = True
    expect(window).to_match_tree("order.yaml")
    before = kept.stat()
    expect(window).to_match_tree("order.yaml")

    assert TREE == kept.read_text()
    assert before == kept.stat()


def test_half_a_surrogate_pair_is_kept_too(window: Window, baselines: Baselines, said: Said, kept: Path) -> None:
    said.controls[1]["text"] = "\ud83d"
    baselines.update_trees = True
    expect(window).to_match_tree("order.yaml")
    baselines.update_trees = False

    expect(window).to_match_tree("order.yaml")


def test_trees_are_yaml_files(window: Window) -> None:
    with pytest.raises(UsageError, match=r"must end in .yaml"):
        expect(window).to_match_tree("order.png")
