"""A Pester file uploaded, run, and its result asserted.

It needs Pester 5 or later in the guest. The practice guest has it. Windows has Pester 3.4, whose assertions are written
otherwise; `Install-Module Pester -Force -SkipPublisherCheck` in the golden image adds the newest beside it.
"""

from pathlib import Path

import pytest

from pytest_smolvm import SmolVM

TESTS = r"""
BeforeAll {
    function Get-Greeting($Name) { "hello, $Name" }
}
Describe 'Get-Greeting' {
    It 'greets <_>' -ForEach 'Ada', 'Grace' {
        Get-Greeting $_ | Should -Be "hello, $_"
    }
    It 'is meant to fail' {
        Get-Greeting 'Ada' | Should -Be 'goodbye'
    }
}
"""
RUN = r"""
Import-Module Pester -MinimumVersion 5.0
$configuration = [PesterConfiguration] @{
    Run = @{ Path = 'C:\Users\smolvm\Greeting.Tests.ps1'; PassThru = $true }
    Output = @{ Verbosity = 'None' }
}
$result = Invoke-Pester -Configuration $configuration
@{ Passed = $result.PassedCount; Failed = @($result.Failed | ForEach-Object { $_.ExpandedPath }) }
"""


@pytest.fixture
def pester_vm(windows_vm: SmolVM) -> SmolVM:
    if windows_vm.run_json("@(Get-Module Pester -ListAvailable | Where-Object { $_.Version.Major -ge 5 }).Count") == 0:
        pytest.skip("the image has no Pester 5 or later: Install-Module Pester -Force -SkipPublisherCheck")
    return windows_vm


def test_pester_file(pester_vm: SmolVM, tmp_path: Path) -> None:
    tests = tmp_path / "Greeting.Tests.ps1"
    tests.write_text(TESTS)
    pester_vm.upload_file(tests, r"C:\Users\smolvm\Greeting.Tests.ps1")

    result = pester_vm.run_json(RUN)

    assert result == {"Passed": 2, "Failed": ["Get-Greeting.is meant to fail"]}
