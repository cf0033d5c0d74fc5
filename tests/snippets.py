"""The fenced code of README and docs."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^\n((?:    .+\n)+)(?=\n|\Z)", re.MULTILINE)


@dataclass(frozen=True)
class Snippet:
    """A piece of code in a page."""

    page: str
    """Its file, from the root of the repository."""
    language: str
    """``python``, ``mermaid``, ``ini``; empty for what is typed in a shell."""
    text: str

    @property
    def name(self) -> str:
        """The page and the first line: what a person would point at."""
        return f"{self.page}: {self.text.splitlines()[0]}"


def snippets() -> Iterator[Snippet]:
    """All of them; a paragraph that is indented is typed in a shell."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for language, code in _FENCE.findall(text):
            yield Snippet(str(page.relative_to(ROOT)), language, code)
        for code in _INDENTED.findall(_FENCE.sub("", text)):
            yield Snippet(str(page.relative_to(ROOT)), "", textwrap.dedent(code))


def commands(snippet: Snippet) -> list[str]:
    """The command lines of what is typed in a shell, without comments and line ends in their middle."""
    lines = snippet.text.replace("\\\n", " ").splitlines()
    return [line for line in (line.partition(" #")[0].strip() for line in lines) if line]
