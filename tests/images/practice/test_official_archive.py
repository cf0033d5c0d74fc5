"""An official archive of PowerShell in place of our own host: the examples pass on its image.

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

from pytest_smolvm.host.store import Store

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


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """PowerShell for win-x64 as a zip file."""
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


def test_the_examples_pass_on_its_image(archive: Path, tmp_path: Path) -> None:
    store, image = Store.at(tmp_path / "store"), tmp_path / "official.qcow2"
    for step in Store.default().work.glob("root-*.tar"):
        (store.work / step.name).symlink_to(step)  # of the suite's practice image; else it would be installed again
    build = ["-m", "pytest_smolvm.cli.main", "--store", str(store.root), "practice", "build"]
    subprocess.run([sys.executable, *build, "--powershell", archive, "--output", image], check=True)

    suite = ["-m", "pytest", "-v", "-p", "no:cacheprovider", str(EXAMPLES), f"--rootdir={EXAMPLES}"]
    options = [f"--smolvm-image={image}", f"--smolvm-store={store.root}"]
    run = subprocess.run([sys.executable, *suite, *options], capture_output=True, text=True, check=False)

    assert 0 == run.returncode, run.stdout
    outcomes = [line.split()[1] for line in run.stdout.splitlines() if "::" in line and "%]" in line]
    assert ["SKIPPED"] == [outcome for outcome in outcomes if outcome != "PASSED"], run.stdout  # Pester is not in it
    assert len(outcomes) > 8
