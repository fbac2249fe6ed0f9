# Strict JSON (RFC 8259) for install.ps1 and doctor.ps1, and the few things about text that both need.
#
# Windows PowerShell 5.1 has ConvertFrom-Json and ConvertTo-Json, and neither may touch another person's file: the
# first takes what is not JSON and folds keys that differ in case, the second cuts depth, unwraps lists and rewrites
# dates. Here a value is a hashtable with Kind and Value, because PowerShell takes a bare list apart whenever a
# function returns it, and leaves a hashtable whole:
#   object  ordered, case-sensitive dictionary of values    array  ArrayList of values    string  its text
#   number  its token as it stood, so that none loses a digit    true, false, null  $null
#
# Text is compared by [string]::Equals: -ceq asks the culture, which overlooks characters it cannot see. And of an
# object get_Keys() and get_Count() are asked, because PowerShell reads .Keys as the member "Keys" where there is one.

function New-JsonNode {
    param([string]$Kind, $Value)
    return @{ Kind = $Kind; Value = $Value }
}

function New-JsonObject {
    $members = New-Object System.Collections.Specialized.OrderedDictionary ([System.StringComparer]::Ordinal)
    return New-JsonNode 'object' $members
}

function Stop-WithRefusal {
    # Reason is a key of words.txt, About what its sentence names. Every refusal of ours is this one type.
    param([string]$Reason, [string]$About = '')
    $refusal = New-Object System.FormatException $Reason
    $refusal.Data['About'] = $About
    throw $refusal
}

# --- bytes, as text with one character for each byte, so that whatever is not ours keeps its bytes

function ConvertFrom-Byte {
    param([byte[]]$Bytes)
    return [System.Text.Encoding]::GetEncoding(28591).GetString($Bytes)
}

function ConvertFrom-Utf8 {
    # The text in these bytes, without an initial byte order mark.
    param([string]$Content)
    $strict = New-Object System.Text.UTF8Encoding $false, $true
    $mark = [System.Text.Encoding]::GetEncoding(28591).GetString([byte[]](239, 187, 191))
    if ($Content.StartsWith($mark, [System.StringComparison]::Ordinal)) {
        $Content = $Content.Substring(3)
    }
    try {
        return $strict.GetString([System.Text.Encoding]::GetEncoding(28591).GetBytes($Content))
    }
    catch {
        Stop-WithRefusal 'not-json'
    }
}

function ConvertTo-Utf8 {
    param([string]$Text)
    $strict = New-Object System.Text.UTF8Encoding $false, $true
    return [System.Text.Encoding]::GetEncoding(28591).GetString($strict.GetBytes($Text))
}

# --- reading

function New-JsonReader {
    # Patterns begin with \G: a match is where the reader stands or nowhere.
    param([string]$Text)
    $plain = '[^"\\\x00-\x1f]*'
    $escape = '\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})'
    $number = '-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?'
    return @{
        Text = $Text
        At = 0
        Space = New-Object System.Text.RegularExpressions.Regex '\G[ \t\r\n]*'
        String = New-Object System.Text.RegularExpressions.Regex ('\G"' + $plain + '(?:' + $escape + $plain + ')*"')
        Number = New-Object System.Text.RegularExpressions.Regex ('\G' + $number)
        Word = New-Object System.Text.RegularExpressions.Regex '\G(?:true|false|null)'
    }
}

function Read-JsonToken {
    param($Reader, $Pattern)
    $match = $Pattern.Match($Reader.Text, $Reader.At)
    if (-not $match.Success) {
        Stop-WithRefusal 'not-json'
    }
    $Reader.At = $Reader.At + $match.Length
    return $match.Value
}

function Test-JsonMark {
    # Whether this punctuation comes next, after spaces; if so, it is passed.
    param($Reader, [string]$Mark)
    $null = Read-JsonToken $Reader $Reader.Space
    $found = [string]::CompareOrdinal($Reader.Text, $Reader.At, $Mark, 0, 1) -eq 0
    if ($found) {
        $Reader.At = $Reader.At + 1
    }
    return $found
}

function Read-JsonMark {
    param($Reader, [string]$Mark)
    if (-not (Test-JsonMark $Reader $Mark)) {
        Stop-WithRefusal 'not-json'
    }
}

function Read-JsonValue {
    param($Reader, [int]$Depth)
    # Windows PowerShell ends a script whose calls nest too deep; this stops long before.
    if ($Depth -gt 100) {
        Stop-WithRefusal 'not-json'
    }
    if (Test-JsonMark $Reader '{') {
        return Read-JsonObject $Reader $Depth
    }
    if (Test-JsonMark $Reader '[') {
        return Read-JsonArray $Reader $Depth
    }
    $next = $Reader.Text.Substring($Reader.At, [Math]::Min(1, $Reader.Text.Length - $Reader.At))
    if ([string]::Equals($next, '"')) {
        return New-JsonNode 'string' (Read-JsonString $Reader)
    }
    if ($Reader.Word.Match($Reader.Text, $Reader.At).Success) {
        return New-JsonNode (Read-JsonToken $Reader $Reader.Word) $null
    }
    return Read-JsonNumber $Reader
}

function Read-JsonObject {
    param($Reader, [int]$Depth)
    $node = New-JsonObject
    if (Test-JsonMark $Reader '}') {
        return $node
    }
    do {
        $null = Read-JsonToken $Reader $Reader.Space
        $name = [string](Read-JsonString $Reader)
        Read-JsonMark $Reader ':'
        # Of two members with one name the last one counts, as everywhere where JSON is read.
        $node.Value[$name] = Read-JsonValue $Reader ($Depth + 1)
    } while (Test-JsonMark $Reader ',')
    Read-JsonMark $Reader '}'
    return $node
}

function Read-JsonArray {
    param($Reader, [int]$Depth)
    $node = New-JsonNode 'array' (New-Object System.Collections.ArrayList)
    if (Test-JsonMark $Reader ']') {
        return $node
    }
    do {
        $null = $node.Value.Add((Read-JsonValue $Reader ($Depth + 1)))
    } while (Test-JsonMark $Reader ',')
    Read-JsonMark $Reader ']'
    return $node
}

function Read-JsonNumber {
    param($Reader)
    $token = Read-JsonToken $Reader $Reader.Number
    $value = [double]0
    $style = [System.Globalization.NumberStyles]::Float
    $culture = [System.Globalization.CultureInfo]::InvariantCulture
    # 1e400: .NET Framework says that it is no number, later ones that it is infinite.
    if (-not [double]::TryParse($token, $style, $culture, [ref]$value) -or [double]::IsInfinity($value)) {
        Stop-WithRefusal 'not-json'
    }
    return New-JsonNode 'number' $token
}

function Read-JsonString {
    param($Reader)
    $token = Read-JsonToken $Reader $Reader.String
    $inner = $token.Substring(1, $token.Length - 2)
    $built = New-Object System.Text.StringBuilder
    $from = 0
    $escape = $inner.IndexOf([char]92)
    while ($escape -ge 0) {
        $null = $built.Append($inner.Substring($from, $escape - $from))
        $null = $built.Append((ConvertFrom-JsonEscape $inner $escape))
        $from = $escape + 2
        if ($inner[$escape + 1] -ceq [char]117) {
            $from = $escape + 6
        }
        $escape = $inner.IndexOf([char]92, $from)
    }
    $null = $built.Append($inner.Substring($from))
    return $built.ToString()
}

function ConvertFrom-JsonEscape {
    # The one character that the escape beginning at this backslash stands for.
    param([string]$Inner, [int]$At)
    $letter = $Inner[$At + 1]
    if ($letter -ceq [char]117) {
        return [string][char][Convert]::ToInt32($Inner.Substring($At + 2, 4), 16)
    }
    $position = '"\/bfnrt'.IndexOf($letter)
    $codes = 34, 92, 47, 8, 12, 10, 13, 9
    return [string][char]$codes[$position]
}

function ConvertFrom-JsonContent {
    # The value in a file's bytes; a whole object and nothing else, or it is refused.
    param([string]$Content)
    $reader = New-JsonReader (ConvertFrom-Utf8 $Content)
    $node = Read-JsonValue $reader 0
    $null = Read-JsonToken $reader $reader.Space
    if ($reader.At -ne $reader.Text.Length) {
        Stop-WithRefusal 'not-json'
    }
    if ($node.Kind -cne 'object') {
        Stop-WithRefusal 'not-json'
    }
    return $node
}

# --- writing, as Python's json.dumps(value, indent=2, ensure_ascii=False)

function ConvertTo-JsonContent {
    param($Node)
    $built = New-Object System.Text.StringBuilder
    Add-JsonText $built $Node "`n"
    return ConvertTo-Utf8 ($built.ToString() + "`n")
}

function Add-JsonText {
    # Break is the line break and indent of the line on which this value stands.
    param($Built, $Node, [string]$Break)
    switch ($Node.Kind) {
        'object' { Add-JsonObjectText $Built $Node $Break }
        'array' { Add-JsonArrayText $Built $Node $Break }
        'string' { $null = $Built.Append((ConvertTo-JsonString $Node.Value)) }
        'number' { $null = $Built.Append($Node.Value) }
        default { $null = $Built.Append($Node.Kind) }
    }
}

function Add-JsonObjectText {
    param($Built, $Node, [string]$Break)
    if ($Node.Value.get_Count() -eq 0) {
        $null = $Built.Append('{}')
        return
    }
    $between = '{' + $Break + '  '
    foreach ($name in @($Node.Value.get_Keys())) {
        $null = $Built.Append($between + (ConvertTo-JsonString $name) + ': ')
        Add-JsonText $Built $Node.Value[$name] ($Break + '  ')
        $between = ',' + $Break + '  '
    }
    $null = $Built.Append($Break + '}')
}

function Add-JsonArrayText {
    param($Built, $Node, [string]$Break)
    if ($Node.Value.Count -eq 0) {
        $null = $Built.Append('[]')
        return
    }
    $between = '[' + $Break + '  '
    foreach ($item in $Node.Value) {
        $null = $Built.Append($between)
        Add-JsonText $Built $item ($Break + '  ')
        $between = ',' + $Break + '  '
    }
    $null = $Built.Append($Break + ']')
}

function ConvertTo-JsonString {
    param([string]$Text)
    $built = New-Object System.Text.StringBuilder '"'
    # Half of a surrogate pair has no UTF-8; it goes back to the escape it must have come from.
    $special = '["\\\x00-\x1f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]'
    $from = 0
    foreach ($match in [regex]::Matches($Text, $special)) {
        $null = $built.Append($Text.Substring($from, $match.Index - $from))
        $null = $built.Append((ConvertTo-JsonEscape $Text[$match.Index]))
        $from = $match.Index + 1
    }
    $null = $built.Append($Text.Substring($from))
    $null = $built.Append('"')
    return $built.ToString()
}

function ConvertTo-JsonEscape {
    param([char]$Character)
    $code = [int]$Character
    $position = [Array]::IndexOf([int[]](34, 92, 8, 12, 10, 13, 9), $code)
    if ($position -ge 0) {
        return '\' + '"\bfnrt'.Substring($position, 1)
    }
    return '\u' + $code.ToString('x4')
}

# --- values

function Test-JsonEqual {
    param($Left, $Right)
    if ($Left.Kind -cne $Right.Kind) {
        return $false
    }
    switch ($Left.Kind) {
        'object' { return Test-JsonEqualObject $Left.Value $Right.Value }
        'array' { return Test-JsonEqualArray $Left.Value $Right.Value }
        'string' { return [string]::Equals($Left.Value, $Right.Value) }
        'number' { return Test-JsonEqualNumber $Left.Value $Right.Value }
    }
    return $true
}

function Test-JsonEqualObject {
    param($Left, $Right)
    if ($Left.get_Count() -ne $Right.get_Count()) {
        return $false
    }
    foreach ($name in @($Left.get_Keys())) {
        if (-not $Right.Contains($name) -or -not (Test-JsonEqual $Left[$name] $Right[$name])) {
            return $false
        }
    }
    return $true
}

function Test-JsonEqualArray {
    param($Left, $Right)
    if ($Left.Count -ne $Right.Count) {
        return $false
    }
    for ($index = 0; $index -lt $Left.Count; $index += 1) {
        if (-not (Test-JsonEqual $Left[$index] $Right[$index])) {
            return $false
        }
    }
    return $true
}

function Test-JsonEqualNumber {
    # 1, 1.0 and 10e-1 are one number; a double would also take 9007199254740992 and ...993 for one.
    param([string]$Left, [string]$Right)
    return [string]::Equals((ConvertTo-JsonPlainNumber $Left), (ConvertTo-JsonPlainNumber $Right))
}

function ConvertTo-JsonPlainNumber {
    # Sign, digits without zeros at either end, and the power of ten of the last one.
    param([string]$Token)
    $part = [regex]::Match($Token, '^(-?)([0-9]+)(?:\.([0-9]+))?(?:[eE](.+))?$')
    $digits = ($part.Groups[2].Value + $part.Groups[3].Value).TrimStart('0')
    $kept = $digits.TrimEnd('0')
    if ($kept.Length -eq 0) {
        return '0'
    }
    $power = [bigint]::Zero
    if ($part.Groups[4].Success) {
        $power = [bigint]::Parse($part.Groups[4].Value, [System.Globalization.CultureInfo]::InvariantCulture)
    }
    $power = $power - $part.Groups[3].Length + ($digits.Length - $kept.Length)
    return $part.Groups[1].Value + $kept + 'e' + $power.ToString()
}

function Copy-JsonNode {
    # Edits of one plan go into several files: a value that was put into one must not change with another.
    param($Node)
    if ($Node.Kind -ceq 'object') {
        $copy = New-JsonObject
        foreach ($name in @($Node.Value.get_Keys())) {
            $copy.Value[$name] = Copy-JsonNode $Node.Value[$name]
        }
        return $copy
    }
    if ($Node.Kind -ceq 'array') {
        $copy = New-JsonNode 'array' (New-Object System.Collections.ArrayList)
        foreach ($item in $Node.Value) {
            $null = $copy.Value.Add((Copy-JsonNode $item))
        }
        return $copy
    }
    return $Node
}

# --- edits: what a plan sets ("value") and what its lists must contain ("add")

function Get-JsonPath {
    # The keys of an edit's path, one by one.
    param($Edit)
    foreach ($step in $Edit.Value['path'].Value) {
        $step.Value
    }
}

function Get-JsonAt {
    # The value at this path, or $null.
    param($Node, [string[]]$Path)
    foreach ($name in $Path) {
        if ($Node.Kind -cne 'object' -or -not $Node.Value.Contains($name)) {
            return $null
        }
        $Node = $Node.Value[$name]
    }
    return $Node
}

function Open-JsonPath {
    # The object that holds the last key of the path. Steps that are not there yet are made.
    param($Base, [string[]]$Path)
    $holder = $Base
    for ($index = 0; $index -lt $Path.Length - 1; $index += 1) {
        $name = $Path[$index]
        if (-not $holder.Value.Contains($name)) {
            $holder.Value[$name] = New-JsonObject
        }
        $holder = $holder.Value[$name]
        if ($holder.Kind -cne 'object') {
            Stop-WithRefusal 'in-the-way' ($Path[0..$index] -join '.')
        }
    }
    return $holder
}

function Merge-JsonEdit {
    # Base, an object, with every edit in it. Base itself changes.
    param($Base, $Edits)
    foreach ($edit in $Edits.Value) {
        $path = @(Get-JsonPath $edit)
        $holder = Open-JsonPath $Base $path
        if ($edit.Value.Contains('value')) {
            $holder.Value[[string]$path[$path.Length - 1]] = Copy-JsonNode $edit.Value['value']
        }
        else {
            Add-JsonItem $holder $path $edit.Value['add']
        }
    }
    return $Base
}

function Add-JsonItem {
    # Appends those of Items that the list at the end of the path does not have yet.
    param($Holder, [string[]]$Path, $Items)
    $name = $Path[$Path.Length - 1]
    if (-not $Holder.Value.Contains($name)) {
        $Holder.Value[$name] = New-JsonNode 'array' (New-Object System.Collections.ArrayList)
    }
    $list = $Holder.Value[$name]
    if ($list.Kind -cne 'array') {
        Stop-WithRefusal 'in-the-way' ($Path -join '.')
    }
    foreach ($item in $Items.Value) {
        if (-not (Test-JsonItem $list $item)) {
            $null = $list.Value.Add((Copy-JsonNode $item))
        }
    }
}

function Test-JsonItem {
    param($List, $Item)
    foreach ($one in $List.Value) {
        if (Test-JsonEqual $one $Item) {
            return $true
        }
    }
    return $false
}

function Undo-JsonEdit {
    # Current, an object, without the edits, as far as the person left them as they were. Current itself changes.
    param($Current, $Original, $Edits)
    # The last first: an edit may stand inside what an earlier one set.
    for ($index = $Edits.Value.Count - 1; $index -ge 0; $index -= 1) {
        $edit = $Edits.Value[$index]
        $path = @(Get-JsonPath $edit)
        if ($edit.Value.Contains('value')) {
            Undo-JsonValue $Current $Original $path $edit.Value['value']
        }
        else {
            Undo-JsonItem $Current $Original $path $edit.Value['add']
        }
    }
    return $Current
}

function Undo-JsonValue {
    param($Current, $Original, [string[]]$Path, $Value)
    $now = Get-JsonAt $Current $Path
    if ($null -eq $now -or -not (Test-JsonEqual $now $Value)) {
        return
    }
    $before = Get-JsonAt $Original $Path
    if ($null -eq $before) {
        Remove-JsonPath $Current $Original $Path
        return
    }
    $holder = Open-JsonPath $Current $Path
    $holder.Value[$Path[$Path.Length - 1]] = Copy-JsonNode $before
}

function Undo-JsonItem {
    param($Current, $Original, [string[]]$Path, $Items)
    $now = Get-JsonAt $Current $Path
    if ($null -eq $now -or $now.Kind -cne 'array') {
        return
    }
    $before = Get-JsonAt $Original $Path
    $had = $null -ne $before -and $before.Kind -ceq 'array'
    # From the end, by position: nothing that is still to be looked at moves.
    for ($index = $now.Value.Count - 1; $index -ge 0; $index -= 1) {
        $one = $now.Value[$index]
        if ((Test-JsonItem $Items $one) -and -not ($had -and (Test-JsonItem $before $one))) {
            $now.Value.RemoveAt($index)
        }
    }
    if ($now.Value.Count -eq 0 -and $null -eq $before) {
        Remove-JsonPath $Current $Original $Path
    }
}

function Remove-JsonPath {
    # Deletes the last key, and each object on the way that is empty by that and was not there before us.
    param($Current, $Original, [string[]]$Path)
    for ($length = $Path.Length; $length -gt 0; $length -= 1) {
        $steps = @($Path[0..($length - 1)])
        if ($length -lt $Path.Length) {
            $emptied = Get-JsonAt $Current $steps
            if ($emptied.Value.get_Count() -gt 0 -or $null -ne (Get-JsonAt $Original $steps)) {
                return
            }
        }
        $holder = Open-JsonPath $Current $steps
        $holder.Value.Remove($steps[$length - 1])
    }
}

function Get-JsonDifference {
    # The paths, keys joined by dots, of those edits that this file does not have.
    param($Node, $Edits)
    foreach ($edit in $Edits.Value) {
        $path = @(Get-JsonPath $edit)
        $now = Get-JsonAt $Node $path
        if (-not (Test-JsonEdit $now $edit)) {
            $path -join '.'
        }
    }
}

function Test-JsonEdit {
    # Whether the value at an edit's path is as the edit wants it.
    param($Now, $Edit)
    if ($null -eq $Now) {
        return $false
    }
    if ($Edit.Value.Contains('value')) {
        return Test-JsonEqual $Now $Edit.Value['value']
    }
    if ($Now.Kind -cne 'array') {
        return $false
    }
    foreach ($item in $Edit.Value['add'].Value) {
        if (-not (Test-JsonItem $Now $item)) {
            return $false
        }
    }
    return $true
}

# --- what people type, and what onramp.json and words.txt say

function ConvertTo-LongOption {
    # -DryRun as --dry-run: so people write options in PowerShell.
    param([string]$Word)
    if ($Word -cnotmatch '^-[A-Za-z]{2}') {
        return $Word
    }
    return '--' + ($Word.Substring(1) -creplace '([a-z])([A-Z])', '$1-$2').ToLowerInvariant()
}

function Get-JsonText {
    # A string or a number of the object; '' where there is none.
    param($Node, [string]$Key)
    $found = Get-JsonAt $Node @($Key)
    if ($null -ne $found -and ($found.Kind -ceq 'string' -or $found.Kind -ceq 'number')) {
        return $found.Value
    }
    return ''
}

function Get-JsonList {
    # The strings of a list, one by one.
    param($Node, [string]$Key)
    $found = Get-JsonAt $Node @($Key)
    if ($null -ne $found -and $found.Kind -ceq 'array') {
        foreach ($item in $found.Value) {
            if ($item.Kind -ceq 'string') {
                $item.Value
            }
        }
    }
}

function Read-Word {
    # The sentences of words.txt, for Get-Word.
    param([string]$Path)
    $lenient = New-Object System.Text.UTF8Encoding $false, $false
    $script:Words = New-Object System.Collections.Specialized.OrderedDictionary ([System.StringComparer]::Ordinal)
    foreach ($line in $lenient.GetString([System.IO.File]::ReadAllBytes($Path)).Split([char]10)) {
        $end = $line.IndexOf(': ', [System.StringComparison]::Ordinal)
        if ($end -gt 0 -and -not $script:Words.Contains($line.Substring(0, $end))) {
            $script:Words[$line.Substring(0, $end)] = $line.Substring($end + 2).TrimEnd([char]13)
        }
    }
}

function Get-Word {
    # The sentence, filled in; the key itself where there is none.
    param([string]$Key, [string]$First = '', [string]$Second = '')
    if (-not $script:Words.Contains($Key)) {
        return $Key
    }
    $built = New-Object System.Text.StringBuilder
    # In one pass: a value may hold {2}, and it stands for itself.
    foreach ($part in [regex]::Split((Use-WindowsName $script:Words[$Key]), '(\{[12]\})')) {
        if ([string]::Equals($part, '{1}')) {
            $part = $First
        }
        elseif ([string]::Equals($part, '{2}')) {
            $part = $Second
        }
        $null = $built.Append($part)
    }
    return $built.ToString()
}

function Use-WindowsName {
    # The sentences are the same for every system, and name the scripts of the others.
    param([string]$Sentence)
    $run = 'powershell -ExecutionPolicy Bypass -File '
    $Sentence = $Sentence.Replace('sh install.sh', $run + 'install.ps1').Replace('sh doctor.sh', $run + 'doctor.ps1')
    return $Sentence.Replace('eval "$(sh bedrock-key.sh)"', '. .\bedrock-key.ps1')
}
