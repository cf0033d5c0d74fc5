# Starts residents that outlive this session. Read from standard input: their number, and the secret they are to ask for.
$count = $reader.ReadInt32()
[SmolVM.Starter]::Run($count, [Text.Encoding]::ASCII.GetString($reader.ReadBytes(64)))
