"""The workflow of hosted runners, which cannot run here: it is read as far as that goes."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_CONTEXTS = {"github.workflow", "github.ref"}


@pytest.fixture(name="workflow")
def _workflow() -> dict[Any, Any]:
    """As YAML 1.1 has it, for which the key `on` is true."""
    yaml = pytest.importorskip("yaml")
    found: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return found


@pytest.fixture(name="job")
def _job(workflow: dict[Any, Any]) -> dict[str, Any]:
    (found,) = workflow["jobs"].values()
    return dict(found)


def test_it_runs_for_every_change_and_may_nothing(workflow: dict[Any, Any], job: dict[str, Any]) -> None:
    assert {"push", "pull_request"} == set(workflow[True])
    assert {} == workflow["permissions"]
    assert {"contents": "read"} == job["permissions"]


def test_actions_of_others_are_pinned(job: dict[str, Any]) -> None:
    used = [step["uses"] for step in job["steps"] if "uses" in step]

    assert used
    assert [] == [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)]


def test_every_step_either_uses_or_runs(job: dict[str, Any]) -> None:
    assert [] == [step for step in job["steps"] if ("uses" in step) == ("run" in step)]


def test_every_expression_is_of_a_context_that_is_there(job: dict[str, Any]) -> None:
    rows = job["strategy"]["matrix"]["include"]
    known = _CONTEXTS | {f"matrix.{key}" for row in rows for key in row}

    assert set() == set(_EXPRESSION.findall(WORKFLOW.read_text(encoding="utf-8"))) - known


def test_the_lowest_and_the_newest_dependencies_are_tried(job: dict[str, Any]) -> None:
    rows = {row["dependencies"]: row for row in job["strategy"]["matrix"]["include"]}

    assert {"lowest", "newest"} == set(rows)
    assert _dependencies() == set(rows["newest"]["upgrade"].split())
    assert "check" in rows["lowest"]["targets"].split()
    assert all("test" in row["targets"].split() for row in rows.values())


def test_what_is_run_is_a_script_and_its_targets_are_there(job: dict[str, Any]) -> None:
    for row in job["strategy"]["matrix"]["include"]:
        for step in job["steps"]:
            script = _filled_in(step.get("run", ""), row)
            subprocess.run(["bash", "-n", "-c", script], check=True)
            if script.startswith("make "):
                subprocess.run(["make", "-n", "-C", ROOT, *script.split()[1:]], check=True, capture_output=True)


def _filled_in(script: str, row: dict[str, Any]) -> str:
    return _EXPRESSION.sub(lambda found: str(row.get(found[1].removeprefix("matrix."), "")), script)


def _dependencies() -> set[str]:
    with open(ROOT / "pyproject.toml", "rb") as file:
        wanted = tomllib.load(file)["project"]["dependencies"]
    return {line.partition(">=")[0] for line in wanted}
