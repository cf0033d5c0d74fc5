# Exactly `count` bytes, or $null at the end of the stream.
function Read-Bytes($stream, [int] $count) {
    $bytes = [byte[]]::new($count)
    for ($have = 0; $have -lt $count; $have += $got) {
        $got = $stream.Read($bytes, $have, $count - $have)
        if (-not $got) { return }
    }
    , $bytes
}

