"""PowerShell for the guest: our own host of Microsoft's engine, or what an official archive holds."""

from __future__ import annotations

import os
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from pytest_smolvm.errors import HostError, UsageError
from pytest_smolvm.host.programs import run
from pytest_smolvm.images.practice.recipe import HERE, HOST, PracticeRecipe, digest, identity, libraries

VERSION = "v1.0"
MODULES = "Modules"
_ENVIRONMENT = {"DOTNET_CLI_TELEMETRY_OPTOUT": "1", "DOTNET_NOLOGO": "1", "DOTNET_SKIP_FIRST_TIME_EXPERIENCE": "1"}
# Pythons that know of filters want one to be named (PEP 706).
_SAFELY: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}


def check_powershell(recipe: PracticeRecipe) -> None:
    """Fail early if there is no way to get a PowerShell.

    :raises HostError: neither a .NET SDK nor an archive.
    """
    if recipe.powershell is None and shutil.which("dotnet") is None:
        raise HostError(
            "the practice image needs a PowerShell: either install a .NET SDK (the program dotnet), with which our own"
            " is built, or pass the official win-x64 archive:"
            " pytest-smolvm practice build --powershell PowerShell-7.x-win-x64.zip"
        )


def powershell_key(recipe: PracticeRecipe) -> str:
    """The digest of what shapes the folder of PowerShell."""
    return digest(identity(recipe), [HERE / "powershell.py", *([] if recipe.powershell else [HOST])])


def make_powershell(recipe: PracticeRecipe, directory: Path, log: Path) -> None:
    """Fill `directory` with `v1.0`, Windows' folder of that name, and `Modules`, its installed ones, if there are any.

    :raises UsageError: the archive is not one of PowerShell for Windows.
    :raises ToolError: the .NET SDK failed.
    """
    if recipe.powershell is None:
        _publish(directory, log)
    else:
        _unpack(recipe.powershell, directory / VERSION)


def _publish(directory: Path, log: Path) -> None:
    sources = directory.with_name(directory.name + ".sources")  # the SDK writes beside what it builds
    shutil.rmtree(sources, ignore_errors=True)
    shutil.copytree(HOST, sources, ignore=shutil.ignore_patterns("bin", "obj"))
    for name, source in libraries().items():
        place = sources / "libraries" / name
        place.mkdir(parents=True)
        shutil.copy(HOST / "library" / "library.csproj", place / f"{name}.csproj")
        (place / "library.cs").write_text(source, encoding="ascii")
    words: list[str | os.PathLike[str]] = [
        "dotnet",
        "publish",
        "-c",
        "Release",
        "-r",
        "win-x64",
        "--self-contained",
        "-nodeReuse:false",
        "-o",
        directory / VERSION,
    ]
    try:
        run("build the PowerShell host", words, cwd=sources, env={**os.environ, **_ENVIRONMENT}, log=log)
    finally:
        shutil.rmtree(sources, ignore_errors=True)


def _unpack(archive: Path, directory: Path) -> None:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(directory)
        else:
            with tarfile.open(archive) as tarred:
                tarred.extractall(directory, **_SAFELY)
    except (tarfile.TarError, zipfile.BadZipFile, OSError) as exc:
        raise UsageError(f"{archive} is not a PowerShell archive: {exc}") from exc
    program = directory / "pwsh.exe"
    if not program.exists():
        raise UsageError(f"{archive} holds no pwsh.exe; the win-x64 archive of PowerShell is needed")
    # Windows finds PowerShell under its old name; the program looks for pwsh.dll beside it whatever its own name is.
    shutil.copy2(program, directory / "powershell.exe")
