"""The answer file, as a pure function of what is wanted; see `schema` for where each setting is documented.

``autounattend.xml`` for an installation, ``Unattend.xml`` for the first start of a system that Sysprep has generalized.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree import ElementTree

from pytest_smolvm.host.secret import masks_secrets
from pytest_smolvm.images.windows.answers import schema, validator

# Letters a disc can have: A and B are floppies, C is the new system; WinPE itself is X. Which of them a disc gets
# varies, so commands look for a file of ours on all.
_LETTERS = "D E F G H I J K L M N O P Q R S T U V W Y Z"
# Key presses through QEMU are positions of a US keyboard, so the guest has one whatever its language.
_US_KEYBOARD = "0409:00000409"
_EVERY_TIME = "9999999"
# What Setup looks for can be told to it; how many processors there are cannot (pbatard/rufus 1990).
_BYPASSED = ("BypassTPMCheck", "BypassSecureBootCheck", "BypassRAMCheck", "BypassStorageCheck")

Tree = Sequence[tuple[str, "str | Tree"]]


@masks_secrets
@dataclass(frozen=True, kw_only=True)
class Answers:
    """Everything the answer file says."""

    index: int | None
    """The edition's number in install.wim; None: nothing is installed, but a generalized system starts."""
    ui_language: str
    """The language Setup and Windows speak; must be on the disc."""
    locale: str
    """Formats of dates and numbers, and the code page of old programs."""
    timezone: str
    computer_name: str
    user: str
    password: str = field(repr=False)
    product_key: str | None = field(repr=False)
    """None writes none, and that Setup is not to ask: evaluation media refuse any key."""
    server: bool
    desktop: bool
    """Log on at every start."""
    bypass_checks: bool
    """Tell Setup not to look for TPM, Secure Boot, memory and the size of the disk."""
    skip_oobe: bool
    """Leave out the pages of the first start altogether."""


def render(wanted: Answers) -> str:
    """The text of the answer file.

    :raises AnswerFileError: it would hold something that is not in the table, or does not fit together.
    """
    # XML is made from a tree, never by pasting text, so every value is escaped. No byte-order mark: Setup ignores
    # files that begin with one, without a word.
    root = ElementTree.Element("unattend", {"xmlns": schema.NAMESPACE, "xmlns:wcm": schema.WCM})
    passes = [("specialize", _specialize(wanted)), ("oobeSystem", _oobe(wanted))]
    if wanted.index is not None:
        passes.insert(0, ("windowsPE", _windows_pe(wanted, wanted.index)))
    for name, components in passes:
        settings = ElementTree.SubElement(root, "settings", {"pass": name})
        for component, tree in components:
            _grow(_component(settings, component), tree)
    ElementTree.indent(root)
    text = '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
    validator.check(text, installs=wanted.index is not None)
    return text


def stage_command(stage: str) -> str:
    """The command line that runs a stage of ours from whichever disc holds `setup.cmd`."""
    return f"cmd.exe /c {stage_line(stage)}"


def stage_line(stage: str) -> str:
    """The same as a line of cmd.exe."""
    return on_disc(rf"call %d:\smolvm\setup.cmd {stage}")


def on_disc(line: str) -> str:
    """A line of cmd.exe that does `line` on the disc with `setup.cmd`, whose drive is ``%d:`` in it."""
    return rf"for %d in ({_LETTERS}) do @if exist %d:\smolvm\setup.cmd {line}"


def _windows_pe(wanted: Answers, index: int) -> list[tuple[str, Tree]]:
    setup: list[tuple[str, str | Tree]] = [
        ("DiskConfiguration", _disk()),
        # Offline and repeatable: no update of Setup itself from the network.
        ("DynamicUpdate", [("Enable", "false"), ("WillShowUI", "OnError")]),
        ("ImageInstall", [("OSImage", _image(index))]),
        ("UserData", _user_data(wanted)),
    ]
    if wanted.bypass_checks:
        setup.append(("RunSynchronous", _bypass()))
    language = [("SetupUILanguage", [("UILanguage", wanted.ui_language)]), *_international(wanted)]
    return [("Microsoft-Windows-International-Core-WinPE", language), ("Microsoft-Windows-Setup", setup)]


def _specialize(wanted: Answers) -> list[tuple[str, Tree]]:
    components: list[tuple[str, Tree]] = [
        # As SYSTEM, before anybody logs on: drivers, and what must be set before the first user exists.
        ("Microsoft-Windows-Deployment", [("RunSynchronous", _run([stage_command("specialize")]))]),
        # The public setup key cannot be activated; without this Windows tries and complains.
        ("Microsoft-Windows-Security-SPP-UX", [("SkipAutoActivation", "true")]),
        ("Microsoft-Windows-Shell-Setup", [("ComputerName", wanted.computer_name), ("TimeZone", wanted.timezone)]),
    ]
    if wanted.server:
        components.insert(2, ("Microsoft-Windows-ServerManager-SvrMgrNc", [("DoNotOpenServerManagerAtLogon", "true")]))
    return components


def _oobe(wanted: Answers) -> list[tuple[str, Tree]]:
    shell = [
        ("AutoLogon", _auto_logon(wanted)),
        ("FirstLogonCommands", [("SynchronousCommand", _first_logon(1, stage_command("first-logon")))]),
        # Every page that would ask something. A local account below makes the network pages unnecessary.
        ("OOBE", _oobe_pages(wanted)),
        ("UserAccounts", _accounts(wanted)),
    ]
    return [("Microsoft-Windows-International-Core", _international(wanted)), ("Microsoft-Windows-Shell-Setup", shell)]


def _international(wanted: Answers) -> Tree:
    return [
        ("InputLocale", _US_KEYBOARD),
        ("SystemLocale", wanted.locale),
        ("UILanguage", wanted.ui_language),
        # Setup of Windows 11 24H2 was seen to ask for the language without it (cschneegans/unattend-generator 64).
        ("UILanguageFallback", wanted.ui_language),
        ("UserLocale", wanted.locale),
    ]


def _disk() -> Tree:
    # "UEFI/GPT-based hard drive partitions" (Microsoft Learn): EFI, MSR, Windows. Setup of Windows 11 24H2 and Server
    # 2025, and of those since, makes a recovery partition behind it all the same, which finish.ps1 removes, so that
    # Windows' can grow. DiskID 0: the SATA disk is found before the virtio one.
    create = [("EFI", ("Size", "260")), ("MSR", ("Size", "16")), ("Primary", ("Extend", "true"))]
    made: Tree = [
        ("CreatePartition", [("Order", str(order)), ("Type", kind), size])
        for order, (kind, size) in enumerate(create, start=1)
    ]
    modified: Tree = [
        ("ModifyPartition", [("Order", "1"), ("PartitionID", "1"), ("Format", "FAT32"), ("Label", "System")]),
        ("ModifyPartition", [("Order", "2"), ("PartitionID", "2")]),
        (
            "ModifyPartition",
            [("Order", "3"), ("PartitionID", "3"), ("Format", "NTFS"), ("Label", "Windows"), ("Letter", "C")],
        ),
    ]
    disk: Tree = [("DiskID", "0"), ("WillWipeDisk", "true"), ("CreatePartitions", made), ("ModifyPartitions", modified)]
    return [("WillShowUI", "OnError"), ("Disk", disk)]


def _image(index: int) -> Tree:
    return [
        # By index: names are translated on localized media and repeat on some.
        ("InstallFrom", [("MetaData", [("Key", "/IMAGE/INDEX"), ("Value", str(index))])]),
        ("InstallTo", [("DiskID", "0"), ("PartitionID", "3")]),
        ("WillShowUI", "OnError"),
    ]


def _user_data(wanted: Answers) -> Tree:
    # Without the element Setup of Windows 11 24H2 shows its page for the key (cschneegans/unattend-generator 359); with
    # an empty Key in it, evaluation media of Server 2019 and 2022 fail (OpenNebula/one-apps 225).
    key: Tree = [("WillShowUI", "Never")]
    if wanted.product_key is not None:
        key = [("Key", wanted.product_key), ("WillShowUI", "OnError")]
    return [("AcceptEula", "true"), ("FullName", wanted.user), ("ProductKey", key)]


def _bypass() -> Tree:
    key = r"HKLM\SYSTEM\Setup\LabConfig"
    return _run([f"reg.exe add {key} /v {name} /t REG_DWORD /d 1 /f" for name in _BYPASSED])


def _run(commands: Sequence[str]) -> Tree:
    return [
        ("RunSynchronousCommand", [("Order", str(order)), ("Description", "pytest-smolvm"), ("Path", command)])
        for order, command in enumerate(commands, start=1)
    ]


def _first_logon(order: int, command: str) -> Tree:
    return [("Order", str(order)), ("CommandLine", command), ("Description", "pytest-smolvm")]


def _auto_logon(wanted: Answers) -> Tree:
    count = _EVERY_TIME if wanted.desktop else "1"
    return [("Enabled", "true"), ("LogonCount", count), ("Username", wanted.user), ("Password", _password(wanted))]


def _oobe_pages(wanted: Answers) -> Tree:
    hidden = [
        "HideEULAPage",
        "HideLocalAccountScreen",
        "HideOEMRegistrationScreen",
        "HideOnlineAccountScreens",
        "HideWirelessSetupInOOBE",
    ]
    if wanted.skip_oobe:
        # Windows 10 without the internet stops at "Let's connect you to a network" all the same
        # (cschneegans/unattend-generator 68). Both are deprecated and still work there (cloudbase-init-installer 51);
        # Windows 11 was seen to stay at "Just a moment" with them (FriendsOfMDT/PSD 92).
        hidden += ["SkipMachineOOBE", "SkipUserOOBE"]
    # ProtectYourPC 3: "express settings" off, so nothing is sent or updated.
    return [*((name, "true") for name in hidden), ("ProtectYourPC", "3")]


def _accounts(wanted: Answers) -> Tree:
    account: Tree = [
        ("Name", wanted.user),
        ("DisplayName", wanted.user),
        ("Group", "Administrators"),  # Setup takes the English name on every language
        ("Password", _password(wanted)),
    ]
    accounts: list[tuple[str, str | Tree]] = [("LocalAccounts", [("LocalAccount", account)])]
    if wanted.server:
        # Server stops at its first screen until the built-in Administrator has a password.
        accounts.insert(0, ("AdministratorPassword", _password(wanted)))
    return accounts


def _password(wanted: Answers) -> Tree:
    return [("Value", wanted.password), ("PlainText", "true")]


def _component(settings: ElementTree.Element, name: str) -> ElementTree.Element:
    identity = {
        "name": name,
        "processorArchitecture": "amd64",
        "publicKeyToken": "31bf3856ad364e35",
        "language": "neutral",
        "versionScope": "nonSxS",
    }
    return ElementTree.SubElement(settings, "component", identity)


def _grow(parent: ElementTree.Element, tree: Tree) -> None:
    for tag, content in tree:
        child = ElementTree.SubElement(parent, tag, {"wcm:action": "add"} if tag in schema.LISTED else {})
        if isinstance(content, str):
            child.text = content
        else:
            _grow(child, content)
