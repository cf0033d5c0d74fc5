# Has Windows log this user on at the screen at each start, with the password that is read from standard input, and prints
# what was set before; or takes that back, where it is told what was.
param([string] $Name, [string] $Before, [bool] $Back)
$ErrorActionPreference = 'Stop'
$logon = (Get-Door $Name).Assembly.GetType('SmolVM.Desktop.Logon')
if ($Back) { $logon::Forget($Before) } else { [Console]::Write($logon::Arrange([Console]::In.ReadLine())) }
