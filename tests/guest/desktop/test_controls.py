"""What the library says of a window, as a tree."""

from __future__ import annotations

from pytest_smolvm.guest.desktop.controls import Control, tree
from tests.guest.desktop.conftest import Said, control, root


def of(said: Said) -> Control:
    window = tree(said.controls)
    assert window is not None
    return window


def test_a_window_is_shown_with_all_that_is_in_it(said: Said) -> None:
    shown = """\
- Window "Ordering" [class=x]
  - Text "Name:"
  - Edit "Name:" [id=101]: "Ada"
  - Group "Size"
    - RadioButton "Small" [id=104, unchecked]
  - Button "R&D" [id=9, disabled]
  - Button "Same"
  - Button "Same\""""

    assert shown == str(of(said))


def test_a_long_text_is_shown_in_part() -> None:
    (edit,) = of(Said(control(17, "Edit", text="x" * 1000))).children

    assert 'x..."' in str(edit)
    assert "x" * 1000 == edit.value
    assert 250 > len(str(edit))


def test_what_is_in_a_disabled_window_is_disabled() -> None:
    (button,) = (tree([root(enabled=False), control(17, "Button", text="OK")]) or of(Said())).children

    assert not button.enabled


def test_a_password_has_neither_text_nor_value() -> None:
    (edit,) = of(Said(control(17, "Edit", text=None))).children

    assert (None, None) == (edit.text, edit.value)


def test_a_button_has_no_value_and_a_check_box_that_is_neither_has_no_state() -> None:
    box, checked = of(Said(control(17, "CheckBox", checked=2), control(18, "CheckBox", checked=1))).children

    assert (None, None, True) == (box.value, box.checked, checked.checked)


def test_a_window_that_was_not_there_has_no_tree() -> None:
    assert tree([]) is None
