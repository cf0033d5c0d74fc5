# Runs a script and prints its value as JSON after a record separator. ConvertTo-Json would not do: 5.1 and 7 differ in
# dates, depth and enums, and both stop at a depth. What JSON lacks is an object whose only name begins with NUL.
param([string] $Text, [Parameter(ValueFromRemainingArguments)] [object[]] $Rest = @())

$Deepest = 100

function ConvertTo-JsonString([string] $text) {
    $evaluator = [Text.RegularExpressions.MatchEvaluator] { param($found) '\u{0:x4}' -f [int] [char] $found.Value }
    '"' + [regex]::Replace($text, '[^ !#-\[\]-~]', $evaluator) + '"'
}

function ConvertTo-JsonPair($name, $value, [int] $depth) {
    (ConvertTo-JsonString $name) + ':' + (ConvertTo-JsonText $value $depth)
}

function ConvertTo-JsonNumber([double] $number) {
    $text = $number.ToString('R', [Globalization.CultureInfo]::InvariantCulture)
    if ([double]::IsNaN($number) -or [double]::IsInfinity($number)) { return '{"\u0000float":"' + ($text -replace 'Infinity|\u221e', 'inf') + '"}' }
    if ($text -match '[.E]') { $text } else { "$text.0" }
}

function ConvertTo-JsonText($value, [int] $depth) {
    if ($null -eq $value -or $value -is [DBNull]) { return 'null' }
    $bare = $value
    if ($value -is [psobject]) { $bare = $value.PSObject.BaseObject }
    $invariant = [Globalization.CultureInfo]::InvariantCulture
    switch ($bare.GetType().FullName) {
        { $bare -is [enum] } { return ConvertTo-JsonString $bare.ToString() }
        'System.String' { return ConvertTo-JsonString $bare }
        'System.Boolean' { if ($bare) { return 'true' } else { return 'false' } }
        { $_ -match '^System\.(S?Byte|U?Int(16|32|64)|Numerics\.BigInteger)$' } { return $bare.ToString($invariant) }
        { $_ -match '^System\.(Double|Single)$' } { return ConvertTo-JsonNumber $bare }
        'System.Decimal' { return $bare.ToString($invariant) }
        'System.DateTime' { return '{"\u0000date":"' + $bare.ToString('yyyy-MM-ddTHH:mm:ss.ffffffK', $invariant).Replace('Z', '+00:00') + '"}' }
        'System.DateTimeOffset' { return '{"\u0000date":"' + $bare.ToString('yyyy-MM-ddTHH:mm:ss.ffffffzzz', $invariant) + '"}' }
        'System.TimeSpan' { return '{"\u0000span":"' + $bare.Ticks + '"}' }
        'System.Byte[]' { return '{"\u0000bytes":"' + [BitConverter]::ToString($bare).Replace('-', '') + '"}' }
    }
    if ($depth -gt $Deepest) { throw "The value is nested more than $Deepest deep." }
    if ($bare -is [Collections.IDictionary]) {
        return '{' + (@(foreach ($entry in $bare.GetEnumerator()) { ConvertTo-JsonPair $entry.Key $entry.Value ($depth + 1) }) -join ',') + '}'
    }
    if ($bare -is [Collections.IEnumerable]) {
        return '[' + (@(foreach ($item in $bare) { ConvertTo-JsonText $item ($depth + 1) }) -join ',') + ']'
    }
    if ($bare -is [System.Management.Automation.PSCustomObject]) {
        return '{' + (@(foreach ($property in $value.PSObject.Properties) { ConvertTo-JsonPair $property.Name $property.Value ($depth + 1) }) -join ',') + '}'
    }
    $properties = @($value.PSObject.Properties | Where-Object { $_.MemberType -match 'Property' })
    if (-not $properties -or $bare -is [ValueType] -or $bare -is [type] -or $bare -is [Version] -or $bare -is [Uri]) { return ConvertTo-JsonString "$bare" }
    '{' + (@(foreach ($property in $properties) { ConvertTo-JsonPair $property.Name (Get-Plain $property) ($depth + 1) }) -join ',') + '}'
}

# A property of some .NET object: further objects below it become text, since such graphs rarely have an end.
function Get-Plain($property) {
    try { $value = $property.Value } catch { return $null }
    if ($null -eq $value -or $value -is [string] -or $value -is [ValueType] -or $value -is [byte[]]) { return $value }
    if ($value -is [Collections.IEnumerable]) { return , @(foreach ($item in $value) { if ($item -is [ValueType]) { $item } else { "$item" } }) }
    "$value"
}

# The script, with a statement at its end that keeps whether it failed, unless it has blocks. It is the one that call.ps1
# adds and hides in errors, too.
function New-Script([string] $text) {
    try { $script = [scriptblock]::Create($text) } catch { throw }  # else we would go on
    if (-not $script.Ast.EndBlock.Unnamed -or $script.Ast.BeginBlock -or $script.Ast.ProcessBlock) { return $script }
    [scriptblock]::Create($text + "`n[AppDomain]::CurrentDomain.SetData('smolvm', `$?)")
}

$run = New-Script $Text
[AppDomain]::CurrentDomain.SetData('smolvm', $true)
$value = & $run @Rest
if (-not [AppDomain]::CurrentDomain.GetData('smolvm')) {
    if ($LASTEXITCODE -is [int] -and $LASTEXITCODE) { exit $LASTEXITCODE } else { exit 1 }
}
[Console]::Out.Write([string] [char] 30 + (ConvertTo-JsonText $value 0))
