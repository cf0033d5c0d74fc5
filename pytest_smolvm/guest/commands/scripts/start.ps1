# Starts residents that outlive this session. Read from standard input: their number, the secret they are to ask for and
# their script, whose file is written first. Prints the port of each.
$ErrorActionPreference = 'Stop'
$count = [BitConverter]::ToInt32((Read-Bytes $stdin 4), 0)
$secret = Read-Bytes $stdin 64
$script = Read-Bytes $stdin ([BitConverter]::ToInt32((Read-Bytes $stdin 4), 0))
$directory = Join-Path ([Environment]::GetFolderPath('LocalApplicationData')) 'pytest-smolvm'
$null = [IO.Directory]::CreateDirectory($directory)
$file = Join-Path $directory 'resident.ps1'
[IO.File]::WriteAllBytes($file, $script)
$Native = New-Native $Starting
$listener = [Net.Sockets.TcpListener]::new([Net.IPAddress]::Loopback, 0)
$listener.Start()
# By its environment, which other users cannot see, rather than by its command line, which they can.
$env:SMOLVM_RESIDENT = "$([Text.Encoding]::ASCII.GetString($secret)) 0 $($listener.LocalEndpoint.Port)"
for ($i = 0; $i -lt $count; $i++) {
    Start-Detached (Get-Line $file)
}
while ($count -gt 0) {
    $stream = $listener.AcceptTcpClient().GetStream()
    $given = Read-Bytes $stream $secret.Length
    if ($given -and [Convert]::ToBase64String($given) -eq [Convert]::ToBase64String($secret)) {
        [Console]::Out.WriteLine([BitConverter]::ToInt32((Read-Bytes $stream 4), 0))
        $count--
    }
}
[Environment]::Exit(0)
