# What .NET does not offer of Windows. Declared without Add-Type, which would start a compiler on 5.1.

# One function of a library; the first of the types is what it returns.
function Add-Import($type, [string] $library, [string] $name, [type[]] $types) {
    $import = [Runtime.InteropServices.DllImportAttribute]
    $fields = [Reflection.FieldInfo[]] ($import.GetField('CharSet'), $import.GetField('SetLastError'))
    $attribute = [Reflection.Emit.CustomAttributeBuilder]::new($import.GetConstructor([type[]] [string]), [object[]] $library,
        $fields, [object[]] ([Runtime.InteropServices.CharSet]::Unicode, $true))
    # One too far, which does no harm; up to the last, a single type would be read backwards.
    $method = $type.DefineMethod($name, 'Public, Static', $types[0], [type[]] $types[1..$types.Length])
    $method.SetImplementationFlags('PreserveSig')
    $method.SetCustomAttribute($attribute)
}

# A class with these functions of Windows as its methods.
function New-Native([string[]] $names) {
    $name = [Reflection.AssemblyName]::new('SmolVM')
    $assembly = [Reflection.Emit.AssemblyBuilder]::DefineDynamicAssembly($name, 'Run')
    $type = $assembly.DefineDynamicModule('SmolVM').DefineType('SmolVM.Kernel32', 'Public, Class')
    $functions = @{
        SetStdHandle              = [bool], [int], [IntPtr]
        GetStdHandle              = [IntPtr], [int]
        SetHandleInformation      = [bool], [IntPtr], [int], [int]
        CreateJobObjectW          = [IntPtr], [IntPtr], [IntPtr]
        AssignProcessToJobObject  = [bool], [IntPtr], [IntPtr]
        IsProcessInJob            = [bool], [IntPtr], [IntPtr], [byte[]]
        SetInformationJobObject   = [bool], [IntPtr], [int], [byte[]], [int]
        QueryInformationJobObject = [bool], [IntPtr], [int], [byte[]], [int], [IntPtr]
        TerminateProcess          = [bool], [IntPtr], [int]
        SetSystemTime             = [bool], [byte[]]
        CloseHandle               = [bool], [IntPtr]
        ResumeThread              = [int], [IntPtr]
        OpenProcess               = [IntPtr], [int], [bool], [int]
        WaitForSingleObject       = [int], [IntPtr], [int]
        GetExitCodeProcess        = [bool], [IntPtr], [byte[]]
        OpenJobObjectW            = [IntPtr], [int], [bool], [IntPtr]
        TerminateJobObject        = [bool], [IntPtr], [int]
        GetEnvironmentStringsW    = , [IntPtr]
        FreeEnvironmentStringsW   = [bool], [IntPtr]
        SetEnvironmentStringsW    = [bool], [IntPtr]
        GetFileAttributesW        = [int], [string]
        CreateFileW               = [IntPtr], [string], [int], [int], [IntPtr], [int], [int], [IntPtr]
        RegNotifyChangeKeyValue   = [int], [IntPtr], [bool], [int], [IntPtr], [bool]
        CreateProcessW            = [bool], [IntPtr], [Text.StringBuilder], [IntPtr], [IntPtr], [bool], [int], [IntPtr], [IntPtr], [byte[]], [byte[]]
    }
    foreach ($name in $names) {
        $library = if ($name -like 'Reg*') { 'advapi32.dll' } else { 'kernel32.dll' }
        Add-Import $type $library $name $functions[$name]
    }
    $type.CreateType()
}

$Self = [IntPtr] -1  # the handle that always means the calling process
$Handles = @{ Input = -10; Output = -11; Error = -12 }

# A job that this process and its children are in: they end with it, as with a session of sshd. Children may leave it.
function Enter-Job {
    $job = $Native::CreateJobObjectW(0, 0)
    $limits = [byte[]]::new(144)  # JOBOBJECT_EXTENDED_LIMIT_INFORMATION
    [BitConverter]::GetBytes(0x2000 -bor 0x800).CopyTo($limits, 16)  # KILL_ON_JOB_CLOSE, BREAKAWAY_OK
    $null = $Native::SetInformationJobObject($job, 9, $limits, $limits.Length)
    $null = $Native::AssignProcessToJobObject($job, $Self)
    $job
}

# End the other processes in our job: what a script leaves running ends with the call, as it would with its session.
function Stop-Children($job) {
    $buffer = [byte[]]::new(8 + 8 * 1024)
    $null = $Native::QueryInformationJobObject($job, 3, $buffer, $buffer.Length, 0)  # the list of process ids
    for ($i = [BitConverter]::ToInt32($buffer, 4); $i -gt 0; $i--) {
        $id = [BitConverter]::ToInt64($buffer, 8 * $i)
        if ($id -ne $PID) { Stop-Child $job $id }
    }
}

function Stop-Child($job, [long] $id) {
    try {
        $process = [Diagnostics.Process]::GetProcessById($id)
        $inside = [byte[]]::new(4)
        # Asked of the handle, which keeps the number from being given away: it may have another owner by now.
        $null = $Native::IsProcessInJob($process.Handle, $job, $inside)
        # Not the console's own process: everything attached to it, we too, would end with it.
        if ($inside[0] -and $process.ProcessName -ne 'conhost') { $process.Kill() }
    } catch [ArgumentException], [InvalidOperationException], [ComponentModel.Win32Exception] { }  # it has ended by itself
}

# A file's handle that children may inherit.
function Open-Inherited([string] $path, [int] $access, [int] $disposition) {
    $handle = $Native::CreateFileW($path, $access, 3, 0, $disposition, 0, 0)
    # Without the number of the reason: the engine has called Windows since, and it would be another's.
    if ($handle -eq -1) { throw "Windows could not open $path" }
    $null = $Native::SetHandleInformation($handle, 1, 1)
    $handle
}

$Starting = 'GetStdHandle', 'SetHandleInformation', 'CreateFileW', 'CreateProcessW', 'CloseHandle'

# Keep a socket from children. .NET Framework asks Windows for sockets that every program inherits which is started while
# they are open (PowerShell 7's are not): one that outlives us would hold our port, and a connection that nobody answers.
function Hide-Socket($socket) {
    $null = $Native::SetHandleInformation($socket.Handle, 1, 0)
}

# Start a program outside of our job, so that it outlives us, with no console window and none of our own streams:
# an inherited stream would hold the session's channel open (Win32-OpenSSH 2452). Returns a PROCESS_INFORMATION.
# It needs the functions named above.
function Start-Program([string] $line, [string] $directory, $streams, [int] $more) {
    foreach ($stream in $Handles.Values) {
        $null = $Native::SetHandleInformation($Native::GetStdHandle($stream), 1, 0)
    }
    $startup = [byte[]]::new(104)  # STARTUPINFOW
    [BitConverter]::GetBytes(104).CopyTo($startup, 0)
    [BitConverter]::GetBytes(0x100).CopyTo($startup, 60)  # STARTF_USESTDHANDLES
    for ($i = 0; $i -lt 3; $i++) { [BitConverter]::GetBytes($streams[$i].ToInt64()).CopyTo($startup, 80 + 8 * $i) }
    $flags = 0x01000000 -bor 0x08000000 -bor $more  # CREATE_BREAKAWAY_FROM_JOB, CREATE_NO_WINDOW
    $process = [byte[]]::new(24)
    $where = if ($directory) { [Runtime.InteropServices.Marshal]::StringToHGlobalUni($directory) } else { [IntPtr]::Zero }
    $started = $Native::CreateProcessW(0, [Text.StringBuilder]::new($line), 0, 0, $true, $flags, 0, $where, $startup, $process)
    if (-not $started) { throw "Windows could not start it, as one that is not there or that the user may not run: $line" }
    , $process
}

# Start the resident in its file and return its process, whose handle stays open. What it says before it has streams of
# its own goes to the end of a file beside: a file, since Windows PowerShell takes NUL for a console and would go on
# writing there, and since nobody would learn why it did not start.
function Start-Resident([string] $file) {
    $nul = Open-Inherited 'NUL' -1073741824 3
    $log = Open-Inherited ([IO.Path]::ChangeExtension($file, 'log')) 4 4  # FILE_APPEND_DATA, OPEN_ALWAYS
    $information = Start-Program (Get-Line $file) '' @($nul, $log, $log) 0
    foreach ($handle in $nul, $log) { $null = $Native::CloseHandle($handle) }
    $null = $Native::CloseHandle([IntPtr] [BitConverter]::ToInt64($information, 8))
    [IntPtr] [BitConverter]::ToInt64($information, 0)
}

# The program that runs this.
function Get-Program { [Diagnostics.Process]::GetCurrentProcess().MainModule.FileName }

# The command line that runs our script in another PowerShell of the same kind. With -Command and not -File, whatever is
# said on the command line: a policy set for the machine (AllSigned, Restricted) rules files.
function Get-Line([string] $file) {
    $quoted = "'" + $file.Replace("'", "''") + "'"
    "`"$(Get-Program)`" -NoProfile -NonInteractive -ExecutionPolicy Bypass -Command " +
        "`"`$File = $quoted; . ([ScriptBlock]::Create([IO.File]::ReadAllText(`$File)))`""
}

# The clock, from 100 ns since 1601 UTC. False if we may not.
function Set-Clock([long] $filetime) {
    $time = [DateTime]::FromFileTimeUtc($filetime)
    $fields = [byte[]]::new(16)  # SYSTEMTIME
    $values = $time.Year, $time.Month, [int] $time.DayOfWeek, $time.Day, $time.Hour, $time.Minute, $time.Second, $time.Millisecond
    for ($i = 0; $i -lt 8; $i++) { [BitConverter]::GetBytes([uint16] $values[$i]).CopyTo($fields, 2 * $i) }
    $Native::SetSystemTime($fields)
}
