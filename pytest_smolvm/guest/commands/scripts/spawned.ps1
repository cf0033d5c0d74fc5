# What has become of a program that spawn.ps1 started: its exit code once it has ended, within so many milliseconds.
# With `Kill`, the program and all it has started are ended first.
param([int] $Id, [int] $Milliseconds, [string] $Job, [bool] $Kill)
$ErrorActionPreference = 'Stop'
$Native = New-Native 'OpenJobObjectW', 'TerminateJobObject', 'IsProcessInJob', 'OpenProcess', 'WaitForSingleObject', 'GetExitCodeProcess', 'CloseHandle'
$jobHandle = $Native::OpenJobObjectW(12, $false, [Runtime.InteropServices.Marshal]::StringToHGlobalUni($Job))  # QUERY, TERMINATE
# Without its job the program is not there any more, nor the PowerShell that started it: its number may be another's.
if ($jobHandle -eq 0) { 'unknown'; return }
$process = $Native::OpenProcess(0x00100400, $false, $Id)  # SYNCHRONIZE, PROCESS_QUERY_INFORMATION
if ($Kill -and -not $Native::TerminateJobObject($jobHandle, 1)) {
    throw "Windows could not end what is in the job $Job"
}
if ($process -eq 0) { 'unknown' }
elseif ($Native::WaitForSingleObject($process, $Milliseconds) -eq 0) {
    $code = [byte[]]::new(4)
    $null = $Native::GetExitCodeProcess($process, $code)
    [BitConverter]::ToUInt32($code, 0)
} else {
    $inside = [byte[]]::new(4)
    $null = $Native::IsProcessInJob($process, $jobHandle, $inside)
    if (-not $inside[0]) { 'unknown' }
}
$null = $Native::CloseHandle($process)
$null = $Native::CloseHandle($jobHandle)
