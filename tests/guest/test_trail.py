"""What is told of what is done to a guest."""

from __future__ import annotations

import inspect
import re
import threading
from pathlib import Path, PurePosixPath

import pytest

from pytest_smolvm import SmolVM
from pytest_smolvm.errors import UsageError
from pytest_smolvm.guest.link.access import GuestMethods
from pytest_smolvm.guest.trail import AFTER, AROUND, Deed, Trail, shown, tells
from pytest_smolvm.host.secret import Secret


class Hearing:
    """Takes down what it is told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.deeds: list[Deed] = []

    def begins(self, step: Deed) -> None:
        self.begun.append(step.what)

    def ends(self, step: Deed) -> None:
        self.deeds.append(step)


@tells("screen", lambda pen: pen.trail, lambda pen: f"pen({pen.colour!r})", acts=("draw", "fail"), waits=("look",))
class Pen:
    def __init__(self, colour: str) -> None:
        self.colour, self.trail = colour, Trail()

    def draw(self, x: int, *, width: int = 1) -> str:
        """Draw."""
        self.look()
        self.trail.note(drawn=(x, width))
        return f"{x}"

    def look(self) -> None: ...

    def fail(self) -> None:
        raise UsageError("no ink")


def test_a_step_is_told_with_words_and_what_is_noted_of_it() -> None:
    pen, heard = Pen("red"), Hearing()

    with pen.trail.listening(heard):
        assert "4" == pen.draw(4, width=2)
    pen.draw(5)

    (step,) = heard.deeds
    assert ["pen('red').draw(4, width=2)"] == heard.begun
    assert ("screen", "pen('red').draw(4, width=2)", AROUND, "") == (step.kind, step.what, step.sees, step.error)
    assert {"drawn": (4, 2)} == step.details
    assert {"self": pen, "x": 4, "width": 2} == step.arguments
    assert step.began > 0
    assert step.seconds >= 0


def test_what_fails_is_told_with_its_error() -> None:
    pen, heard = Pen("red"), Hearing()

    with pen.trail.listening(heard):
        with pytest.raises(UsageError):
            pen.fail()
        with pytest.raises(TypeError, match=r"draw\(\) missing 1 required positional argument"):
            pen.draw()  # type: ignore[call-arg]
        pen.look()

    assert ["UsageError: no ink", ""] == [step.error for step in heard.deeds]
    assert AFTER == heard.deeds[1].sees


def test_of_threads_each_has_its_own_step() -> None:
    pen, heard = Pen("red"), Hearing()

    with pen.trail.listening(heard):
        with pen.trail.step("state", "outer"):
            thread = threading.Thread(target=pen.draw, args=(1,))
            thread.start()
            thread.join()
        with pen.trail.unheard():
            pen.draw(2)

    assert ["pen('red').draw(1)", "outer"] == [step.what for step in heard.deeds]


def test_what_happens_by_itself_is_told_also_in_the_middle_of_a_step() -> None:
    trail, heard = Trail(), Hearing()

    with trail.listening(heard), trail.step("run", "Restart-Computer"):
        trail.tell("state", "the guest has restarted")

    assert ["the guest has restarted", "Restart-Computer"] == [step.what for step in heard.deeds]


def test_a_method_that_tells_is_called_and_documented_as_before() -> None:
    assert "(self, x: 'int', *, width: 'int' = 1) -> 'str'" == str(inspect.signature(Pen.draw))
    assert "Draw." == Pen.draw.__doc__


@pytest.mark.parametrize("name", ["upload_file", "write_text", "reboot", "revert", "snapshot", "spawn"])
def test_guests_methods_tell(name: str) -> None:
    vm, heard = SmolVM(image="x.qcow2"), Hearing()

    with vm.trail.listening(heard), pytest.raises((UsageError, TypeError)):
        getattr(vm, name)(
            *(
                ["a"]
                * len(
                    [
                        each
                        for each in inspect.signature(getattr(vm, name)).parameters.values()
                        if each.default is each.empty
                    ]
                )
            )
        )

    assert [name] == [re.findall(r"vm\.(\w+)\(", step.what)[0] for step in heard.deeds]
    assert isinstance(vm, GuestMethods)


@tells("desktop", lambda desk: desk.trail, lambda _: "desk", acts=("launch", "set_text", "type"))
class Desk:
    """Has methods that are called as ours are."""

    def __init__(self) -> None:
        self.trail = Trail()

    def launch(self, program: str, *args: str, timeout: float = 1.0) -> None: ...

    def set_text(self, text: str) -> None: ...

    def type(self, text: str) -> None: ...


@tells("screen", lambda glass: glass.trail, lambda _: "glass", acts=("type",))
class Glass:
    """Likewise."""

    def __init__(self) -> None:
        self.trail = Trail()

    def type(self, text: str) -> None: ...


def test_what_may_be_a_secret_is_not_told() -> None:
    desk, glass, vm, heard = Desk(), Glass(), SmolVM(image="x.qcow2"), Hearing()

    with vm.trail.listening(heard), desk.trail.listening(heard), glass.trail.listening(heard):
        desk.launch("app.exe", "--key", "s3cr3t", timeout=2)
        desk.set_text(text="s3cr3t")
        desk.type("what is typed into a field is told; the field is known")
        glass.type("s3cr3t")
        with pytest.raises(UsageError):
            vm.write_text("a.txt", "KEY=s3cr3t")
        with pytest.raises(UsageError):
            vm.spawn(["app.exe", "--key", "s3cr3t"])
        with pytest.raises(UsageError):
            vm.spawn(program=["app.exe"])

    assert [
        "desk.launch('app.exe', <5 characters>, <6 characters>, timeout=2)",
        "desk.set_text(text=<6 characters>)",
        "desk.type('what is typed into a field is told; the field is known')",
        "glass.type(<6 characters>)",
        "vm.write_text('a.txt', <10 characters>)",
        "vm.spawn(['app.exe', <2 more>])",
        "vm.spawn(program=['app.exe'])",
    ] == [step.what for step in heard.deeds]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("x" * 200, repr("x" * 120 + "...")),
        (b"123", "<3 bytes>"),
        ({"TOKEN": "s3cr3t"}, "{'TOKEN': ...}"),
        (Secret("s3cr3t"), "'***'"),
        (Secret("s3cr3t" * 30), "'***'"),
        (PurePosixPath("/a"), "'/a'"),
        (Path("b"), "'b'"),
        (["y" * 500], "['" + "y" * 238 + "..."),
    ],
)
def test_arguments_are_shown_shortened(value: object, expected: str) -> None:
    assert expected == shown(value)
