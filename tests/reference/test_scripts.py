"""Our scripts against Windows PowerShell 5.1, of which there is none here: its grammar, its types, its commands."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import pytest_smolvm
from pytest_smolvm.guest.commands import powershell
from pytest_smolvm.guest.desktop import source as desktop
from pytest_smolvm.images.conformance import cases
from tests import test_workflow

HERE = Path(__file__).parent
PACKAGE = Path(pytest_smolvm.__file__).parent
# What makes a string of Python's a script: a static member, an assignment, parameters, a command, a variable's value.
VERBS = (
    "Add|ConvertFrom|ConvertTo|Copy|Get|Import|Invoke|New|Out|Read|Remove|Restart|Select|Set|Start|Stop|Test|Wait|Write"
)
SCRIPT = re.compile(
    r"\[[A-Z][\w.]+\]::\w|\$[A-Za-z]\w* *=|(^|\n)param *\(|^\[\w+\] [$(]|^\$env:"
    rf"|(^|[(;|{{]) *({VERBS})-[A-Z]\w+"
)
QUIET = {**os.environ, "DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1"}
PROGRAM = re.compile(r"\.(exe|cmd)$|^(cmd|powershell|gh)$", re.IGNORECASE)
# Cases about what nobody understands, and those with types of their own or a namespace, which Reference.cs knows nothing of.
ODD_CASES = {"a parse error", "a parse error runs nothing", "an unclosed string", "class", "enum", "using namespace"}
# There is to be none of that name.
NO_COMMANDS = {"Get-NoSuchThing"}
# Server 2022 and later, which that step of the workflow is for.
NEW_COMMANDS = {"Install-Language", "Copy-UserInternationalSettingsToSystem"}

pytestmark = pytest.mark.tool("dotnet")


@dataclass(frozen=True)
class Findings:
    """What Reference.cs says of some scripts."""

    faults: list[str]
    commands: dict[str, list[str]]
    """Each with the parameters it is called with; ``(ours)`` marks a function of the scripts."""

    @property
    def foreign(self) -> dict[str, list[str]]:
        """Those that Windows has to have."""
        return {
            name.rpartition("\\")[2]: sorted(parameters)
            for name, parameters in self.commands.items()
            if "(ours)" not in parameters and not PROGRAM.search(name)
        }


class Reference:
    """The built Reference.cs."""

    def __init__(self, directory: Path) -> None:
        self._program = directory / "out" / "reference.dll"
        words: list[str | Path] = [
            "dotnet",
            "build",
            "-c",
            "Release",
            "-o",
            directory / "out",
            "-nodeReuse:false",
            "-v",
            "quiet",
        ]
        subprocess.run(words, cwd=directory, check=True, env=QUIET)
        self._packages = (directory / "out" / "packages.txt").read_text("utf-8").strip()

    def look(self, *scripts: Path) -> Findings:
        """Look through scripts."""
        done = subprocess.run(
            ["dotnet", self._program, self._packages, *scripts], capture_output=True, text=True, check=True
        )
        return Findings(**json.loads(done.stdout))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    directory = tmp_path_factory.mktemp("reference")
    for name in ("Reference.cs", "reference.csproj"):
        shutil.copy(HERE / name, directory)
    return Reference(directory)


@pytest.fixture
def scripts(tmp_path: Path) -> list[Path]:
    """All that is ours: files, and what stands in Python as a string, as files."""
    return [*sorted(PACKAGE.rglob("*.ps1")), *written(tmp_path, embedded())]


def written(directory: Path, texts: Iterable[str]) -> list[Path]:
    """Scripts as files, by their numbers."""
    found = []
    for number, text in enumerate(texts):
        found.append(directory / f"{number}.ps1")
        found[-1].write_text(text, "utf-8")
    return found


def known() -> dict[str, dict[str, list[str]]]:
    """What was looked up, by where it is called."""
    return tomllib.loads((HERE / "commands.toml").read_text("utf-8"))


def embedded() -> Iterator[str]:
    """The scripts that stand in Python as strings, with a number in the place of what is put in."""
    for file in sorted(PACKAGE.rglob("*.py")):
        nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
        # Documentation, and pieces of something that only becomes a script.
        apart = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
        apart |= {id(piece) for node in nodes if isinstance(node, ast.JoinedStr) for piece in node.values}
        for node in nodes:
            match node:
                case ast.Constant(value=str(text)) if id(node) not in apart:
                    whole = text.format(size=1) if "{{" in text else text
                case ast.JoinedStr(values=pieces):
                    whole = "".join(str(piece.value) if isinstance(piece, ast.Constant) else "0" for piece in pieces)
                case _:
                    continue
            if SCRIPT.search(whole):
                yield whole


def test_there_are_scripts_in_python() -> None:
    assert any("OpenStandardInput" in text for text in embedded())
    assert any("USERPROFILE" in text for text in embedded())
    assert "(Get-WinSystemLocale).Name" in embedded()
    assert "Stop-Process -Id $PID -Force" in embedded()
    assert any("GetFileAttributesW" in text and "-band 0" in text for text in embedded())


def test_our_scripts_are_what_5_1_understands(reference: Reference, scripts: list[Path]) -> None:
    ours = [
        f"has no type SmolVM.{name}"
        for name in re.findall(r"^    public .*class (\w+)", powershell.library(), re.MULTILINE)
    ]
    assert [] == [fault for fault in reference.look(*scripts).faults if not fault.endswith(tuple(ours))]


def test_our_scripts_call_what_5_1_has(reference: Reference, scripts: list[Path]) -> None:
    assert known()["scripts"] == reference.look(*scripts).foreign


def test_the_table_of_cases_is_what_5_1_understands_and_has(reference: Reference, tmp_path: Path) -> None:
    """So that what differs there is the engine's doing, and not a word that 5.1 never knew."""
    asked = [case for case in cases.table() if case.once != cases.CMD]
    conditions = {case.needs for case in asked} - set(cases.CONDITIONS) - {""}

    found = reference.look(*written(tmp_path, [*(case.script for case in asked), *sorted(conditions)]))

    numbers = {int(fault.partition(".")[0]) for fault in found.faults}
    assert {asked[number].name if number < len(asked) else "a condition" for number in numbers} == ODD_CASES
    assert {name: words for name, words in found.foreign.items() if name not in NO_COMMANDS} == known()["cases"]


def test_the_steps_of_the_workflow_are_what_5_1_understands_and_has(reference: Reference, tmp_path: Path) -> None:
    (job,) = test_workflow.read("windows.yml")["jobs"].values()
    steps = [re.sub(r"\$\{\{.*?\}\}", "0", step["run"]) for step in job["steps"] if step.get("shell") == "powershell"]

    found = reference.look(*written(tmp_path, steps))

    assert len(steps) > 3
    assert found.faults == []
    assert {name: words for name, words in found.foreign.items() if name not in NEW_COMMANDS} == known()["workflow"]


@pytest.mark.parametrize(
    ("source", "more", "fault"),
    [
        (powershell.library(), "", ""),
        (desktop.text(), "", ""),
        (
            powershell.library(),
            "namespace SmolVM { class C { public string S() { return nameof(C); } } }",
            "CS8026",
        ),  # C# 6
        (
            powershell.library(),
            "namespace SmolVM { class C { public long L() { return System.Environment.TickCount64; } } }",
            "CS0117",
        ),  # .NET Core 3.0
    ],
    ids=["ours", "the desktop's", "newer language", "newer framework"],
)
def test_our_library_is_what_windows_compiles(tmp_path: Path, source: str, more: str, fault: str) -> None:
    shutil.copy(HERE / "library.csproj", tmp_path)
    (tmp_path / "library.cs").write_text(f"{source}\n{more}", "ascii")
    words = ["dotnet", "build", "-c", "Release", "-nodeReuse:false", "-v", "quiet"]
    built = subprocess.run(words, cwd=tmp_path, env=QUIET, capture_output=True, text=True, check=False)

    assert {*re.findall(r"error (\w+):", built.stdout)} == ({fault} if fault else set())
    assert (built.returncode == 0) == (not fault), built.stdout


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("$a ? 1 : 2", r"\? :"),
        ("cmd /c a && cmd /c b", "&& or"),
        ("$a ?? 1", r"\?\?"),
        ("$a ??= 1", r"\?\?="),
        ("${a}?.Length", r"\?\."),
        ("Get-Date &", "& at the end"),
        ("[Convert]::ToHexString($a)", r"4\.5 has no such"),
        ("[Convert]::FromBase64String($a, 1)", r"4\.8 has no such"),
        ("[Environment]::ProcessPath", r"4\.8 has no such"),
        ("[DateTimeOffset]::FromUnixTimeSeconds(1)", r"4\.5 has no such"),
        ("[Text.Json.JsonDocument] $a", "4.8 has no type"),
        ("[semver] '1.0'", "has no type"),
        ("if (", "Missing"),
    ],
)
def test_what_5_1_does_not_understand_is_found(reference: Reference, tmp_path: Path, script: str, fault: str) -> None:
    (tmp_path / "new.ps1").write_text(script)

    assert any(re.search(fault, line) for line in reference.look(tmp_path / "new.ps1").faults)
