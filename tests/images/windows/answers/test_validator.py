"""What the check of answer files finds: kinds of mistakes, made in a file that is right.

Windows Setup says nothing about any of them: it stops at a page, ignores the file, or fails near its end.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import pytest

from pytest_smolvm.errors import AnswerFileError
from pytest_smolvm.images.windows.answers import schema, validator

GOLDEN = Path(__file__).parent / "golden"
PE = "windowsPE/Microsoft-Windows-Setup/"
SHELL = "oobeSystem/Microsoft-Windows-Shell-Setup/"
DISK = PE + "DiskConfiguration/Disk/"
CREATED = DISK + "CreatePartitions/CreatePartition/"
MODIFIED = DISK + "ModifyPartitions/ModifyPartition/"
LOGON = SHELL + "AutoLogon/"
ACCOUNTS = SHELL + "UserAccounts/"
COMMAND = SHELL + "FirstLogonCommands/SynchronousCommand/"

Change = Callable[[Element], object]


def tag(name: str) -> str:
    return f"{{{schema.NAMESPACE}}}{name}"


def places(root: Element, path: str) -> list[tuple[Element, Element]]:
    """Elements at a path of pass, component and names, each with its parent."""
    where, component, *names = path.split("/")
    found = [
        (settings, element)
        for settings in root
        for element in settings
        if settings.get("pass") == where and element.get("name") == component
    ]
    for name in names:
        found = [(element, child) for _, element in found for child in element if child.tag == tag(name)]
    assert found, f"the golden file has no {path}"
    return found


def without(path: str, which: int = 0) -> Change:
    """Take an element away, with all that is in it."""

    def change(root: Element) -> None:
        parent, element = places(root, path)[which]
        parent.remove(element)

    return change


def twice(path: str, which: int = 0) -> Change:
    """An element a second time, behind itself."""

    def change(root: Element) -> None:
        parent, element = places(root, path)[which]
        parent.insert(list(parent).index(element) + 1, copy.deepcopy(element))

    return change


def saying(path: str, text: str | None, which: int = 0) -> Change:
    """Another value."""

    def change(root: Element) -> None:
        places(root, path)[which][1].text = text

    return change


def emptied(path: str) -> Change:
    """A leaf where a tree belongs."""
    return lambda root: places(root, path)[0][1].clear()


def grown(path: str, name: str, text: str, which: int = 0) -> Change:
    """One element more."""

    def change(root: Element) -> None:
        SubElement(places(root, path)[which][1], name).text = text

    return change


def marked(path: str, attribute: str, value: str) -> Change:
    """An attribute more."""
    return lambda root: places(root, path)[0][1].set(attribute, value)


def both(first: Change, second: Change) -> Change:
    """Two changes of one file."""
    return lambda root: (first(root), second(root))


def settings_twice(root: Element) -> None:
    root.append(copy.deepcopy(root[2]))


def component_twice(root: Element) -> None:
    root[2].append(copy.deepcopy(root[2][1]))


def stray_words(root: Element) -> None:
    places(root, DISK[:-1])[0][1].text = "wipe it"


def stray_tail(root: Element) -> None:
    places(root, DISK + "DiskID")[0][1].tail = "and then"


def spoilt(change: Change, golden: str = "windows-11") -> str:
    ElementTree.register_namespace("", schema.NAMESPACE)
    ElementTree.register_namespace("wcm", schema.WCM)
    root = ElementTree.fromstring((GOLDEN / f"{golden}.xml").read_text(encoding="utf-8"))
    change(root)
    return ElementTree.tostring(root, encoding="unicode")


def complaint(text: str) -> str:
    with pytest.raises(AnswerFileError) as caught:
        validator.check(text)
    return str(caught.value)


MISTAKES: dict[str, tuple[Change, str]] = {
    # Setup reads the first and ignores the second, or stops: which, nobody has written down.
    "a pass twice": (settings_twice, "pass 'oobeSystem' stands there twice"),
    "a component twice": (component_twice, "Shell-Setup.* stands there twice"),
    "a setting twice": (twice(PE + "UserData/AcceptEula"), "UserData/AcceptEula.* stands there twice"),
    "a tree twice": (twice(LOGON[:-1]), "AutoLogon.* stands there twice"),
    "a list twice": (twice(DISK + "CreatePartitions"), "CreatePartitions.* stands there twice"),
    # A tree where a leaf belongs, and the other way round.
    "an empty tree": (emptied(LOGON[:-1]), "AutoLogon .*is empty"),
    "an empty list": (emptied(DISK + "CreatePartitions"), "CreatePartitions .*is empty"),
    "an empty setting": (saying(PE + "UserData/AcceptEula", None), "AcceptEula .*value"),
    "an empty key": (saying(PE + "UserData/ProductKey/Key", None), "ProductKey/Key .*value"),
    "a setting with settings": (grown(PE + "UserData/AcceptEula", tag("Really"), "true"), "AcceptEula"),
    "words between settings": (stray_words, "Disk/ .*words between"),
    "words behind a setting": (stray_tail, "Disk/ .*words between"),
    "spaces in a value": (saying(DISK + "DiskID", " 0 "), "DiskID .*value"),
    "another name space": (grown(PE + "UserData", "{urn:ours}Organization", "us"), "name space"),
    "another attribute": (marked(PE + "UserData/AcceptEula", "Final", "yes"), "attribute 'Final'"),
    "an action on what is no list": (marked(PE + "UserData", f"{{{schema.WCM}}}action", "add"), "attribute 'action'"),
    # Partitions.
    "an order twice": (saying(CREATED + "Order", "1", 1), "CreatePartition.* Order 1, 1, 3"),
    "an order with a gap": (saying(CREATED + "Order", "4", 2), "CreatePartition.* Order 1, 2, 4"),
    "a partition modified twice": (saying(MODIFIED + "PartitionID", "1", 1), "PartitionID 1, 1, 3"),
    "a partition that is not made": (saying(MODIFIED + "PartitionID", "4", 2), "PartitionID 1, 2, 4"),
    "a start partition that is not formatted": (without(MODIFIED + "Format", 0), "EFI .*FAT32"),
    "a start partition with NTFS": (saying(MODIFIED + "Format", "NTFS", 0), "EFI .*FAT32"),
    "Windows' partition not formatted": (without(MODIFIED + "Format", 1), "Windows.* NTFS"),
    "Windows' partition with FAT32": (saying(MODIFIED + "Format", "FAT32", 1), "Windows.* NTFS"),
    "no start partition": (saying(CREATED + "Type", "Primary", 0), "one EFI partition"),
    "two start partitions": (saying(CREATED + "Type", "EFI", 1), "one EFI partition"),
    "a partition without a size": (without(CREATED + "Size"), "either a Size or Extend"),
    "size and rest at once": (grown(CREATED[:-1], tag("Extend"), "true"), "either a Size or Extend"),
    "nothing extends to the end": (
        both(without(CREATED + "Extend"), grown(CREATED[:-1], tag("Size"), "20000", 2)),
        "only the last one may, and must, Extend",
    ),
    "Windows into a partition that is not made": (
        saying(PE + "ImageInstall/OSImage/InstallTo/PartitionID", "4"), "InstallTo.* partition 4"),
    "Windows into the start partition": (
        saying(PE + "ImageInstall/OSImage/InstallTo/PartitionID", "1"), "InstallTo.* partition 1"),
    "Windows onto another disk": (saying(PE + "ImageInstall/OSImage/InstallTo/DiskID", "1"), "InstallTo.* disk 1"),
    "a disk that keeps what it has": (saying(DISK + "WillWipeDisk", "false"), "WillWipeDisk"),
    # Pages that wait.
    "no consent": (without(PE + "UserData/AcceptEula"), "AcceptEula is missing"),
    "consent refused": (saying(PE + "UserData/AcceptEula", "false"), "AcceptEula"),
    "no word about the key": (without(PE + "UserData/ProductKey"), "ProductKey/WillShowUI is missing"),
    "no edition": (without(PE + "ImageInstall/OSImage/InstallFrom"), "InstallFrom/MetaData/Key is missing"),
    "an edition without its value": (
        without(PE + "ImageInstall/OSImage/InstallFrom/MetaData/Value"), "InstallFrom/MetaData/Value is missing"),
    "two editions": (twice(PE + "ImageInstall/OSImage/InstallFrom/MetaData"), "one MetaData"),
    "an edition by a number that is none": (
        saying(PE + "ImageInstall/OSImage/InstallFrom/MetaData/Value", "Pro"), "MetaData/Value.* number"),
    "no disk": (without(PE + "DiskConfiguration"), "DiskConfiguration/Disk/DiskID is missing"),
    "no language of Setup": (
        without("windowsPE/Microsoft-Windows-International-Core-WinPE/SetupUILanguage"),
        "SetupUILanguage/UILanguage is missing"),
    "no language of Windows": (
        without("oobeSystem/Microsoft-Windows-International-Core/UILanguage"), "UILanguage is missing"),
    "a page that is not hidden": (without(SHELL + "OOBE/HideEULAPage"), "OOBE/HideEULAPage is missing"),
    "a page that is shown": (saying(SHELL + "OOBE/HideEULAPage", "false"), "OOBE/HideEULAPage"),
    "no account": (without(SHELL + "UserAccounts"), "LocalAccount/Name is missing"),
    # Accounts and commands.
    "a logon of somebody else": (saying(LOGON + "Username", "guest1"), "AutoLogon.*not one of the accounts"),
    "a logon with another password": (saying(LOGON + "Password/Value", "other"), "AutoLogon.*password"),
    "a logon that is off": (saying(LOGON + "Enabled", "false"), "AutoLogon/Enabled"),
    "no logon": (without(LOGON[:-1]), "AutoLogon/Enabled is missing"),
    "a password of unknown form": (without(LOGON + "Password/PlainText"), "Password.*PlainText"),
    "a password said to be hidden": (saying(LOGON + "Password/PlainText", "false"), "Password.*PlainText"),
    "an account twice": (twice(ACCOUNTS + "LocalAccounts/LocalAccount"), "LocalAccount.* smolvm, smolvm"),
    "an account that is no administrator": (
        saying(ACCOUNTS + "LocalAccounts/LocalAccount/Group", "Users"), "Administrators"),
    "an account called like the computer": (
        saying("specialize/Microsoft-Windows-Shell-Setup/ComputerName", "SMOLVM"), "computer's name"),
    "no first-logon command": (without(SHELL + "FirstLogonCommands"), "FirstLogonCommands/.*CommandLine is missing"),
    "a command twice": (twice(COMMAND[:-1]), "SynchronousCommand.* Order 1, 1"),
    "a command of the first stage twice": (
        twice("specialize/Microsoft-Windows-Deployment/RunSynchronous/RunSynchronousCommand"),
        "RunSynchronousCommand.* Order 1, 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name: str) -> None:
    """Each is found before anything is started, by a sentence that says where."""
    change, words = MISTAKES[name]

    assert re.search(words, complaint(spoilt(change)))


@pytest.mark.parametrize("golden", sorted(path.stem for path in GOLDEN.glob("*.xml")))
def test_what_is_right_passes(golden: str) -> None:
    """The changes above are what is refused, not the way in which they are made."""
    validator.check(spoilt(lambda root: None, golden), installs=not golden.endswith("first-start"))


def test_no_key_but_a_word_about_it() -> None:
    """Evaluation media: without the element Setup of Windows 11 24H2 asks, an empty key is an error."""
    validator.check(spoilt(without(PE + "UserData/ProductKey/Key")))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (grown(PE + "UserData", tag("Organization"), "us"), "UserData/Organization.* is not in this package's table"),
        (lambda root: root.append(Element(tag("servicing"))), "'servicing' is not in this package's table"),
        (lambda root: root[1].set("pass", "generalize"), "pass 'generalize'.* is not in this package's table"),
        (lambda root: root[0][0].set("processorArchitecture", "x86"), "processorArchitecture='amd64' only"),
        (saying(PE + "UserData/AcceptEula", "yes"), "AcceptEula.* a value that this package's table does not have"),
    ],
)
def test_documented_and_not_ours(change: Change, words: str) -> None:
    """The table holds what this package writes: nothing is said about what Microsoft documents besides."""
    told = complaint(spoilt(change))

    assert re.search(words, told)
    assert "documented" not in told


@pytest.mark.parametrize(
    "spelling",
    [
        "0409:00000409",
        "en-US",
        "0409:00000409;0407:00000407",
        "0411:{03B5835F-F03C-411B-9CE2-AA23E1171E36}{A76C93D9-5523-4E90-AAFA-4DB112F9AC76}",
    ],
)
def test_keyboards(spelling: str) -> None:
    """InputLocale's page allows a language's name, a layout's number, an input method, and several of them."""
    validator.check(spoilt(saying("oobeSystem/Microsoft-Windows-International-Core/InputLocale", spelling)))


def test_document_types() -> None:
    """Setup takes no DOCTYPE; with one, a name could stand for any text."""
    text = spoilt(lambda root: None)

    assert "DOCTYPE" in complaint("<!DOCTYPE x>" + text)
    assert "DOCTYPE" in complaint('<!DOCTYPE x [<!ENTITY y "true">]>' + text.replace(">true<", ">&y;<", 1))


def test_another_encoding() -> None:
    """The file is written in UTF-8, whatever it says of itself."""
    text = spoilt(lambda root: None)

    assert "encoding" in complaint('<?xml version="1.0" encoding="utf-16"?>' + text)


def test_a_first_start_has_no_windows_pe() -> None:
    """What is left out of one file would be a page that waits in the other; what is too much would be ignored there."""
    text = (GOLDEN / "windows-10-first-start.xml").read_text(encoding="utf-8")

    with pytest.raises(AnswerFileError, match=r"windowsPE/.*UILanguage is missing"):
        validator.check(text)
    with pytest.raises(AnswerFileError, match="is for Windows PE, and there is none"):
        validator.check((GOLDEN / "windows-11.xml").read_text(encoding="utf-8"), installs=False)


def test_passwords_are_in_no_message() -> None:
    """Whatever is wrong with one."""
    told = [
        complaint(spoilt(saying(LOGON + "Password/Value", "hunter2" * 30))),
        complaint(spoilt(saying(LOGON + "Password/Value", "hunter2"))),
        complaint(spoilt(grown(LOGON + "Password/Value", tag("Value"), "hunter2"))),
    ]

    assert "hunter2" not in "".join(told)
