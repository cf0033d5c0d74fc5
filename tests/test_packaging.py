"""The wheel: built, installed where there is no checkout, and whole."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DATA = (".ps1", ".cmd", ".toml", ".c", ".h", ".cs", ".csproj", ".targets", ".reg", ".sh", ".conf", "py.typed")
"""What the package is known to carry besides Python, by its end; `test_the_wheel_has_every_file` finds the rest."""


def run(*words: str | Path, cwd: Path) -> str:
    """What a program prints, in a place and an environment from which the checkout cannot be seen."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "SMOLVM"))
    }
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the repository as they would be cloned now; building leaves its own beside them."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", cwd=ROOT)
    copy = tmp_path_factory.mktemp("checkout")
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built with what this host has."""
    place = tmp_path_factory.mktemp("wheel")
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check"]
    run(sys.executable, "-m", "pip", "wheel", "-q", *options, "-w", place, checkout, cwd=place)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the wheel, and what it depends on from where this run has it."""
    place = tmp_path_factory.mktemp("environment")
    python = place / "venv/bin/python"
    run(sys.executable, "-m", "venv", "--without-pip", place / "venv", cwd=place)
    options = ["--no-deps", "--no-index", "--disable-pip-version-check"]
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", *options, wheel, cwd=place)
    # A .pth file in a directory that another one names is not read: an editable checkout stays out.
    (own,) = (place / "venv/lib").glob("python*/site-packages")
    (own / "dependencies.pth").write_text("\n".join(site.getsitepackages()))
    return place


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(wheel: Path, checkout: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = {name for name in packed.namelist() if ".dist-info/" not in name}
    package = checkout / "pytest_smolvm"
    here = {str(file.relative_to(checkout)) for file in package.rglob("*") if file.is_file()}

    assert here == names
    assert () == tuple(end for end in DATA if not any(name.endswith(end) for name in names))


def test_its_command_starts(installed: Path) -> None:
    command = installed / "venv/bin/pytest-smolvm"

    assert "build-image" in run(command, "windows", "--help", cwd=installed)
    assert run(command, "prune", "--store", installed / "store", cwd=installed) == "0 removed, 0 MiB\n"


def test_its_plugin_starts(installed: Path) -> None:
    (installed / "test_it.py").write_text("def test_it(windows_vm): pass\n")

    told = run(installed / "venv/bin/python", "-m", "pytest", "-rs", "-p", "no:cacheprovider", ".", cwd=installed)

    assert "no Windows image is configured" in told
    assert "--smolvm-image" in run(installed / "venv/bin/python", "-m", "pytest", "--help", cwd=installed)


def test_all_its_modules_are_its_own(installed: Path) -> None:
    """Each can be imported, from the environment and not from the checkout."""
    program = """
import importlib, pkgutil, pytest_smolvm
for module in pkgutil.walk_packages(pytest_smolvm.__path__, "pytest_smolvm."):
    print(importlib.import_module(module.name).__file__)
"""
    files = run(installed / "venv/bin/python", "-c", program, cwd=installed).splitlines()

    assert len(files) > 100
    assert [] == [file for file in files if not file.startswith(str(installed))]
