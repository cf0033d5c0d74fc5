"""Dialogs of Windows are answered by the numbers of their controls, whatever language it speaks."""

from __future__ import annotations

import pytest

from pytest_smolvm.errors import TimedOut
from pytest_smolvm.guest.desktop.desktop import Desktop
from pytest_smolvm.guest.desktop.dialog import Dialog
from tests.guest.desktop.conftest import PLACE, WINDOW, Said, control

SHORT = 0.3
BOX = [
    control(17, "Text", text="Weiter?", id=0xFFFF),
    control(18, "Button", text="&Ja", id=6),
    control(19, "Button", text="Mehr", id=50),
]
COMBO = [
    control(18, "ComboBox", id=1148),
    control(19, "ComboBox", 18, id=1148),
    control(20, "Edit", 19, id=1148, editable=True),
]


@pytest.fixture
def said() -> Said:
    said = Said(*BOX)
    said.windows = [WINDOW | PLACE | {"class_name": "#32770", "handle": 16}, WINDOW | PLACE | {"handle": 15}]
    return said


@pytest.fixture
def dialog(desktop: Desktop) -> Dialog:
    return desktop.dialog()


def test_its_message_is_read(dialog: Dialog) -> None:
    assert "Weiter?" == dialog.message()


@pytest.mark.parametrize(
    ("button", "handle"), [("Yes", "18"), ("yes", "18"), (6, "18"), ("Ja", "18"), ("Mehr", "19"), (50, "19")]
)
def test_a_button_is_pressed(dialog: Dialog, said: Said, button: str | int, handle: str) -> None:
    dialog.press(button)

    assert ["click", handle] == said.done[-1][:2]


def test_a_button_that_there_is_not_is_told(dialog: Dialog) -> None:
    with pytest.raises(TimedOut, match=r"it is not one with the button 'No'\n- Window"):
        dialog.press("No", timeout=SHORT)


@pytest.mark.parametrize(
    ("controls", "handle"),
    [
        (COMBO, "20"),
        ([*COMBO[:2], control(20, "Edit", 19, editable=True)], "20"),
        ([control(18, "Edit", id=1152, editable=True), control(21, "Edit", id=7)], "18"),
        ([control(18, "Pane"), control(19, "ComboBox", 18), control(20, "Edit", 19, id=1001, editable=True)], "20"),
    ],
)
def test_a_path_is_entered_and_accepted(
    dialog: Dialog, said: Said, controls: list[dict[str, object]], handle: str
) -> None:
    said.controls[1:] = [*controls, control(30, "List", id=1), control(31, "Button", text="&Speichern", id=1)]
    dialog.save_as(r"C:\T\ä.txt")

    assert [["fill", handle], ["click", "31"]] == [words[:2] for words in said.done]
    assert r"C:\T\ä.txt" == said.done[0][-1]


def test_a_dialog_that_asks_for_no_file_is_told(dialog: Dialog) -> None:
    with pytest.raises(TimedOut, match="it is not one that asks for a file"):
        dialog.open("x", timeout=SHORT)
