# Has residents started in the session that is on the screen, by a task that runs once. Read from standard input: the
# secret they are to ask for. Prints what their starter prints, or "refused" and why the Task Scheduler does not have it.
param([string] $Name, [int] $Session, [int] $Count, [int] $Milliseconds)
$ErrorActionPreference = 'Stop'
$Phases = 0x41301, 0x41303, 0x41325  # SCHED_S_TASK_RUNNING, _HAS_NOT_RUN, _QUEUED

# By its name, for which PowerShell needs no description of the object.
function Get-Property($object, [string] $name) { $object.GetType().InvokeMember($name, 'GetProperty', $null, $object, $null) }

$summonsType = (Get-Door $Name).Assembly.GetType('SmolVM.Desktop.Summons')
$summons = $summonsType::new([Console]::In.ReadLine(), [SmolVM.Starter].Assembly.Location, $Count)
$since = [Diagnostics.Stopwatch]::StartNew()
try {
    $service = [Activator]::CreateInstance([type]::GetTypeFromProgID('Schedule.Service', $true))
    $service.Connect()
    $folder = $service.GetFolder('\')
    $task = $folder.RegisterTask($summons.Name, $summons.Xml, 2, $null, $null, 3)  # TASK_CREATE, TASK_LOGON_INTERACTIVE_TOKEN
    try {
        $null = $task.RunEx($null, 4, $Session, $null)  # TASK_RUN_USE_SESSION_ID
        while ($null -eq ($said = $summons.Answer(500))) {
            $result = Get-Property $task 'LastTaskResult'
            if ((Get-Property $task 'State') -eq 3 -and $result -notin $Phases -and $null -eq ($said = $summons.Answer(500))) {  # TASK_STATE_READY
                $said = 'refused: its program has ended with 0x{0:x8}' -f $result
            }
            if (-not $said -and $since.ElapsedMilliseconds -gt $Milliseconds) { $said = 'refused: its program has said nothing in time' }
            if ($said) { break }
        }
        if ($said -match '^[\d\s]+$') { $summons.Keep($Session, $said.Trim()) }
    } finally {
        $folder.DeleteTask($summons.Name, 0)  # not before: one that has not begun would not
    }
} catch {
    $cause = $_.Exception.GetBaseException()
    $said = 'refused: {0} (0x{1:x8})' -f $cause.Message.Trim(), $cause.HResult
} finally {
    $summons.Dispose()
}
[Console]::Write($said)
