"""The code in README and docs, as far as it needs no guest; what does is in tests/booted/test_snippets.py."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from collections.abc import Callable

import pytest

from pytest_smolvm.cli.main import main
from pytest_smolvm.plugin import stash
from tests.snippets import ROOT, Snippet, commands, snippets

TYPED = [(snippet, line) for snippet in snippets() if not snippet.language for line in commands(snippet)]


def test_every_language_is_known() -> None:
    """Python runs on a guest, Mermaid is drawn from the imports and compared, the others are below."""
    assert {"", "python", "mermaid", "ini"} == {snippet.language for snippet in snippets()}


@pytest.mark.parametrize("text", [snippet.text for snippet in snippets() if snippet.language == "ini"])
def test_what_is_configured_is_understood(text: str, pytester: pytest.Pytester) -> None:
    config = pytester.parseconfig("-c", pytester.makeini(text))

    assert list(stash.settings(config).images)


@pytest.mark.parametrize(("snippet", "line"), TYPED, ids=lambda value: str(getattr(value, "page", value)))
def test_what_is_typed_is_understood(snippet: Snippet, line: str, request: pytest.FixtureRequest) -> None:
    """Most of it takes a Windows ISO, installs packages, or is what runs this suite: whom it is meant for reads it."""
    program, *words = shlex.split(line)

    CHECKS[program](words, request)


def _make(words: list[str], _: pytest.FixtureRequest) -> None:
    """The target exists, and says what it would do."""
    subprocess.run(["make", "-n", "-C", ROOT, *words], capture_output=True, check=True)


def _apt_get(words: list[str], _: pytest.FixtureRequest) -> None:
    """What is to be installed is what `make setup` installs for guests."""
    verb, *packages = words
    assert "install" == verb
    assert set(packages) <= set(re.findall(r"[\w.-]+", (ROOT / "Makefile").read_text(encoding="utf-8")))


def _pip(words: list[str], _: pytest.FixtureRequest) -> None:
    """The project is called so, and its extras."""
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    extras = [f"{project['name']}[{extra}]" for extra in project["optional-dependencies"]]
    assert words in [["install", name] for name in (project["name"], *extras)]


def _pytest(words: list[str], request: pytest.FixtureRequest) -> None:
    """The plugin knows the options."""
    pytester: pytest.Pytester = request.getfixturevalue("pytester")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SMOLVM_IMAGE", raising=False)
        config = pytester.parseconfig(*words)
    assert [word.partition("=")[2] for word in words] == config.getoption("smolvm_image")


def _pytest_smolvm(words: list[str], request: pytest.FixtureRequest) -> None:
    """The command knows its options, and misses none: all that it complains of is one that is added here."""
    capsys: pytest.CaptureFixture[str] = request.getfixturevalue("capsys")
    end = words.index("--") if "--" in words else len(words)  # behind it the words are another program's
    with pytest.raises(SystemExit):
        main([*words[:end], "--none-of-ours", *words[end:]])
    assert capsys.readouterr().err.endswith("error: unrecognized arguments: --none-of-ours\n")


CHECKS: dict[str, Callable[[list[str], pytest.FixtureRequest], None]] = {
    "make": _make,
    "apt-get": _apt_get,
    "pip": _pip,
    "pytest": _pytest,
    "pytest-smolvm": _pytest_smolvm,
}
