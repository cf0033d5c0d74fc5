# Asks our library of the desktop. Says "absent" where it has never been compiled.
param([string] $Name, [int] $Milliseconds, [Parameter(ValueFromRemainingArguments)] [string[]] $Words)
$ErrorActionPreference = 'Stop'
$door = Get-Door $Name
if (-not $door) { [Console]::Write('absent'); return }
[Console]::Write($door::Answer($Milliseconds, $Words))
