# What has become of a program that spawn.ps1 started: its exit code once it has ended, within so many milliseconds.
# With a job's name, the program and all it has started are ended first.
param([int] $Id, [int] $Milliseconds, [string] $Job)
$ErrorActionPreference = 'Stop'
$Native = New-Native
if ($Job) {
    $handle = $Native::OpenJobObjectW(8, $false, [Runtime.InteropServices.Marshal]::StringToHGlobalUni($Job))
    $null = $Native::TerminateJobObject($handle, 1)
    $null = $Native::CloseHandle($handle)
}
$process = $Native::OpenProcess(0x00101000, $false, $Id)  # SYNCHRONIZE, PROCESS_QUERY_LIMITED_INFORMATION
if ($process -eq 0) { 'unknown'; return }
if ($Native::WaitForSingleObject($process, $Milliseconds) -eq 0) {
    $code = [byte[]]::new(4)
    $null = $Native::GetExitCodeProcess($process, $code)
    [BitConverter]::ToUInt32($code, 0)
}
$null = $Native::CloseHandle($process)
