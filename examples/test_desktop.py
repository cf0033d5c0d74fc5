"""The desktop: a program is started, typed into and saved by its dialog, as a person would."""

from pytest_smolvm import SmolVM


def test_notepad_saves_a_file(windows_vm: SmolVM) -> None:
    notepad = windows_vm.desktop.launch("notepad.exe")
    text = notepad.get_by(control_type="Edit")
    text.type("Grüße\n")
    text.press("ctrl+s")

    dialog = windows_vm.desktop.window(title="Save As")
    dialog.get_by(control_type="Edit").fill(r"C:\greetings.txt")
    dialog.get_by(name="Save").click()

    windows_vm.wait_for_file(r"C:\greetings.txt")
    notepad.wait_until(lambda window: window.name.startswith("greetings.txt"))
