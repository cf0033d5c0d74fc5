"""Whether the settings of an answer file fit together, and whether none is missing at which a page would wait."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from pytest_smolvm.images.windows.answers.structure import components

_PE = "windowsPE/Microsoft-Windows-Setup/"
_LANGUAGE = "windowsPE/Microsoft-Windows-International-Core-WinPE/"
_SHELL = "oobeSystem/Microsoft-Windows-Shell-Setup/"
_DISK = _PE + "DiskConfiguration/Disk/"
_IMAGE = _PE + "ImageInstall/OSImage/"
_LOGON = _SHELL + "AutoLogon/"
_ACCOUNT = _SHELL + "UserAccounts/LocalAccounts/LocalAccount/"
# Without one of these Setup or OOBE shows a page and waits; with None, any value will do.
_NEEDED: dict[str, str | None] = {
    _LANGUAGE + "SetupUILanguage/UILanguage": None,
    _LANGUAGE + "UILanguage": None,
    _DISK + "DiskID": None,
    _DISK + "WillWipeDisk": "true",
    _IMAGE + "InstallFrom/MetaData/Key": None,
    _IMAGE + "InstallFrom/MetaData/Value": None,
    _IMAGE + "InstallTo/DiskID": None,
    _IMAGE + "InstallTo/PartitionID": None,
    _PE + "UserData/AcceptEula": "true",
    # Setup of Windows 11 24H2 asks for a key where the element is missing; a Key in it is not needed.
    _PE + "UserData/ProductKey/WillShowUI": None,
    "specialize/Microsoft-Windows-Deployment/RunSynchronous/RunSynchronousCommand/Path": None,
    "specialize/Microsoft-Windows-Shell-Setup/ComputerName": None,
    "oobeSystem/Microsoft-Windows-International-Core/UILanguage": None,
    "oobeSystem/Microsoft-Windows-International-Core/UserLocale": None,
    _SHELL + "OOBE/HideEULAPage": "true",
    _SHELL + "OOBE/HideOEMRegistrationScreen": "true",
    _SHELL + "OOBE/HideOnlineAccountScreens": "true",
    _SHELL + "OOBE/HideWirelessSetupInOOBE": "true",
    _SHELL + "OOBE/ProtectYourPC": None,
    _ACCOUNT + "Name": None,
    _LOGON + "Enabled": "true",
    _LOGON + "LogonCount": None,
    _LOGON + "Username": None,
    _LOGON + "Password/Value": None,
    _SHELL + "FirstLogonCommands/SynchronousCommand/CommandLine": None,
}
_ORDERED = (
    _DISK + "CreatePartitions/CreatePartition",
    _DISK + "ModifyPartitions/ModifyPartition",
    _PE + "RunSynchronous/RunSynchronousCommand",
    "specialize/Microsoft-Windows-Deployment/RunSynchronous/RunSynchronousCommand",
    _SHELL + "FirstLogonCommands/SynchronousCommand",
)


class _Answers:
    """Settings by pass, component and names: ``oobeSystem/Microsoft-Windows-Shell-Setup/AutoLogon``."""

    def __init__(self, root: Element) -> None:
        self._components = {f"{where}/{name}": element for where, name, element in components(root)}

    def elements(self, path: str) -> list[Element]:
        where, name, rest = path.split("/", 2)
        component = self._components.get(f"{where}/{name}")
        return [] if component is None else component.findall(rest)

    def values(self, path: str) -> list[str]:
        return [element.text or "" for element in self.elements(path)]

    def value(self, path: str) -> str:
        return next(iter(self.values(path)), "")


def contradictions(root: Element, *, installs: bool = True) -> Iterator[str]:
    """What does not fit together in an answer file whose form is right: one sentence each, without any secret.

    Later ones suppose that there were no earlier ones.

    :param root: as `structure.parse` gives it.
    :param installs: whether it is to install something.
    """
    answers = _Answers(root)
    yield from _missing(answers, installs)
    yield from _disorder(answers)
    if installs:
        yield from _partitions(answers)
        yield from _target(answers)
        yield from _edition(answers)
    yield from _passwords(root)
    yield from _accounts(answers)


def _missing(answers: _Answers, installs: bool) -> Iterator[str]:
    for path, wanted in _NEEDED.items():
        found = answers.values(path)
        if path.startswith("windowsPE/") and not installs:
            if found:
                yield f"{path} is for Windows PE, and there is none"
        elif not found:
            yield f"{path} is missing: a page would wait for it"
        elif wanted is not None and set(found) != {wanted}:
            yield f"{path} is not {wanted!r}: a page would wait for it"


def _disorder(answers: _Answers) -> Iterator[str]:
    for path in _ORDERED:
        found = answers.values(f"{path}/Order")
        if sorted(found, key=int) != [str(number) for number in range(1, len(answers.elements(path)) + 1)]:
            yield f"the elements {path} have Order {', '.join(found)}: each its own, counted from 1"


def _partitions(answers: _Answers) -> Iterator[str]:
    made = sorted(
        answers.elements(_DISK + "CreatePartitions/CreatePartition"), key=lambda part: int(_of(part, "Order"))
    )
    kinds = {str(number): _of(part, "Type") for number, part in enumerate(made, start=1)}
    for part in made:
        if bool(_of(part, "Size")) == (_of(part, "Extend") == "true"):
            yield f"CreatePartition {_of(part, 'Order')} needs either a Size or Extend"
    if [_of(part, "Extend") == "true" for part in made] != [part is made[-1] for part in made]:
        yield "of the elements CreatePartition only the last one may, and must, Extend"
    if list(kinds.values()).count("EFI") != 1:
        yield "a disk that UEFI starts has one EFI partition"
    changed = answers.elements(_DISK + "ModifyPartitions/ModifyPartition")
    named = [_of(part, "PartitionID") for part in changed]
    if sorted(named) != sorted(kinds):
        yield f"the elements ModifyPartition have PartitionID {', '.join(named)}: each partition that is made, once"
    formats = {_of(part, "PartitionID"): _of(part, "Format") for part in changed}
    if any(formats.get(number) != "FAT32" for number, kind in kinds.items() if kind == "EFI"):
        # Found out by others at 77 % of an installation: its boot files cannot be written.
        yield "the EFI partition is not formatted with FAT32"


def _target(answers: _Answers) -> Iterator[str]:
    disk, number = answers.value(_IMAGE + "InstallTo/DiskID"), answers.value(_IMAGE + "InstallTo/PartitionID")
    if disk not in answers.values(_DISK + "DiskID"):
        yield f"InstallTo wants disk {disk}, which is not among those configured"
    made = {
        _of(part, "Order"): _of(part, "Type") for part in answers.elements(_DISK + "CreatePartitions/CreatePartition")
    }
    if made.get(number) != "Primary":
        yield f"InstallTo wants partition {number}, which is not one of type Primary that is made"
    for part in answers.elements(_DISK + "ModifyPartitions/ModifyPartition"):
        if _of(part, "PartitionID") == number and _of(part, "Format") != "NTFS":
            yield f"Windows' partition {number} is not formatted with NTFS"


def _edition(answers: _Answers) -> Iterator[str]:
    chosen = answers.elements(_IMAGE + "InstallFrom/MetaData")
    if len(chosen) != 1:
        yield "InstallFrom has more than one MetaData; this package chooses an edition by one"
    if _of(chosen[0], "Key") == "/IMAGE/INDEX" and not _of(chosen[0], "Value").isdigit():
        yield "InstallFrom/MetaData/Value is not a number, as /IMAGE/INDEX wants"


def _passwords(root: Element) -> Iterator[str]:
    for where, name, component in components(root):
        for password in (element for element in component.iter() if element.find("Value") is not None):
            if password.tag != "MetaData" and _of(password, "PlainText") != "true":
                yield f"{name} in pass {where}: {password.tag} needs PlainText 'true', since its Value is not encoded"


def _accounts(answers: _Answers) -> Iterator[str]:
    accounts = answers.elements(_ACCOUNT[:-1])
    names = [_of(account, "Name").lower() for account in accounts]
    if len(names) != len(set(names)):
        yield f"the elements LocalAccount have Name {', '.join(names)}: each its own"
    if answers.value("specialize/Microsoft-Windows-Shell-Setup/ComputerName").lower() in names:
        yield "an account has the computer's name, which Windows does not allow"
    user = answers.value(_LOGON + "Username").lower()
    if user not in names:
        yield "AutoLogon's Username is not one of the accounts that are made"
        return
    account = accounts[names.index(user)]
    if answers.value(_LOGON + "Password/Value") != account.findtext("Password/Value"):
        yield "AutoLogon's password is not that of the account"
    if _of(account, "Group") != "Administrators":
        yield "the account that runs the set-up is not in the group Administrators"


def _of(element: Element, name: str) -> str:
    return element.findtext(name) or ""
