"""What an action on a window costs, and where the time goes."""

from __future__ import annotations

from benchmarks.setting import Setting, median, seconds

ACTIONS = 20


def measure(setting: Setting) -> dict[str, float]:
    """Seconds. An action is a click: a look that finds the control, the pointer's way there, and the click itself.

    Looks and clicks are each a call of the resident PowerShell, whose own share is that of an empty script. What is
    left of an action is the click in the guest, until its program has taken it.
    """
    found: dict[str, float] = {}
    with setting.vm("clone") as vm:
        found["desktop_first_use_seconds"] = round(seconds(vm.desktop.windows), 3)  # the library is compiled
        window = vm.desktop.launch("notepad.exe")
        edit = window.get_by(control_type="Edit")
        found["action_first_seconds"] = round(seconds(edit.click), 3)
        found["action_p50_seconds"] = median(ACTIONS, lambda: seconds(edit.click))
        found["action_look_p50_seconds"] = median(ACTIONS, lambda: seconds(edit.state))
        found["action_pointer_p50_seconds"] = median(ACTIONS, lambda: seconds(lambda: vm.screen.move(100, 100)))
        found["action_empty_call_p50_seconds"] = median(ACTIONS, lambda: seconds(lambda: vm.run("", check=True)))
    parts = ("look", "pointer", "empty_call")
    known = sum(found[f"action_{part}_p50_seconds"] for part in parts)
    found["action_click_seconds"] = round(found["action_p50_seconds"] - known, 3)
    return found
