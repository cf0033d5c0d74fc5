"""Whether Windows Setup would do with an answer file what is meant by it."""

from __future__ import annotations

from pytest_smolvm.errors import AnswerFileError
from pytest_smolvm.images.windows.answers import consistency, structure


def check(text: str, *, installs: bool = True) -> None:
    """Compare an answer file with this package's table of settings, and its settings with each other.

    :param installs: it is for an installation; else for the first start of a generalized system, which has no Windows
        PE.

    :raises AnswerFileError: the first thing that is wrong; no value that may be a secret is in the message.
    """
    for contradiction in consistency.contradictions(structure.parse(text), installs=installs):
        raise AnswerFileError(contradiction)
