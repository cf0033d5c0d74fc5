"""Images in the store that are prepared once per host, whoever asks first."""

from __future__ import annotations

from pathlib import Path

from pytest_smolvm import practice
from pytest_smolvm.errors import UsageError
from pytest_smolvm.locks import exclusive
from pytest_smolvm.progress import Progress
from pytest_smolvm.store import Store


def practice_image(store: Store, progress: Progress, recipe: practice.Recipe | None = None, output: Path | None = None) -> Path:
    """The practice image, built first if it is not there; by one process, the others wait for it.

    :param output: where to put it; None keeps it in the store under a name that says what it was made of.
    :raises HostError: something needed for building is missing.
    """
    recipe = recipe or practice.Recipe()
    if output is not None and not output.expanduser().absolute().parent.is_dir():
        raise UsageError(f"there is no directory {output.expanduser().absolute().parent} to put the image into")
    path = output.expanduser().absolute() if output else store.images / f"practice-{practice.key(recipe)[:16]}.qcow2"
    if output is None and path.exists():
        return path
    with exclusive(store.lock("practice"), on_wait=lambda who: progress.note(f"waiting for the practice image, which {who} is building")):
        if output is not None or not path.exists():
            practice.build(recipe, path, store, progress)
    return path
