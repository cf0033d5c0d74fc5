# Starts residents that outlive this session. Read from standard input: their number, the secret they are to ask for and
# their script, whose file is written first. Prints the code page that programs print in, then the port of each.
$ErrorActionPreference = 'Stop'
$count = [BitConverter]::ToInt32((Read-Bytes $stdin 4), 0)
$secret = Read-Bytes $stdin 64
$script = Read-Bytes $stdin ([BitConverter]::ToInt32((Read-Bytes $stdin 4), 0))
$directory = Join-Path ([Environment]::GetFolderPath('LocalApplicationData')) 'pytest-smolvm'
$null = [IO.Directory]::CreateDirectory($directory)
$file = Join-Path $directory 'resident.ps1'
$log = [IO.Path]::ChangeExtension($file, 'log')
[IO.File]::WriteAllBytes($file, $script)
try { [IO.File]::Delete($log) } catch [IO.IOException] { }  # earlier ones still run
$Native = New-Native ($Starting + @('WaitForSingleObject', 'GetExitCodeProcess'))

# Say why a resident is not there, and end.
function Stop-Start($process) {
    $code = [byte[]]::new(4)
    $null = $Native::GetExitCodeProcess($process, $code)
    $said = [IO.StreamReader]::new([IO.File]::Open($log, 'OpenOrCreate', 'Read', 'ReadWrite'), [Console]::OutputEncoding).ReadToEnd()
    [Console]::Error.WriteLine("its process has ended with exit code $([BitConverter]::ToUInt32($code, 0)): $($said.Trim())")
    [Environment]::Exit(1)
}

$listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
$listener.Start()
Hide-Socket $listener.Server
# By its environment, which other users cannot see, rather than by its command line, which they can.
$env:SMOLVM_RESIDENT = "$([Text.Encoding]::ASCII.GetString($secret)) 0 $($listener.LocalEndpoint.Port)"
$processes = @(for ($i = 0; $i -lt $count; $i++) { Start-Resident $file })
$pages = [Microsoft.Win32.Registry]::LocalMachine.OpenSubKey('SYSTEM\CurrentControlSet\Control\Nls\CodePage')
[Console]::Out.WriteLine($pages.GetValue('OEMCP'))
while ($count -gt 0) {
    if (-not $listener.Pending()) {
        foreach ($process in $processes) { if ($Native::WaitForSingleObject($process, 50) -eq 0) { Stop-Start $process } }
        continue
    }
    $stream = $listener.AcceptTcpClient().GetStream()
    $given = Read-Bytes $stream $secret.Length
    if ($given -and [Convert]::ToBase64String($given) -eq [Convert]::ToBase64String($secret)) {
        [Console]::Out.WriteLine([BitConverter]::ToInt32((Read-Bytes $stream 4), 0))
        $count--
    }
}
[Environment]::Exit(0)
