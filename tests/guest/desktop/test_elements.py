"""What a window draws itself and UI Automation tells of: controls like others."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_smolvm import DesktopError, TimedOut, expect
from pytest_smolvm.guest.desktop.locator import Locator
from pytest_smolvm.guest.desktop.window import Window
from tests.guest.desktop.conftest import Said, control, element, root

SHORT = 0.3
HERE = ["10", "20", "100", "30"]
OUT_OF_VIEW = {"left": 0, "top": 0, "width": 0, "height": 0}


@pytest.fixture
def said() -> Said:
    said = Said(control(17, "Button", text="Classic"))
    said.controls[0] = root(
        elements=[
            element(1, "MenuBar", "Menus"),
            element(2, "MenuItem", "File", 1, expanded=0),
            element(3, "Button", "OK", automation_id="ok"),
            element(4, "CheckBox", "Agree", checked=0),
            element(5, "Edit", "Name", text="Ada", editable=True),
            element(6, "Edit", "Password", secret=True, editable=True),
            element(7, "List", "Fruit"),
            element(8, "ListItem", "Pear", 7, selected=1),
            element(9, "ListItem", "Plum", 7, selected=0, **OUT_OF_VIEW),
            element(10, "Document", "Notes"),
        ]
    )
    return said


def test_they_are_shown_in_the_tree(window: Window) -> None:
    shown = """\
- Window "Ordering" [class=x]
  - MenuBar "Menus"
    - MenuItem "File" [collapsed]
  - Button "OK" [id=ok]
  - CheckBox "Agree" [unchecked]
  - Edit "Name": "Ada"
  - Edit "Password"
  - List "Fruit": "Pear"
    - ListItem "Pear" [selected]
    - ListItem "Plum"
  - Document "Notes"
  - Button "Classic\""""

    assert shown == window.tree()


def test_what_is_not_told_is_not_made_up(window: Window) -> None:
    assert (None, None) == (window.get_by(name="Password").text(), window.get_by(name="Notes").value())
    assert ("OK", None) == (window.get_by(name="OK").text(), window.get_by(name="OK").value())
    expect(window.get_by(name="Plum")).to_be_hidden()


@pytest.mark.parametrize(
    ("name", "action", "words"),
    [
        ("OK", Locator.click, ["click", "left", "1"]),
        ("OK", Locator.right_click, ["click", "right", "1"]),
        ("Pear", Locator.select, ["select"]),
        ("Pear", Locator.scroll_into_view, ["show"]),
        ("File", Locator.expand, ["expand"]),
        ("Name", lambda found: found.fill("x"), ["fill", "x"]),
        ("Name", lambda found: found.press("enter"), ["press", "13"]),
        ("Fruit", lambda found: found.select("Plum"), ["select", "Plum"]),
    ],
)
def test_what_is_done_with_one(window: Window, said: Said, name: str, action: Any, words: list[str]) -> None:
    found = window.get_by(name=name)
    number = found.state().runtime_id
    said.looks = [lambda: None, lambda: said.controls[0]["elements"][1].update(expanded=1)]
    action(found)

    assert [["element", "16", *HERE, number, *words]] == said.done


def test_a_box_is_toggled_by_its_program(window: Window, said: Said) -> None:
    said.looks = [lambda: None, lambda: said.controls[0]["elements"][3].update(checked=1)]
    window.get_by(name="Agree").check()

    assert [["element", "16", *HERE, "42.16.4", "toggle"]] == said.done


def test_why_not_is_told(window: Window, said: Said) -> None:
    said.refusals = [{"refused": "not now", "reason": "it is covered"}] * 1000
    with pytest.raises(TimedOut, match="last seen: it is covered\n- Window"):
        window.get_by(name="OK").click(timeout=SHORT)
    said.refusals = [{"refused": "never", "reason": "it cannot be expanded"}]
    with pytest.raises(DesktopError, match="it cannot be expanded"):
        window.get_by(name="File").expand()


def test_a_control_whose_class_tells_nothing_is_what_its_provider_says(window: Window, said: Said) -> None:
    own = element(0, "DataGrid", "Orders", automation_id="grid")
    cell = element(1, "DataItem", "7")
    said.controls[1] = control(17, "Pane", text="", own=own, elements=[cell])
    grid = window.get_by(control_type="DataGrid")

    assert ("Orders", "grid", 17, "42.16.0") == (
        grid.state().name,
        grid.state().automation_id,
        grid.state().handle,
        grid.state().runtime_id,
    )
    assert ["7"] == [child.name for child in grid.children()]


def test_what_could_not_be_looked_at_is_said(window: Window, said: Said) -> None:
    said.controls[1] = control(17, "Pane", text="", elements=[], unknown="its provider refuses")

    assert '- Pane "" [class=x, unread: its provider refuses]' in window.tree()


def test_what_could_not_be_looked_at_may_hold_anything(window: Window, said: Said) -> None:
    """Also where the provider has told of the window itself, as one with more elements than are read."""
    too_many = "it has more than 1000 elements, the first of which are read"
    said.controls[1] = control(17, "Pane", text="", own=element(0, "Document", "Page"), elements=[], unknown=too_many)

    with pytest.raises(DesktopError, match=f'0 match in what was read; not read: Document "Page" \\({too_many}\\)'):
        window.get_by(name="Absent", control_type="Button").count()


def test_the_name_that_windows_forms_gives_a_control_is_its_id(window: Window, said: Said) -> None:
    said.controls[1] = control(17, "Edit", text="", id=66000, automation_id="textBox1", elements=[])

    assert 17 == window.get_by(automation_id="textBox1").state().handle
