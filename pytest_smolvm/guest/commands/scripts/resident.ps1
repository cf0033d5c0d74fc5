# The resident: powershell.exe processes that outlive the session that started them, each listening on a loopback port
# of its own and running one call at a time. One process per call at a time, because the environment, the current
# directory, the console and the standard streams belong to a process: calls that run at once must not share them.
# Within a process every call has a new runspace, streams of its own and an environment made anew from the registry.
#
# A connection sends the secret, then frames: a letter, a length (32 bits, little endian) and that many bytes.
#   in:  R request   I input for the script   E end of the input   S stop the script   C set the clock
#   out: b the script is about to begin   i a piece of input was taken   o output   e error output   x exit code
#        c whether the clock could be set

$Spares = 3        # runspaces kept open in advance
$Grace = 3000      # milliseconds for a stopped script, and for output that programs still hold back after the end
$ChunkSize = 65536
$LastPieces = 256  # pieces of output after the end of a script, whose pipes hold a few
$Patience = 300000  # milliseconds for a PowerShell that starts, on an emulated processor that others use, too

# --- environment ----------------------------------------------------------------------------------------------------

# A logon sets the first two itself; PowerShell puts folders of its own into the third when it starts.
$Kept = 'USERNAME', 'PROCESSOR_ARCHITECTURE', 'PSModulePath'

# The two places where variables are stored, each with an event that comes when anything in it changes.
function Open-Stores {
    foreach ($place in @([Microsoft.Win32.Registry]::LocalMachine, 'SYSTEM\CurrentControlSet\Control\Session Manager\Environment'),
        @([Microsoft.Win32.Registry]::CurrentUser, 'Environment')) {
        $key = $place[0].OpenSubKey($place[1])
        if ($key) { @{ Key = $key; Changed = [Threading.ManualResetEvent]::new($true) } }
    }
}

# Whether the stores have changed since the last look.
function Test-Changed {
    $changed = $false
    foreach ($store in $Stores) {
        if ($store.Changed.WaitOne(0)) {
            $changed = $true
            $null = $store.Changed.Reset()
            $event = $store.Changed.SafeWaitHandle.DangerousGetHandle()
            # Values and names; if Windows refuses, the event is set for good and we read the store every time.
            if ($Native::RegNotifyChangeKeyValue($store.Key.Handle.DangerousGetHandle(), $false, 5, $event, $true)) { $null = $store.Changed.Set() }
        }
    }
    $changed
}

# The stored variables, in the order in which a logon sets them: the machine's, then the user's, which win; of each the
# plain ones first, so that the others may refer to them.
function Read-Stored {
    foreach ($key in $Stores.Key) {
        $expanded = [Collections.Generic.List[object]]::new()
        foreach ($name in $key.GetValueNames()) {
            if (-not $name -or $name.Contains('=')) { continue }  # a key's default value has no name
            $value = $key.GetValue($name, $null, 'DoNotExpandEnvironmentNames')
            try { $kind = $key.GetValueKind($name) } catch [IO.IOException] { continue }  # deleted since it was listed
            # Windows expands a PATH of either type.
            if ($kind -eq 'ExpandString' -or ($kind -eq 'String' -and $name -eq 'Path')) { $expanded.Add(@($name, $value, $key, $true)) }
            elseif ($kind -eq 'String') { , @($name, $value, $key, $false) }
        }
        $expanded
    }
}

# PowerShell would make an empty string of a plain $null, which .NET 9 stores instead of deleting.
function Clear-EnvironmentVariable([string] $name) { [Environment]::SetEnvironmentVariable($name, [NullString]::Value) }

# Set a variable to what the registry has for it; the registry may have what no variable can be.
function Set-Stored([string] $name, [string] $value) {
    try { [Environment]::SetEnvironmentVariable($name, $value) } catch [ArgumentException] { }
}

# Make the environment of a new logon: what the process was given by its own, and above it what the registry holds now.
function Set-Environment {
    foreach ($name in @([Environment]::GetEnvironmentVariables().Keys)) {
        if (-not $Given.ContainsKey($name)) { Clear-EnvironmentVariable $name }
    }
    foreach ($name in $Given.Keys) { [Environment]::SetEnvironmentVariable($name, $Given[$name]) }
    $paths = @{}
    foreach ($entry in Read-Stored) {
        $name, $value, $key, $expands = $entry
        if ($Kept -contains $name) { continue }
        if ($expands) { $value = [Environment]::ExpandEnvironmentVariables($value) }
        if ($name -eq 'Path') {  # the machine's, then the user's
            $paths[$key.Name] = $value
            $value = @(foreach ($store in $Stores) { if ($paths[$store.Key.Name]) { $paths[$store.Key.Name] } }) -join ';'
        }
        Set-Stored $name $value
    }
    Set-ModulePath
}

# What a logon sets PSModulePath to: the user's value, else the machine's; nothing if it sets none.
function Get-LogonModulePath {
    $found = ''
    foreach ($entry in Read-Stored) {
        $name, $value, $key, $expands = $entry
        if ($name -eq 'PSModulePath') { $found = if ($expands) { [Environment]::ExpandEnvironmentVariables($value) } else { $value } }
    }
    $found
}

# PSModulePath as a new PowerShell has it. It is asked for that only if a logon sets another than before, as once
# somebody has installed a product with modules.
function Set-ModulePath {
    $logon = Get-LogonModulePath
    if ($logon -cne $ModulePath.Logon) { $script:ModulePath = @{ Logon = $logon; Value = Get-NewModulePath $logon } }
    Set-Stored 'PSModulePath' $ModulePath.Value
}

# What a PowerShell that is started now makes of it; the value itself if it does not say.
function Get-NewModulePath([string] $logon) {
    if ($logon) { Set-Stored 'PSModulePath' $logon } else { Clear-EnvironmentVariable 'PSModulePath' }
    $code = '[Console]::Out.Write([Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($env:PSModulePath)))'
    $start = [Diagnostics.ProcessStartInfo]::new((Get-Program), "-NoProfile -NonInteractive -Command `"$code`"")
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $start.RedirectStandardOutput = $start.RedirectStandardError = $true
    $process = [Diagnostics.Process]::Start($start)
    $process.StandardInput.Close()
    $process.BeginErrorReadLine()
    $said = $process.StandardOutput.ReadToEndAsync()
    if (-not $said.Wait($Patience)) { $process.Kill(); return $logon }
    try { $made = [Text.Encoding]::Unicode.GetString([Convert]::FromBase64String($said.Result)) } catch [FormatException] { $made = $logon }
    $process.Dispose()
    $made
}

# The environment as one block, in memory of its own. Without the current directories of drives, whose names begin with
# "=": Windows does not take those back, and they are an earlier call's.
function Copy-Environment {
    $first = $Native::GetEnvironmentStringsW()
    $block = [Text.StringBuilder]::new()
    $at = $first
    while ($entry = [Runtime.InteropServices.Marshal]::PtrToStringUni($at)) {
        if ($entry[0] -ne '=') { $null = $block.Append($entry).Append([char] 0) }
        $at = [IntPtr]::Add($at, 2 * ($entry.Length + 1))
    }
    $null = $Native::FreeEnvironmentStringsW($first)
    [Runtime.InteropServices.Marshal]::StringToHGlobalUni($block.Append([char] 0).ToString())
}

# Make the environment anew if what it is made of has changed.
function Update-Environment {
    if (-not (Test-Changed) -and $null -ne $Clean) { return }
    Set-Environment
    if ($null -ne $Clean) { [Runtime.InteropServices.Marshal]::FreeHGlobal($Clean) }
    $script:Clean = Copy-Environment
}

# Undo what a call has changed. At once, since one variable after another takes long on an emulated processor.
function Restore-Environment {
    if (-not $Native::SetEnvironmentStringsW($Clean)) { Set-Environment }
}

# What the process has that does not come from the registry.
function Get-Given {
    $given = @{}
    $stored = @(Read-Stored | ForEach-Object { $_[0] } | Where-Object { $Kept -notcontains $_ })
    $all = [Environment]::GetEnvironmentVariables()
    foreach ($name in $all.Keys) { if ($stored -notcontains $name) { $given[$name] = $all[$name] } }
    $given
}

# --- runspaces ------------------------------------------------------------------------------------------------------

# What a new runspace runs first, so that a script finds the cmdlets that print loaded. It prints nothing itself.
$FirstLine = '$null | Out-Default; $null = 1 | Microsoft.PowerShell.Utility\Out-String'

# A runspace that is being opened, with a task for that.
function Start-Spare {
    $runspace = New-Runspace
    $open = [Delegate]::CreateDelegate([Action], $runspace, 'Open')
    @{ Runspace = $runspace; Ready = [Threading.Tasks.Task]::Run([Action] $open); Shell = $null }
}

# Take one further step in preparing spares, if there is something to do and nothing under way; its task, if any.
function Step-Spares {
    foreach ($spare in $Pool) {
        if (-not $spare.Ready.IsCompleted) { return $spare.Ready }
        if (-not $spare.Shell) {
            $spare.Shell = [powershell]::Create()
            $spare.Shell.Runspace = $spare.Runspace
            $null = $spare.Shell.AddScript($FirstLine)
            $nothing = [System.Management.Automation.PSDataCollection[psobject]]::new()
            $nothing.Complete()
            $spare.Ready = Start-Shell $spare.Shell $nothing ([System.Management.Automation.PSInvocationSettings]::new())
            return $spare.Ready
        }
    }
    if ($Pool.Count -lt $Spares) {
        $Pool.Enqueue((Start-Spare))
        Step-Spares
    }
}

function Get-Spare {
    if (-not $Pool.Count) { $Pool.Enqueue((Start-Spare)) }
    $spare = $Pool.Dequeue()
    $null = [Threading.Tasks.Task]::WaitAny($spare.Ready)
    if ($spare.Shell) { $spare.Shell.Dispose() }
    $spare.Runspace
}

# --- streams --------------------------------------------------------------------------------------------------------

# Pipes of this call alone in place of the process's standard streams: a program that an earlier call left behind
# cannot write into this one's output. We hold the far ends; children inherit the near ones.
function Open-Streams {
    $streams = @{}
    foreach ($name in 'Input', 'Output', 'Error') {
        $direction = if ($name -eq 'Input') { 'Out' } else { 'In' }
        $pipe = [IO.Pipes.AnonymousPipeServerStream]::new($direction, 'Inheritable', $ChunkSize)
        $null = $Native::SetStdHandle($Handles[$name], $pipe.ClientSafePipeHandle.DangerousGetHandle())
        $streams[$name] = $pipe
    }
    [Console]::SetIn([IO.StreamReader]::new([Console]::OpenStandardInput(), [Text.UTF8Encoding]::new($false)))
    Set-Utf8
    $streams
}

# Let go of the near ends: the far ends then end as soon as no child holds them any more.
function Close-Near($streams) {
    foreach ($name in 'Input', 'Output', 'Error') {
        $null = $Native::SetStdHandle($Handles[$name], 0)
        $streams[$name].DisposeLocalCopyOfClientHandle()
    }
}

# --- frames ---------------------------------------------------------------------------------------------------------

# Send a frame; a connection that broke is marked as lost and gets no more.
function Send-Frame($connection, [char] $kind, [byte[]] $bytes, [int] $count) {
    if ($connection.Lost) { return }
    $frame = [byte[]]::new(5 + $count)
    $frame[0] = [byte] $kind
    [BitConverter]::GetBytes($count).CopyTo($frame, 1)
    [Buffer]::BlockCopy($bytes, 0, $frame, 5, $count)
    try { $connection.Stream.Write($frame, 0, $frame.Length) } catch [IO.IOException], [ObjectDisposedException] { $connection.Lost = $true }
}

# The next step of reading a frame, when the task of the last one has ended: the frame once it is whole, 'end' when the
# other side has gone, else nothing.
function Step-Frame($connection) {
    if ($connection.Task) {
        try { $got = $connection.Task.GetAwaiter().GetResult() } catch [IO.IOException], [ObjectDisposedException] { $got = 0 }
        if (-not $got) { return @{ Kind = 'end' } }
        $connection.Have += $got
    }
    if (-not $connection.InBody -and $connection.Have -eq 5) {
        $connection.Kind = [string] [char] $connection.Bytes[0]
        $connection.Bytes = [byte[]]::new([BitConverter]::ToInt32($connection.Bytes, 1))
        $connection.Have = 0
        $connection.InBody = $true
    }
    $whole = $connection.InBody -and $connection.Have -eq $connection.Bytes.Length
    if ($whole) {
        $frame = @{ Kind = $connection.Kind; Bytes = $connection.Bytes }
        $connection.Bytes = [byte[]]::new(5)
        $connection.Have = 0
        $connection.InBody = $false
    }
    $connection.Task = $connection.Stream.ReadAsync($connection.Bytes, $connection.Have, $connection.Bytes.Length - $connection.Have)
    if ($whole) { $frame }
}

# A connection whose first bytes were the secret; nothing for any other.
function Confirm-Connection($socket) {
    $socket.NoDelay = $true
    $stream = [Net.Sockets.NetworkStream]::new($socket, $true)
    $stream.ReadTimeout = $Grace
    try { $given = Read-Bytes $stream $Secret.Length } catch [IO.IOException] { $given = $null }
    $different = [int] ($null -eq $given)
    # As long for a wrong secret as for the right one.
    if ($given) { for ($i = 0; $i -lt $Secret.Length; $i++) { $different = $different -bor ($given[$i] -bxor $Secret[$i]) } }
    if ($different) { $stream.Close(); return }
    $stream.ReadTimeout = -1
    $connection = @{ Stream = $stream; Bytes = [byte[]]::new(5); Have = 0; InBody = $false; Task = $null }
    $null = Step-Frame $connection
    $connection
}

# --- one call -------------------------------------------------------------------------------------------------------

# Run a request to its end and report its exit code. The connection is marked as lost if it broke.
function Invoke-Request($connection, [byte[]] $request) {
    Send-Frame $connection 'b' ([byte[]]::new(0)) 0  # without it nothing has happened, if we end
    Update-Environment
    [Environment]::CurrentDirectory = $env:USERPROFILE
    $runspace = Get-Spare
    Set-Stored 'PSModulePath' $ModulePath.Value  # a runspace that is opened puts in folders as if it were the first
    $parts = ConvertFrom-Request $request
    $reader = if (Test-ReadsInput $parts[0]) { Receive-Input $connection }
    $streams = Open-Streams
    $call = Start-Request $runspace $parts $reader
    $call.Connection = $connection
    $call.Reads = @((Start-Read 'o' $streams.Output), (Start-Read 'e' $streams.Error))
    $call.Input = [Collections.Generic.Queue[byte[]]]::new()
    $call.InputPipe = $streams.Input
    $code = Receive-Call $call
    [Console]::Out.Flush()
    Stop-Children $Job
    Close-Near $streams
    Receive-Rest $call
    foreach ($name in 'Input', 'Output', 'Error') { $streams[$name].Dispose() }
    $call.Shell.Dispose()
    # Closing alone would keep its thread. In the background, since it may wait for jobs and events of the script.
    $null = [Threading.Tasks.Task]::Run([Action] [Delegate]::CreateDelegate([Action], $runspace, 'Dispose'))
    Send-Frame $connection 'x' ([BitConverter]::GetBytes([int] $code)) 4
    Restore-Environment  # for the next call, whose caller need not wait for it
}

function Start-Read([char] $kind, $pipe) {
    $buffer = [byte[]]::new($ChunkSize)
    @{ Kind = $kind; Pipe = $pipe; Buffer = $buffer; Task = $pipe.ReadAsync($buffer, 0, $buffer.Length) }
}

# Pass on what a read brought and start the next one, unless the stream has ended.
function Step-Read($call, $read) {
    $got = $read.Task.GetAwaiter().GetResult()
    if ($got) {
        Send-Frame $call.Connection $read.Kind $read.Buffer $got
        $read.Task = $read.Pipe.ReadAsync($read.Buffer, 0, $read.Buffer.Length)
    } else {
        $call.Reads = @(foreach ($other in $call.Reads) { if ($other -ne $read) { $other } })
    }
}

# Wait for the first of the tasks; its index, -1 if none ended in time.
function Wait-First($tasks, $until) {
    $milliseconds = if ($until) { [Math]::Max(0, [int] ($until - [DateTime]::UtcNow).TotalMilliseconds) } else { -1 }
    [Threading.Tasks.Task]::WaitAny([Threading.Tasks.Task[]] $tasks, $milliseconds)
}

# Carry output and input until the script has ended; its exit code.
function Receive-Call($call) {
    while ($true) {
        if ($call.Connection.Lost) { $null = Stop-Call $call }
        $tasks = @($call.Task, $call.Connection.Task) + @($call.Reads.Task)
        if ($call.Writing) { $tasks += $call.Writing }
        $first = Wait-First $tasks $call.GivenUp
        if ($first -eq -1) { Restart-Self }
        elseif ($first -eq 0) { if ($null -ne ($code = Step-Call $call)) { return $code } }
        elseif ($first -eq 1) { $null = Receive-Frame $call }
        elseif ($first -lt 2 + $call.Reads.Count) { $null = Step-Read $call $call.Reads[$first - 2] }
        else { $null = Step-Input $call }
    }
}

function Receive-Frame($call) {
    $frame = Step-Frame $call.Connection
    switch ($frame.Kind) {
        'I' { $call.Input.Enqueue($frame.Bytes); if (-not $call.Writing) { Step-Input $call } }
        'E' { $call.Input.Enqueue([byte[]]::new(0)); if (-not $call.Writing) { Step-Input $call } }
        'S' { Stop-Call $call }  # a second one changes nothing
        'end' { Set-Lost $call.Connection }
    }
}

# Give the next piece of input to the script, and tell the other side that it may send another. An empty one is the end.
function Step-Input($call) {
    if ($call.Writing) {
        try { $null = $call.Writing.GetAwaiter().GetResult() } catch [IO.IOException], [ObjectDisposedException] { }  # nobody reads it any more
        $call.Writing = $null
        Send-Frame $call.Connection 'i' ([byte[]]::new(0)) 0
    }
    if (-not $call.Input.Count) { return }
    $bytes = $call.Input.Dequeue()
    if ($bytes.Length) { $call.Writing = $call.InputPipe.WriteAsync($bytes, 0, $bytes.Length) } else { $call.InputPipe.Dispose() }
}

# All of the input, before the script begins: what is to be $input cannot come through the pipe while nobody empties it.
function Receive-Input($connection) {
    $all = [IO.MemoryStream]::new()
    while (-not $connection.Lost) {
        $null = Wait-First @($connection.Task)
        $frame = Step-Frame $connection
        if ($frame.Kind -eq 'I') { $all.Write($frame.Bytes, 0, $frame.Bytes.Length); Send-Frame $connection 'i' ([byte[]]::new(0)) 0 }
        elseif ($frame.Kind -eq 'end') { Set-Lost $connection }
        elseif ($frame) { break }
    }
    $all.Position = 0
    [IO.StreamReader]::new($all)
}

# Mark a connection as lost; nothing will be read from it any more.
function Set-Lost($connection) {
    $connection.Lost = $true
    $connection.Task = [Threading.Tasks.TaskCompletionSource[int]]::new().Task
}

# Ask the script to end and end its programs. What does not listen takes the whole process with it, after a while.
function Stop-Call($call) {
    if ($call.GivenUp) { return }
    $call.GivenUp = [DateTime]::UtcNow.AddMilliseconds($Grace)
    $null = $call.Shell.BeginStop($null, $null)
    Stop-Children $Job
}

# The output that is still on its way. Not for ever: a program that left our job may hold a stream open, or go on writing.
# What counts is how long we wait for output, not how long the host takes for it.
function Receive-Rest($call) {
    $patience = [TimeSpan]::FromMilliseconds($Grace)
    for ($count = 0; $call.Reads.Count -and $count -lt $LastPieces; $count++) {
        $began = [DateTime]::UtcNow
        $first = Wait-First @($call.Reads.Task) ($began + $patience)
        if ($first -eq -1) { return }
        $patience -= [DateTime]::UtcNow - $began
        Step-Read $call $call.Reads[$first]
    }
}

# --- the process ----------------------------------------------------------------------------------------------------

# End at once, with a successor on the same port.
function Restart-Self {
    Set-Seat $Port 0
    $null = Start-Resident $File
    $null = $Native::TerminateProcess($Self, 1)
}

function Set-Seat([int] $port, [int] $reportTo) {
    $env:SMOLVM_RESIDENT = "$([Text.Encoding]::ASCII.GetString($Secret)) $port $reportTo"
}

function Open-Listener([int] $port) {
    $listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, $port)
    for ($attempt = 0; $true; $attempt++) {
        try { $listener.Start(); Hide-Socket $listener.Server; return $listener }
        catch [Net.Sockets.SocketException] {
            if ($attempt -eq 50) { throw }
            [Threading.Thread]::Sleep(100)  # a predecessor is ending; nothing tells when its port is free
        }
    }
}

# Tell the starter which port it became.
function Send-Port([int] $reportTo) {
    $client = [Net.Sockets.TcpClient]::new('127.0.0.1', $reportTo)
    $client.GetStream().Write($Secret, 0, $Secret.Length)
    $client.GetStream().Write([BitConverter]::GetBytes($Port), 0, 4)
    $client.Close()
}

# A task for the next connection's socket. It is made here rather than by the listener, which would have one ready that a
# program started meanwhile inherits.
function Start-Accept($listener) {
    $next = [Net.Sockets.Socket]::new('InterNetwork', 'Stream', 'Tcp')
    Hide-Socket $next
    $server = $listener.Server
    if ($server.GetType().GetMethod('AcceptAsync', [type[]] [Net.Sockets.Socket])) { return $server.AcceptAsync($next) }
    # .NET Framework has no such method, and PowerShell 7 does not end a BeginAccept like this one so.
    $method = $server.GetType().GetMethod('EndAccept', [type[]] [IAsyncResult])
    $end = [Delegate]::CreateDelegate([Func[IAsyncResult, object]], $server, $method)
    [Threading.Tasks.Task[object]]::Factory.FromAsync($server.BeginAccept($next, 0, $null, $null), $end)
}

# Serve for ever: the newest connection that knows the secret is the one listened to, because the one before may have
# been left behind by a host that is gone, as after the restoration of a snapshot.
function Invoke-Server($listener) {
    $accept = Start-Accept $listener
    $connection = $null
    while ($true) {
        $tasks = @($accept)
        if ($connection) { $tasks += $connection.Task }
        $opening = Step-Spares
        if ($opening) { $tasks += $opening }
        $first = Wait-First $tasks
        if ($first -eq 0) {
            $newer = Confirm-Connection $accept.Result
            if ($newer) { if ($connection) { $connection.Stream.Close() }; $connection = $newer }
            $accept = Start-Accept $listener
        } elseif ($connection -and $first -eq 1) {
            Invoke-Frame $connection (Step-Frame $connection)
            if ($connection.Lost) { $connection.Stream.Close(); $connection = $null }
        }
    }
}

function Invoke-Frame($connection, $frame) {
    switch ($frame.Kind) {
        'R' { Invoke-Request $connection $frame.Bytes }
        'C' { Send-Frame $connection 'c' ([byte[]] @([int] (Set-Clock ([BitConverter]::ToInt64($frame.Bytes, 0))))) 1 }
        'end' { $connection.Lost = $true }
    }
}

$ErrorActionPreference = 'Stop'
$secretText, $wanted, $reportTo = $env:SMOLVM_RESIDENT -split ' '
Clear-EnvironmentVariable 'SMOLVM_RESIDENT'
$Secret = [Text.Encoding]::ASCII.GetBytes($secretText)
$Native = New-Native ($Starting + @('SetStdHandle', 'CreateJobObjectW', 'AssignProcessToJobObject', 'IsProcessInJob',
        'SetInformationJobObject', 'QueryInformationJobObject', 'TerminateProcess', 'SetSystemTime', 'GetEnvironmentStringsW',
        'FreeEnvironmentStringsW', 'SetEnvironmentStringsW', 'RegNotifyChangeKeyValue'))
$Job = Enter-Job
foreach ($stream in $Handles.Values) { $null = $Native::SetHandleInformation($Native::GetStdHandle($stream), 1, 0) }  # nobody else's
$Stores = @(Open-Stores)
$Given = Get-Given
$ModulePath = @{ Logon = Get-LogonModulePath; Value = $env:PSModulePath }
$Clean = $null
# Blocked reads and runspaces being opened take a thread each, and a full pool gets a further one only twice a second.
$null = [Threading.ThreadPool]::SetMinThreads(16, 16)
$Pool = [Collections.Generic.Queue[object]]::new()
$listener = Open-Listener $wanted
$Port = $listener.LocalEndpoint.Port
if ([int] $reportTo) { Send-Port $reportTo }
try { Invoke-Server $listener }
catch {
    # Our stderr is gone, and a call's may be in its place. Other processes have the file open, too.
    $log = [IO.StreamWriter]::new([IO.File]::Open([IO.Path]::ChangeExtension($File, 'log'), 'Append', 'Write', 'ReadWrite'))
    $log.WriteLine("$_`r`n$($_.ScriptStackTrace)")
    $log.Close()
    Restart-Self
}
