# The password of the automatic logon, kept where Windows keeps secrets (LSA) rather than in the registry for all to read.
# Declared without Add-Type, which would start a compiler.

function New-SecretStore {
    $name = [Reflection.AssemblyName]::new('SmolvmSecrets')
    $assembly = [Reflection.Emit.AssemblyBuilder]::DefineDynamicAssembly($name, 'Run')
    $type = $assembly.DefineDynamicModule('SmolvmSecrets').DefineType('SmolvmSecrets.Advapi32', 'Public, Class')
    # "ntsecapi.h" (Microsoft Learn): each returns an NTSTATUS; structures are handed over as their bytes.
    $functions = @{
        LsaOpenPolicy       = [type[]]([IntPtr], [byte[]], [int], [byte[]])
        LsaStorePrivateData = [type[]]([IntPtr], [byte[]], [byte[]])
        LsaClose            = [type[]](, [IntPtr])
    }
    $import = [Runtime.InteropServices.DllImportAttribute].GetConstructor([type[]](, [string]))
    foreach ($function in $functions.Keys) {
        $method = $type.DefineMethod($function, 'Public, Static', [int], $functions[$function])
        $method.SetImplementationFlags('PreserveSig')
        $method.SetCustomAttribute([Reflection.Emit.CustomAttributeBuilder]::new($import, [object[]](, 'advapi32.dll')))
    }
    $type.CreateType()
}

# LSA_UNICODE_STRING: two lengths in bytes, and where the text is.
function New-LsaString([IntPtr]$Text, [int]$Characters) {
    $bytes = [byte[]]::new(16)
    [BitConverter]::GetBytes([uint16](2 * $Characters)).CopyTo($bytes, 0)
    [BitConverter]::GetBytes([uint16](2 * $Characters)).CopyTo($bytes, 2)
    [BitConverter]::GetBytes($Text.ToInt64()).CopyTo($bytes, 8)
    , $bytes
}

function Assert-Status([int]$Status, [string]$What) {
    if ($Status -ne 0) { throw ('{0}: status 0x{1:x8}' -f $What, $Status) }
}

# Keep `Text` as the password of the automatic logon; an empty one takes away what is kept.
function Set-LogonSecret([string]$Text) {
    $store = New-SecretStore
    $handle = [byte[]]::new(8)
    $create = 0x20  # POLICY_CREATE_SECRET
    Assert-Status ($store::LsaOpenPolicy([IntPtr]::Zero, [byte[]]::new(48), $create, $handle)) 'LsaOpenPolicy'
    $policy = [IntPtr][BitConverter]::ToInt64($handle, 0)
    $name = [Runtime.InteropServices.Marshal]::StringToHGlobalUni('DefaultPassword')
    $secret = [Runtime.InteropServices.Marshal]::StringToHGlobalUni($Text)
    try {
        $value = $null
        if ($Text) { $value = New-LsaString $secret $Text.Length }
        $status = $store::LsaStorePrivateData($policy, (New-LsaString $name 15), $value)
        # 0xc0000034: there is none to take away.
        if ($Text -or $status -ne -1073741772) { Assert-Status $status 'LsaStorePrivateData' }
    } finally {
        [Runtime.InteropServices.Marshal]::ZeroFreeGlobalAllocUnicode($secret)
        [Runtime.InteropServices.Marshal]::FreeHGlobal($name)
        $null = $store::LsaClose($policy)
    }
}

# Take a value out of the registry so that the place on the disk where it was does not keep it.
function Remove-Secret([Microsoft.Win32.RegistryKey]$Key, [string]$Name) {
    $value = $Key.GetValue($Name)
    if ($null -eq $value) { return }
    $Key.SetValue($Name, 'x' * ([string]$value).Length)
    $Key.Flush()
    $Key.DeleteValue($Name)
}

# The same with a file.
function Remove-SecretFile([string]$Path) {
    if (-not (Test-Path -LiteralPath $Path)) { return }
    [IO.File]::SetAttributes($Path, 'Normal')
    $file = [IO.File]::Open($Path, 'Open', 'ReadWrite')
    try {
        $file.Write([byte[]]::new($file.Length), 0, $file.Length)
        $file.Flush($true)
    } finally {
        $file.Dispose()
    }
    [IO.File]::Delete($Path)
}
