"""An official archive of PowerShell in place of our own host: the examples pass on its image, and beside the other one.

The archive is made here, in the layout of the one that PowerShell's releases have: what the .NET tool of that name
consists of (the same files, for a .NET that is there already) and a .NET beside it, with the program's starter.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pytest_smolvm.host.progress import Silent
from pytest_smolvm.host.store import Store
from pytest_smolvm.images.practice.build import practice_image

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[3] / "examples"
VERSION = "7.6.9"
PROJECT = f"""
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <OutputType>Exe</OutputType>
    <TargetFramework>net10.0</TargetFramework>
    <AssemblyName>pwsh</AssemblyName>
    <GenerateDependencyFile>false</GenerateDependencyFile>
    <SatelliteResourceLanguages>en</SatelliteResourceLanguages>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Microsoft.PowerShell.SDK" Version="[{VERSION}]" />
    <PackageDownload Include="PowerShell" Version="[{VERSION}]" />
  </ItemGroup>
  <Target Name="TellPackages" AfterTargets="Publish">
    <WriteLinesToFile File="packages.txt" Lines="$(NuGetPackageRoot)" />
  </Target>
</Project>
"""


# What the layer leaves tells the images apart: only the one has PowerShell's own program.
MATRIX = r"""
import pytest
from pytest_smolvm import windows_layer

FOUND = {"practice": "False", "official": "True"}
NOTE = r"C:\ProgramData\found.txt"

@windows_layer()
def noted(vm):
    vm.write_text(NOTE, vm.run(r"Test-Path $PSHOME\pwsh.exe", check=True).stdout.strip())

@pytest.mark.windows_vm(images="all", layer=noted)
class TestEach:
    def test_layer(self, windows_vm, smolvm_image):
        assert windows_vm.read_text(NOTE) == FOUND[smolvm_image]

    def test_snapshot(self, windows_vm, smolvm_image):
        windows_vm.snapshot("before")
        windows_vm.remove(NOTE)
        windows_vm.revert("before")
        assert windows_vm.read_text(NOTE) == FOUND[smolvm_image]
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PowerShell for win-x64 as a zip file."""
    tmp_path = tmp_path_factory.mktemp("archive")
    if shutil.which("dotnet") is None:
        pytest.skip("the archive is assembled by a .NET SDK, which is not here")
    project, folder = tmp_path / "project", tmp_path / "PowerShell"
    project.mkdir()
    (project / "pwsh.csproj").write_text(PROJECT, encoding="utf-8")
    (project / "Program.cs").write_text("return;", encoding="utf-8")
    publish = ["dotnet", "publish", "-c", "Release", "-r", "win-x64", "--self-contained", "-nodeReuse:false"]
    subprocess.run([*publish, "-o", folder], cwd=project, check=True, stdout=subprocess.DEVNULL)
    packages = Path((project / "packages.txt").read_text(encoding="utf-8").strip())
    unwanted = shutil.ignore_patterns("pwsh.exe", "pwsh.runtimeconfig.json", "pwsh.deps.json", "*.GlobalTool.Shim.*")
    tool = packages / "powershell" / VERSION / "tools" / "net10.0" / "any" / "win"
    shutil.copytree(tool, folder, dirs_exist_ok=True, ignore=unwanted)
    path = tmp_path / f"PowerShell-{VERSION}-win-x64.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as zipped:
        for file in sorted(folder.rglob("*")):
            zipped.write(file, file.relative_to(folder))
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for the image and a store."""
    return tmp_path_factory.mktemp("official")


@pytest.fixture(scope="module")
def official(archive: Path, place: Path) -> Path:
    """The practice image with that PowerShell."""
    store, image = Store.at(place / "store"), place / "official.qcow2"
    for step in Store.default().work.glob("root-*.tar"):
        (store.work / step.name).symlink_to(step)  # of the suite's practice image; else it would be installed again
    build = ["-m", "pytest_smolvm.cli.main", "--store", str(store.root), "practice", "build"]
    subprocess.run([sys.executable, *build, "--powershell", archive, "--output", image], check=True)
    return image


def _suite(place: Path, *words: str) -> tuple[str, list[str]]:
    """What a suite prints, and how its tests ended."""
    suite = ["-m", "pytest", "-v", "-p", "no:cacheprovider", f"--smolvm-store={place / 'store'}", *words]
    run = subprocess.run(
        [sys.executable, *suite], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert 0 == run.returncode, run.stdout
    return run.stdout, [line.split()[1] for line in run.stdout.splitlines() if "::" in line and "%]" in line]


def test_the_examples_pass_on_its_image(official: Path, place: Path) -> None:
    printed, outcomes = _suite(place, str(EXAMPLES), f"--rootdir={EXAMPLES}", f"--smolvm-image={official}")

    assert ["SKIPPED"] == [outcome for outcome in outcomes if outcome != "PASSED"], printed  # Pester is not in it
    assert len(outcomes) > 8


def test_layers_and_snapshots_of_two_images_are_each_its_own(official: Path, place: Path) -> None:
    (place / "test_matrix.py").write_text(MATRIX, encoding="utf-8")
    practice = practice_image(Store.default(), Silent())
    images = [f"--smolvm-image={name}={path}" for name, path in (("practice", practice), ("official", official))]
    printed, _ = _suite(place, str(place), f"--rootdir={place}", *images)

    assert "= 4 passed in " in printed
    assert 2 == printed.count("making the layer noted, once for this host ..."), printed
