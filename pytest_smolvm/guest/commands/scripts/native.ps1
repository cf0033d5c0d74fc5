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
        GetStdHandle              = [IntPtr], [int]
        SetHandleInformation      = [bool], [IntPtr], [int], [int]
        CreateJobObjectW          = [IntPtr], [IntPtr], [IntPtr]
        AssignProcessToJobObject  = [bool], [IntPtr], [IntPtr]
        IsProcessInJob            = [bool], [IntPtr], [IntPtr], [byte[]]
        CloseHandle               = [bool], [IntPtr]
        ResumeThread              = [int], [IntPtr]
        OpenProcess               = [IntPtr], [int], [bool], [int]
        WaitForSingleObject       = [int], [IntPtr], [int]
        GetExitCodeProcess        = [bool], [IntPtr], [byte[]]
        OpenJobObjectW            = [IntPtr], [int], [bool], [IntPtr]
        TerminateJobObject        = [bool], [IntPtr], [int]
        GetFileAttributesW        = [int], [string]
        CreateFileW               = [IntPtr], [string], [int], [int], [IntPtr], [int], [int], [IntPtr]
        CreateProcessW            = [bool], [IntPtr], [Text.StringBuilder], [IntPtr], [IntPtr], [bool], [int], [IntPtr], [IntPtr], [byte[]], [byte[]]
    }
    foreach ($name in $names) { Add-Import $type 'kernel32.dll' $name $functions[$name] }
    $type.CreateType()
}

$Handles = @{ Input = -10; Output = -11; Error = -12 }

# A file's handle that children may inherit.
function Open-Inherited([string] $path, [int] $access, [int] $disposition) {
    $handle = $Native::CreateFileW($path, $access, 3, 0, $disposition, 0, 0)
    # Without the number of the reason: the engine has called Windows since, and it would be another's.
    if ($handle -eq -1) { throw "Windows could not open $path" }
    $null = $Native::SetHandleInformation($handle, 1, 1)
    $handle
}

$Starting = 'GetStdHandle', 'SetHandleInformation', 'CreateFileW', 'CreateProcessW', 'CloseHandle'

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
