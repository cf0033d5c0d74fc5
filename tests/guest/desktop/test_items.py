"""What a control draws itself: items of lists, trees and tabs are controls like others."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pytest_smolvm import DesktopError, TimedOut, UsageError, expect
from pytest_smolvm.guest.desktop.controls import Control
from pytest_smolvm.guest.desktop.locator import Locator
from pytest_smolvm.guest.desktop.window import Window
from tests.guest.desktop.conftest import PLACE, Said, control, item

SHORT = 0.3
HERE = ["10", "20", "100", "30"]
OUT_OF_VIEW = {"left": 0, "top": 0, "width": 0, "height": 0}


@pytest.fixture
def said() -> Said:
    return Said(
        control(17, "Text", text="Files:"),
        control(
            18,
            "List",
            text="a.txt",
            items=300,
            partial=True,
            inside=[
                item(1, "a.txt", cells=["1 KB"], selected=True, checked=0),
                item(2, "R&D", cells=["2 KB"], checked=1, **OUT_OF_VIEW),
            ],
        ),
        control(
            19,
            "Tree",
            items=3,
            inside=[item(70, "Europe", expanded=1), item(71, "France", parent=70), item(72, "Asia", expanded=0)],
        ),
        control(20, "Tab", text="General", items=2, inside=[item(1, "&General", selected=True), item(2, "More")]),
        control(21, "ComboBox", items=0, expanded=0, inside=[]),
        control(22, "List", unread="its program does not let others read it"),
    )


def test_items_are_shown_in_the_tree(window: Window) -> None:
    shown = """\
- Window "Ordering" [class=x]
  - Text "Files:"
  - List "Files:" [items=300]: "a.txt"
    - ListItem "a.txt" [unchecked, selected]: "1 KB"
    - ListItem "R&D" [checked]: "2 KB"
  - Tree "": ""
    - TreeItem "Europe" [expanded]
      - TreeItem "France"
    - TreeItem "Asia" [collapsed]
  - Tab "General"
    - TabItem "General" [selected]
    - TabItem "More"
  - ComboBox "" [collapsed]: ""
  - List "" [unread: its program does not let others read it]: \"\""""

    assert shown == window.tree()


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ({"name": "R&D"}, (18, 2)),
        ({"name": "General", "control_type": "TabItem"}, (20, 1)),
        ({"name": re.compile("^Fr")}, (19, 71)),
    ],
)
def test_an_item_is_found(window: Window, words: dict[str, str], key: tuple[int, int]) -> None:
    assert key == window.get_by(**words).state().key


@pytest.mark.parametrize(
    ("name", "action", "words"),
    [
        ("a.txt", Locator.click, [*HERE, "1", "a.txt", "click", "left", "1"]),
        ("R&D", Locator.click, [*OUT_OF_VIEW.values(), "2", "R&D", "click", "left", "1"]),
        ("a.txt", Locator.select, [*HERE, "1", "a.txt", "select"]),
        ("a.txt", Locator.scroll_into_view, [*HERE, "1", "a.txt", "show"]),
    ],
)
def test_what_is_done_with_an_item(window: Window, said: Said, name: str, action: object, words: list[str]) -> None:
    assert callable(action)
    action(window.get_by(name=name))

    assert [["item", "18", *map(str, words)]] == said.done


def test_a_box_of_an_item_is_clicked_where_it_is(window: Window, said: Said) -> None:
    first = said.controls[2]["inside"][0]
    said.looks = [lambda: None, lambda: None, lambda: first.update(checked=1)]
    window.get_by(name="a.txt").check()

    assert [["item", "18", *HERE, "1", "a.txt", "toggle"]] == said.done


def test_a_long_list_is_asked_for_an_item_that_is_not_seen(window: Window, said: Said) -> None:
    del said.controls[-1]
    assert 1 == window.get_by(name="More", control_type="TabItem").count()
    assert [["look", "16"]] == said.asked[-1:]
    assert 0 == window.get_by(control_type="List").nth(0).get_by(name="z.txt").count()

    assert [["look", "16"], ["look", "16", "z.txt"]] == said.asked[-2:]


def test_another_item_of_the_same_name_further_down_a_long_list_is_looked_for(window: Window, said: Said) -> None:
    further = said.controls[2]["inside"] + [item(299, "R&D", **OUT_OF_VIEW)]
    said.looks = [lambda: None, lambda: said.controls[2].update(inside=further)]

    with pytest.raises(DesktopError, match="2 match"):
        window.get_by(name="R&D").click()
    assert [] == said.done


UNREAD = re.escape('not read: List "Files:" (300 items, some of which were read)')
DENIED = re.escape('not read: List "" (its program does not let others read it)')


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"name": re.compile("^z")}, f"{UNREAD}, .*its program does not let"),
        ({"control_type": "listitem"}, f"2 match in what was read; {UNREAD}"),
        ({"name": "z.txt"}, DENIED),
        ({"name": "R&D"}, f"1 match in what was read; {DENIED}"),
    ],
)
def test_what_was_not_read_is_not_counted_as_nothing(window: Window, words: Any, told: str) -> None:
    with pytest.raises(DesktopError, match=told):
        window.get_by(**words).count()


@pytest.mark.parametrize("words", [{"name": re.compile("^z")}, {"name": "z.txt"}])
def test_what_may_be_in_what_was_not_read_is_not_hidden(window: Window, words: Any) -> None:
    absent = window.get_by(**words)

    with pytest.raises(AssertionError, match="there is none in what was read; not read: List "):
        expect(absent).to_be_hidden(timeout=SHORT)
    with pytest.raises(AssertionError, match="0 match; not read: List "):
        expect(absent).to_have_count(0, timeout=SHORT)
    with pytest.raises(TimedOut, match="there is none in what was read; not read: List "):
        absent.click(timeout=SHORT)


@pytest.mark.parametrize(
    "words",
    [
        {"name": re.compile("^z"), "control_type": "Button"},
        {"name": "z.txt", "control_type": "TabItem"},
        {"automation_id": 4711},
        {"class_name": "Static"},
    ],
)
def test_what_no_item_is_can_be_told_not_to_be_there(window: Window, said: Said, words: Any) -> None:
    expect(window.get_by(**words)).to_be_hidden()

    assert 0 == window.get_by(**words).count()
    assert ["look", "16"] == said.asked[-1]


def test_what_is_in_an_item_that_was_not_read_is_looked_for_in_trees_alone(window: Window, said: Said) -> None:
    del said.controls[-1]
    inner = window.get_by(name=re.compile("^z")).get_by(name="inner")
    assert 0 == inner.count()
    said.controls[3]["partial"] = True

    with pytest.raises(DesktopError, match='not read: Tree ""'):
        inner.count()
    with pytest.raises(DesktopError, match='not read: Tree ""'):
        window.get_by(name="Europe").get_by(control_type="TreeItem").count()


def test_as_many_of_a_name_as_are_found_at_most_may_be_more(window: Window, said: Said) -> None:
    del said.controls[-1]
    said.controls[2]["inside"] = [item(number, "same") for number in range(1, 22)]

    with pytest.raises(DesktopError, match="21 match in what was read"):
        window.get_by(name="same").count()


def test_a_text_may_be_in_what_was_not_read_of_a_list(window: Window) -> None:
    lists = window.get_by(control_type="List")
    with pytest.raises(DesktopError, match="0 match in what was read"):
        lists.filter(has_text="z.txt").count()

    assert 2 == lists.filter(enabled=True).count()


def test_what_is_expanded_stays_so(window: Window, said: Said) -> None:
    window.get_by(name="Europe").expand()
    said.looks = [lambda: None, lambda: None, lambda: said.controls[3]["inside"][2].update(expanded=1)]
    window.get_by(name="Asia").expand()

    assert [["item", "19", *HERE, "72", "Asia", "expand"]] == said.done
    with pytest.raises(TimedOut, match="it was told to, and stays as it was"):
        window.get_by(name="Asia").collapse(timeout=SHORT)


def test_an_item_of_a_long_tree_may_come_without_the_one_that_it_is_in(window: Window, said: Said) -> None:
    said.controls[3]["inside"].append(item(99, "Lima", parent=98))

    assert ["Europe", "Asia", "Lima"] == [child.name for child in window.get_by(control_type="Tree").children()]


def test_keys_do_not_go_to_items(window: Window) -> None:
    with pytest.raises(DesktopError, match="it is a ListItem, and that is done to what it is in"):
        window.get_by(name="a.txt").type("x")


def test_items_are_filtered(window: Window, said: Said) -> None:
    said.controls[2]["partial"] = False
    del said.controls[-1]
    items = window.get_by(control_type="ListItem")

    assert "R&D" == items.filter(has_text="2 kb").state().name
    assert "a.txt" == items.filter(selected=True, enabled=True).state().name
    assert 1 == items.filter(checked=False).count()
    assert "window(title='Ordering').get_by(control_type='ListItem').filter(has_text='x')" == repr(
        items.filter(has_text="x")
    )
    assert 0 == items.filter(has_text=re.compile("^2 kb")).count()
    with pytest.raises(UsageError, match="needs one of"):
        items.filter()


def test_what_is_expected_of_items(window: Window) -> None:
    expect(window.get_by(name="a.txt")).to_be_selected()
    expect(window.get_by(name="R&D")).to_be_hidden()
    with pytest.raises(AssertionError, match="it is not selected"):
        expect(window.get_by(name="R&D")).to_be_selected(timeout=SHORT)


def test_an_item_is_where_it_was_seen(window: Window) -> None:
    europe: Control = window.get_by(name="Europe").state()

    assert (PLACE["left"], 1, True) == (europe.rectangle.left, len(europe.children), europe.visible)
