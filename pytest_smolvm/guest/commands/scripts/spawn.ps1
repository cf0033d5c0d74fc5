# Starts a program that is to outlive this call, in a job of its own. Prints its process id. Our handles to the process
# and the job are left open on purpose: as long as this PowerShell lives, the id is not given to another process, the
# exit code can be asked for. The program inherits the one to its job, so that the job is found by its name, to be ended,
# as long as it or a child of it runs, whatever becomes of this PowerShell.
param([string] $Line, [string] $Directory, [string] $Job, [string] $Out, [string] $Err)
$ErrorActionPreference = 'Stop'
$Native = New-Native ($Starting + @('CreateJobObjectW', 'AssignProcessToJobObject', 'ResumeThread'))
$null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($Out))
$job = $Native::CreateJobObjectW(0, [Runtime.InteropServices.Marshal]::StringToHGlobalUni($Job))
$streams = (Open-Inherited 'NUL' -1073741824 3), (Open-Inherited $Out 0x40000000 2), (Open-Inherited $Err 0x40000000 2)
$null = $Native::SetHandleInformation($job, 1, 1)
try { $process = Start-Program $Line $Directory $streams 0x4 }  # CREATE_SUSPENDED: nothing it starts escapes the job
finally { $null = $Native::SetHandleInformation($job, 1, 0) }
$null = $Native::AssignProcessToJobObject($job, [IntPtr] [BitConverter]::ToInt64($process, 0))
$null = $Native::ResumeThread([IntPtr] [BitConverter]::ToInt64($process, 8))
foreach ($stream in $streams) { $null = $Native::CloseHandle($stream) }
[BitConverter]::ToInt32($process, 16)
