"""The workflows of hosted runners, which cannot run here: they are read as far as that goes."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from scripts import loopback

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_CONTEXTS = {"github.workflow", "github.ref", "github.token"}
_BASHES = {"bash", "wsl-bash {0}"}


def read(name: str) -> dict[Any, Any]:
    """As YAML 1.1 has it, for which the key `on` is true."""
    yaml = pytest.importorskip("yaml")
    found: dict[Any, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))
    return found


@pytest.fixture(name="workflow", params=[path.name for path in WORKFLOWS])
def _workflow(request: pytest.FixtureRequest) -> dict[Any, Any]:
    return {"name of file": request.param, **read(request.param)}


@pytest.fixture(name="job")
def _job(workflow: dict[Any, Any]) -> dict[str, Any]:
    (found,) = workflow["jobs"].values()
    return dict(found)


def rows(job: dict[str, Any]) -> list[dict[str, str]]:
    return list(job["strategy"]["matrix"]["include"])


def test_it_may_nothing(workflow: dict[Any, Any], job: dict[str, Any]) -> None:
    assert {} == workflow["permissions"]
    assert {"contents": "read"} == job["permissions"]


def test_actions_of_others_are_pinned(job: dict[str, Any]) -> None:
    used = [step["uses"] for step in job["steps"] if "uses" in step]

    assert used
    assert [] == [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)]


def test_every_step_either_uses_or_runs(job: dict[str, Any]) -> None:
    assert [] == [step for step in job["steps"] if ("uses" in step) == ("run" in step)]


def test_every_expression_is_of_a_context_that_is_there(workflow: dict[Any, Any], job: dict[str, Any]) -> None:
    known = _CONTEXTS | {f"matrix.{key}" for row in rows(job) for key in row}
    text = (ROOT / ".github" / "workflows" / workflow["name of file"]).read_text(encoding="utf-8")

    assert set() == set(_EXPRESSION.findall(text)) - known


def test_what_is_run_is_a_script(workflow: dict[Any, Any], job: dict[str, Any]) -> None:
    """As far as bash is meant; every step says what is, or the workflow does for all."""
    common = workflow.get("defaults", {}).get("run", {}).get("shell", "")
    for row in rows(job):
        for step in job["steps"]:
            shell = step.get("shell", common)
            assert ("run" in step) <= bool(shell)
            if shell in _BASHES:
                subprocess.run(["bash", "-n", "-c", filled_in(step.get("run", ""), row)], check=True)


def test_ci_runs_for_every_change() -> None:
    assert {"push", "pull_request"} == set(read("ci.yml")[True])


def test_ci_tries_the_lowest_and_the_newest_dependencies() -> None:
    (job,) = read("ci.yml")["jobs"].values()
    by_kind = {row["dependencies"]: row for row in rows(job)}

    assert {"lowest", "newest"} == set(by_kind)
    assert _dependencies() == set(by_kind["newest"]["upgrade"].split())
    assert "check" in by_kind["lowest"]["targets"].split()
    assert all("test" in row["targets"].split() for row in by_kind.values())


def test_the_targets_of_ci_are_there() -> None:
    (job,) = read("ci.yml")["jobs"].values()
    for row in rows(job):
        for step in job["steps"]:
            script = filled_in(step.get("run", ""), row)
            if script.startswith("make "):
                subprocess.run(["make", "-n", "-C", ROOT, *script.split()[1:]], check=True, capture_output=True)


def test_windows_is_started_by_hand_on_each_with_each_server_and_in_two_languages() -> None:
    workflow = read("windows.yml")
    (job,) = workflow["jobs"].values()
    tried = {(row["runner"], row["sshd"]) for row in rows(job)}

    assert {"workflow_dispatch"} == set(workflow[True])
    assert {(runner, sshd) for runner in ("windows-2022", "windows-2025") for sshd in ("in-box", "current")} == tried
    assert 2 == len({row["language"] for row in rows(job)})


def test_what_windows_is_tried_with_takes_its_options() -> None:
    (job,) = read("windows.yml")["jobs"].values()
    (trial,) = (step["run"] for step in job["steps"] if "scripts.loopback" in step.get("run", ""))
    python, _, module, *words = shlex.split(filled_in(trial, rows(job)[0]).replace("\\\n", " "))
    options = loopback.parser().parse_args(words)

    assert ("python3", "scripts.loopback") == (python, module)
    assert ("trial", "windows-2022, in-box sshd, en-US") == (options.user, options.title)
    assert {Path("summary.md"), Path("report.json")} == {options.summary, options.report}


def filled_in(script: str, row: dict[str, Any]) -> str:
    return _EXPRESSION.sub(lambda found: str(row.get(found[1].removeprefix("matrix."), "")), script)


def _dependencies() -> set[str]:
    with open(ROOT / "pyproject.toml", "rb") as file:
        wanted = tomllib.load(file)["project"]["dependencies"]
    return {line.partition(">=")[0] for line in wanted}
