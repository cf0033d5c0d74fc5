# Has our library of the desktop answer on a port of its own, for who knows the secret that is read from standard input.
# Prints the port, or "absent" where the library has never been compiled.
param([string] $Name)
$ErrorActionPreference = 'Stop'
$door = Get-Door $Name
if (-not $door) { [Console]::Write('absent'); return }
[Console]::Write($door.Assembly.GetType('SmolVM.Desktop.Hotline')::Open([Console]::In.ReadLine()))
