# Puts this bundle's settings into a person's own files, and takes them out again.
# For Windows PowerShell 5.1 and later:
#
#   powershell -ExecutionPolicy Bypass -File install.ps1 [--dry-run | --diff]
#   powershell -ExecutionPolicy Bypass -File install.ps1 uninstall [--dry-run | --diff]
#
# Exit code: 0 done, or nothing to do; 1 something failed; 2 refused; 3 misused.
#
# Everything is worked out and checked before the first file changes. Of each file treated, ~\.onramp\state keeps what
# was there before and what was written: the one comes back byte for byte as long as the other still stands, and tells
# what is ours where a person went on editing. Sentences are in words.txt, facts in onramp.json.
#
# The content of a file is text with one character for each byte, and $null where there is no file. So no parameter
# that takes one has a type: [string] makes '' of $null.

function Invoke-Installer {
    param([string[]]$Arguments)
    $script:Plan = New-Object System.Collections.ArrayList
    $script:IsRefused = $false
    $script:Backup = ''
    $script:Spare = ''
    $options = Read-Option $Arguments
    if ($null -eq $options) {
        return
    }
    if (-not (Find-Home) -or -not (Read-Bundle)) {
        $script:Status = 2
        return
    }
    if ($options.Action -ceq 'install') {
        New-InstallPlan
    }
    else {
        New-UninstallPlan
    }
    if ($script:IsRefused) {
        Write-Problem 'install.nothing-written'
        $script:Status = 2
        return
    }
    Invoke-Plan $options
}

function Invoke-Plan {
    param($Options)
    switch ($Options.Mode) {
        'dry-run' { Write-Outcome 'would' }
        'diff' { Write-Difference }
        default {
            if ($Options.Action -ceq 'install') {
                Install-Bundle
            }
            else {
                Uninstall-Bundle
            }
        }
    }
}

function Read-Option {
    # $null where there is nothing more to do.
    param([string[]]$Arguments)
    $options = @{ Action = 'install'; Mode = 'write' }
    foreach ($word in $Arguments) {
        $argument = ConvertTo-LongOption $word
        if ($argument -ceq 'uninstall') {
            $options.Action = 'uninstall'
        }
        elseif (@('--dry-run', '--diff') -ccontains $argument -and $options.Mode -ceq 'write') {
            $options.Mode = $argument.Substring(2)
        }
        else {
            if (@('--help', '-h') -cnotcontains $argument) {
                $script:Status = 3
            }
            Write-Usage
            return $null
        }
    }
    return $options
}

function Write-Usage {
    $run = 'powershell -ExecutionPolicy Bypass -File install.ps1'
    $lines = @(
        Get-Word 'install.usage' ($run + ' [--dry-run | --diff]')
        Get-Word 'install.usage.uninstall' ($run + ' uninstall [--dry-run | --diff]')
        Get-Word 'install.usage.dry-run' '--dry-run'
        Get-Word 'install.usage.diff' '--diff'
    )
    foreach ($line in $lines) {
        if ($script:Status -eq 0) {
            Write-Host $line
        }
        else {
            [Console]::Error.WriteLine($line)
        }
    }
}

function Find-Home {
    # $script:Own: the folder that is ours.
    $script:UserHome = [string][Environment]::GetEnvironmentVariable('USERPROFILE')
    $isHome = [System.IO.Path]::IsPathRooted($script:UserHome) -and [System.IO.Directory]::Exists($script:UserHome)
    if (-not $isHome) {
        Write-Problem 'install.no-home'
        return $false
    }
    $script:Own = [System.IO.Path]::Combine($script:UserHome, '.onramp')
    return $true
}

function Read-Bundle {
    # $script:Facts: onramp.json; $script:Block: our part of the AWS configuration, or $null.
    $script:Block = Read-Content (Join-Folder $script:Folder 'aws-config')
    try {
        $script:Facts = ConvertFrom-JsonContent (Read-Content (Join-Folder $script:Folder 'onramp.json'))
    }
    catch {
        Write-Problem 'install.bad-bundle' 'onramp.json'
        return $false
    }
    if ($null -ne $script:Block) {
        $fence = Get-Fence $script:Block
        $isFenced = ($fence.First + $fence.Last) -cmatch '^# >>> onramp .* >>># <<< onramp .* <<<$'
        if (-not $isFenced) {
            Write-Problem 'install.bad-bundle' 'aws-config'
            return $false
        }
    }
    return $true
}

# --- Sentences

function Write-Sentence {
    param([string]$Key, [string]$First = '', [string]$Second = '')
    Write-Host (Get-Word $Key $First $Second)
}

function Write-Problem {
    param([string]$Key, [string]$First = '', [string]$Second = '')
    [Console]::Error.WriteLine((Get-Word $Key $First $Second))
}

function ConvertTo-Visible {
    # Without the characters that a terminal would obey.
    param([string]$Text)
    return $Text -creplace '[\x00-\x1f\x7f-\x9f]', '?'
}

function Write-Refusal {
    # The file cannot be treated, and so none will be.
    param($Item, [string]$Reason, [string]$About = '')
    $Item.Reason = $Reason
    $script:IsRefused = $true
    $target = ConvertTo-Visible $Item.Target
    Write-Problem "install.refused.$Reason" $target (ConvertTo-Visible $About)
    Write-Problem "install.refused.$Reason.fix" $target (ConvertTo-Visible $About)
}

# --- Files

function Join-Folder {
    param([string]$Folder, [string]$Name)
    return [System.IO.Path]::Combine($Folder, $Name)
}

function Read-Content {
    param([string]$Path)
    if (-not [System.IO.File]::Exists($Path)) {
        return $null
    }
    return ConvertFrom-Byte ([System.IO.File]::ReadAllBytes($Path))
}

function Write-Content {
    # A new file, down to the disk; nothing, where there is nothing.
    param([string]$Path, $Content)
    if ($null -eq $Content) {
        return
    }
    $bytes = [System.Text.Encoding]::GetEncoding(28591).GetBytes($Content)
    $stream = New-Object System.IO.FileStream $Path, ([System.IO.FileMode]::CreateNew)
    try {
        $stream.Write($bytes, 0, $bytes.Length)
        $stream.Flush($true)
    }
    finally {
        $stream.Dispose()
    }
}

function Move-Content {
    # At one stroke. File.Replace keeps the attributes and the access rules of what it replaces.
    param([string]$From, [string]$To)
    if ([System.IO.File]::Exists($To)) {
        # $null would be '' to a method that takes text. $true: better the file without its access rules than not.
        [System.IO.File]::Replace($From, $To, [NullString]::Value, $true)
    }
    else {
        [System.IO.File]::Move($From, $To)
    }
}

function Test-SameContent {
    param($Left, $Right)
    if ($null -eq $Left -or $null -eq $Right) {
        return ($null -eq $Left -and $null -eq $Right)
    }
    return [string]::Equals($Left, $Right)
}

function Remove-Folder {
    param([string]$Path)
    if ([System.IO.Directory]::Exists($Path)) {
        [System.IO.Directory]::Delete($Path, $true)
    }
}

function Remove-EmptyFolder {
    # Whether it could be removed: it may hold what is not ours, or be somebody's current folder.
    param([string]$Path)
    try {
        [System.IO.Directory]::Delete($Path)
        return $true
    }
    catch {
        return $false
    }
}

# --- What is to be done. An item's Reason is '' as long as nothing speaks against it

function New-InstallPlan {
    $other = ''
    if ([System.IO.File]::Exists((Join-Folder $script:Folder 'settings.json'))) {
        $folder = [string][Environment]::GetEnvironmentVariable('CLAUDE_CONFIG_DIR')
        if ($folder.Length -eq 0) {
            $folder = Join-Folder $script:UserHome '.claude'
        }
        $item = New-PlanItem 'settings' (Join-Folder $folder 'settings.json')
        Add-Install $item ''
        $other = $item.Place
    }
    if ($null -ne $script:Block) {
        $path = [string][Environment]::GetEnvironmentVariable('AWS_CONFIG_FILE')
        if ($path.Length -eq 0) {
            $path = Join-Folder (Join-Folder $script:UserHome '.aws') 'config'
        }
        # AWS's own tools know a ~ in this variable.
        if ($path -cmatch '^~[/\\]') {
            $path = Join-Folder $script:UserHome ($path.Substring(2))
        }
        Add-Install (New-PlanItem 'aws-config' $path) $other
    }
}

function Add-Install {
    param($Item, [string]$Other)
    $isOther = [string]::Equals($Item.Place, $Other, [System.StringComparison]::OrdinalIgnoreCase)
    if ($Item.Reason.Length -eq 0 -and $isOther) {
        Write-Refusal $Item 'same-file'
    }
    if ($Item.Reason.Length -eq 0) {
        $Item.Base = Select-Base $Item
    }
    if ($Item.Reason.Length -eq 0) {
        $Item.New = Merge-Content $Item
    }
    if ($Item.Reason.Length -gt 0) {
        return
    }
    if (-not (Test-SameContent $Item.New $Item.Current)) {
        Add-Item $Item 'write'
    }
    elseif (Test-Noted $Item) {
        Add-Item $Item 'nothing'
    }
    else {
        Add-Item $Item 'note'
    }
}

function New-UninstallPlan {
    $notes = Join-Folder $script:Own 'state'
    if (-not [System.IO.Directory]::Exists($notes)) {
        return
    }
    $seen = @()
    foreach ($folder in @([System.IO.Directory]::GetDirectories($notes) | Sort-Object)) {
        $name = [System.IO.Path]::GetFileName($folder)
        $part = [regex]::Match($name, '^((settings|aws-config)-[0-9a-f]{16})(\.next|\.old)?$')
        if ($part.Success -and $seen -cnotcontains $part.Groups[1].Value) {
            $seen = $seen + @($part.Groups[1].Value)
            $path = ConvertFrom-Utf8 (Read-Content (Join-Folder $folder 'path'))
            Add-Uninstall (New-PlanItem $part.Groups[2].Value $path)
        }
    }
}

function Add-Uninstall {
    param($Item)
    if ($Item.Reason.Length -gt 0) {
        return
    }
    $isGone = $null -eq $Item.Current
    $original = $null
    if ($null -ne $Item.State) {
        $original = Read-Note $Item 'original'
    }
    if ($null -eq $Item.State -or ($isGone -and $null -ne $original)) {
        $Item.New = $Item.Current
        Add-Item $Item 'forget'
        return
    }
    $isWritten = Test-SameContent $Item.Current (Read-Note $Item 'written')
    if ($isGone -or $isWritten -or (Test-SameContent $Item.Current $original)) {
        $Item.New = $original
        Add-Item $Item 'restore'
        return
    }
    $Item.New = Undo-Content $Item
    if ($Item.Reason.Length -eq 0) {
        Add-Item $Item 'unmerge'
    }
}

function New-PlanItem {
    # What there is to know about a file before anything is decided.
    param([string]$Kind, [string]$Path)
    $location = (Get-Location -PSProvider FileSystem).ProviderPath
    $target = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($location, $Path))
    $item = @{
        Kind = $Kind
        Target = $target
        Place = $target
        Key = $Kind + '-' + (Get-PathKey $target)
        Source = 'aws-config'
        Reason = ''
        State = $null
        Current = $null
        Base = $null
        New = $null
        Todo = ''
        Folders = 0
    }
    if ($Kind -ceq 'settings') {
        $item.Source = 'onramp.json'
    }
    Find-Place $item
    if ($item.Reason.Length -eq 0) {
        Find-State $item
    }
    return $item
}

function Get-PathKey {
    # Windows takes paths that differ in case for one.
    param([string]$Path)
    $sha256 = New-Object System.Security.Cryptography.SHA256CryptoServiceProvider
    $lenient = New-Object System.Text.UTF8Encoding $false, $false
    $digest = $sha256.ComputeHash($lenient.GetBytes($Path.ToLowerInvariant()))
    return [BitConverter]::ToString($digest).Replace('-', '').ToLowerInvariant().Substring(0, 16)
}

function Find-Place {
    # Where the path leads, and what is there. Symbolic links are followed, and stay.
    param($Item)
    for ($hops = 0; $hops -lt 40; $hops += 1) {
        $link = @(Get-Item -LiteralPath $Item.Place -Force -ErrorAction SilentlyContinue)
        if ($link.Length -eq 0 -or $link[0].LinkType -ne 'SymbolicLink') {
            break
        }
        $folder = [System.IO.Path]::GetDirectoryName($Item.Place)
        $Item.Place = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($folder, [string]@($link[0].Target)[0]))
    }
    if ($hops -eq 40 -or [System.IO.Directory]::Exists($Item.Place)) {
        Write-Refusal $Item 'not-a-file'
        return
    }
    try {
        $Item.Current = Read-Content $Item.Place
    }
    catch {
        Write-Refusal $Item 'not-readable'
    }
}

function Add-Item {
    # What is to be done with it: noted for later.
    param($Item, [string]$Todo)
    $Item.Todo = $Todo
    Find-Folder $Item
    if ($Item.Reason.Length -eq 0) {
        $null = $script:Plan.Add($Item)
    }
}

function Find-Folder {
    # How many folders have to be made, or were made by us.
    param($Item)
    $folder = [System.IO.Path]::GetDirectoryName($Item.Place)
    $count = 0
    while (-not [string]::IsNullOrEmpty($folder) -and -not [System.IO.Directory]::Exists($folder)) {
        if ([System.IO.File]::Exists($folder)) {
            Write-Refusal $Item 'no-folder' $folder
            return
        }
        $count += 1
        $folder = [System.IO.Path]::GetDirectoryName($folder)
    }
    $Item.Folders = $count
    $notes = (Get-NotesPath $Item) + '.next'
    foreach ($folder in @($notes, $Item.State)) {
        $made = $null
        if ($null -ne $folder) {
            $made = Read-Content (Join-Folder $folder 'folders')
        }
        if ($null -ne $made -and $made -cmatch '^[0-9]{1,4}$' -and [int]$made -gt $Item.Folders) {
            $Item.Folders = [int]$made
        }
    }
}

# --- What was noted about a file

function Get-NotesPath {
    param($Item)
    return Join-Folder (Join-Folder $script:Own 'state') $Item.Key
}

function Read-Note {
    param($Item, [string]$Name)
    return Read-Content (Join-Folder $Item.State $Name)
}

function Find-State {
    # The folder of the notes that hold, or $null.
    param($Item)
    $notes = Get-NotesPath $Item
    $Item.State = $null
    if ([System.IO.Directory]::Exists($notes + '.next') -and (Test-Begun $Item)) {
        $Item.State = $notes + '.next'
    }
    elseif ([System.IO.Directory]::Exists($notes)) {
        $Item.State = $notes
    }
    elseif ([System.IO.Directory]::Exists($notes + '.old')) {
        $Item.State = $notes + '.old'
    }
    if ($null -ne $Item.State) {
        $path = ConvertFrom-Utf8 ([string](Read-Note $Item 'path'))
        if (-not [string]::Equals($path, $Item.Target, [System.StringComparison]::OrdinalIgnoreCase)) {
            Write-Refusal $Item 'bad-notes' $Item.State
        }
    }
}

function Test-Begun {
    # Whether an interrupted run got as far as writing the file. A person may have edited it since.
    param($Item)
    $next = (Get-NotesPath $Item) + '.next'
    $isWritten = Test-SameContent $Item.Current (Read-Content (Join-Folder $next 'written'))
    return $isWritten -or -not (Test-SameContent $Item.Current (Read-Content (Join-Folder $next 'before')))
}

function Test-Noted {
    # Whether the notes say already what a run now would write into them.
    param($Item)
    if ($null -eq $Item.State) {
        return $false
    }
    $source = Read-Content (Join-Folder $script:Folder $Item.Source)
    return (Test-SameContent (Read-Note $Item 'written') $Item.New) -and
        (Test-SameContent (Read-Note $Item 'original') $Item.Base) -and
        (Test-SameContent (Read-Note $Item $Item.Source) $source)
}

function Select-Base {
    # The file as it would be without us.
    param($Item)
    if ($null -eq $Item.State -or $null -eq $Item.Current) {
        return $Item.Current
    }
    $original = Read-Note $Item 'original'
    if (Test-SameContent $Item.Current (Read-Note $Item 'written')) {
        return $original
    }
    if (Test-SameContent $Item.Current $original) {
        return $Item.Current
    }
    return Undo-Content $Item
}

# --- Merging

function Merge-Content {
    param($Item)
    try {
        if ($Item.Kind -ceq 'settings') {
            $base = ConvertFrom-SettingsContent $Item.Base
            return ConvertTo-JsonContent (Merge-JsonEdit $base $script:Facts.Value['edits'])
        }
        return Merge-AwsConfig $Item.Base $script:Block
    }
    catch [System.FormatException] {
        Write-ContentRefusal $Item $_.Exception
    }
    return $null
}

function Undo-Content {
    # The file that the person changed, without what is ours.
    param($Item)
    $original = Read-Note $Item 'original'
    $content = $null
    try {
        if ($Item.Kind -ceq 'settings') {
            $content = Undo-Setting $Item $original
        }
        else {
            Assert-Ini $Item.Current
            $content = Remove-AwsConfig $Item.Current (Read-Note $Item 'aws-config')
        }
    }
    catch [System.FormatException] {
        Write-ContentRefusal $Item $_.Exception
        return $null
    }
    $isEmpty = $content.Length -eq 0 -or ($Item.Kind -ceq 'settings' -and [string]::Equals($content, "{}`n"))
    if ($null -eq $original -and $isEmpty) {
        return $null
    }
    return $content
}

function Undo-Setting {
    param($Item, $Original)
    $applied = ConvertFrom-JsonContent (Read-Note $Item 'onramp.json')
    $current = ConvertFrom-SettingsContent $Item.Current
    $before = ConvertFrom-SettingsContent $Original
    return ConvertTo-JsonContent (Undo-JsonEdit $current $before $applied.Value['edits'])
}

function ConvertFrom-SettingsContent {
    param($Content)
    if ($null -eq $Content) {
        return New-JsonObject
    }
    return ConvertFrom-JsonContent $Content
}

function Write-ContentRefusal {
    param($Item, $Refusal)
    $about = [string]$Refusal.Data['About']
    switch ($Refusal.Message) {
        'in-the-way' { Write-Refusal $Item 'json-key' $about }
        'section' { Write-Refusal $Item 'section' $about }
        'not-ini' { Write-Refusal $Item 'not-ini' }
        default { Write-Refusal $Item 'not-json' 'PowerShell' }
    }
}

# --- The AWS configuration: our part is fenced by its first and its last line. Other lines keep their bytes

function Merge-AwsConfig {
    param($Base, [string]$Block)
    $rest = ''
    if ($null -ne $Base) {
        Assert-Ini $Base
        $rest = Remove-AwsConfig $Base $Block
    }
    $ours = @(Get-Heading $Block)
    foreach ($heading in @(Get-Heading $rest)) {
        foreach ($own in $ours) {
            if ([string]::Equals($heading, $own)) {
                Stop-WithRefusal 'section' ('[' + $heading + ']')
            }
        }
    }
    if ($rest.Length -gt 0) {
        if (-not $rest.EndsWith("`n", [System.StringComparison]::Ordinal)) {
            $rest = $rest + "`n"
        }
        $rest = $rest + "`n"
    }
    return $rest + $Block
}

function Get-Fence {
    # The first and the last line of our part.
    param([string]$Block)
    $lines = $Block.TrimEnd([char]10).Split([char]10)
    return @{ First = $lines[0]; Last = $lines[$lines.Length - 1] }
}

function Assert-Ini {
    # AWS's tools would read it too. They end lines at a lone carriage return.
    param([string]$Content)
    if ($Content.IndexOf([char]0) -ge 0) {
        Stop-WithRefusal 'not-ini'
    }
    $reader = @{ Open = ''; HasSection = $false; HasKey = $false }
    foreach ($line in $Content.Split([char[]]"`r`n")) {
        Read-IniFence $reader $line
        Read-IniLine $reader $line
    }
    if ($reader.Open.Length -gt 0) {
        Stop-WithRefusal 'not-ini'
    }
}

function Read-IniFence {
    # A part that begins must end, under the same name, before another begins.
    param($Reader, [string]$Line)
    $mark = [regex]::Match($Line, '^# (>>>|<<<) onramp (?:(.*) )?(>>>|<<<)$')
    if (-not $mark.Success -or $mark.Groups[1].Value -cne $mark.Groups[3].Value) {
        return
    }
    $name = 'x' + $mark.Groups[2].Value
    if ($mark.Groups[1].Value -ceq '>>>') {
        if ($Reader.Open.Length -gt 0) {
            Stop-WithRefusal 'not-ini'
        }
        $Reader.Open = $name
        return
    }
    if (-not [string]::Equals($Reader.Open, $name)) {
        Stop-WithRefusal 'not-ini'
    }
    $Reader.Open = ''
}

function Read-IniLine {
    param($Reader, [string]$Line)
    if ($Line -cmatch '^[ \t\v\f]*([#;].*)?$') {
        return
    }
    if ($Reader.HasKey -and $Line -cmatch '^[ \t]') {
        return
    }
    if ($Line -cmatch '^[ \t]*\[[^\]]+\][ \t]*([#;].*)?$') {
        $Reader.HasSection = $true
        $Reader.HasKey = $false
        return
    }
    if (-not $Reader.HasSection -or $Line -cnotmatch '^[ \t]*[^ \t=\[][^=]*=') {
        Stop-WithRefusal 'not-ini'
    }
    $Reader.HasKey = $true
}

function Remove-AwsConfig {
    # The file without the part of that name, and without the blank line before it.
    param([string]$Content, [string]$Block)
    $fence = Get-Fence $Block
    $lines = $Content.Split([char]10)
    $from = -1
    $to = -1
    for ($index = 0; $index -lt $lines.Length -and $to -lt 0; $index += 1) {
        $line = $lines[$index] -creplace '\r$', ''
        if ($from -lt 0 -and [string]::Equals($line, $fence.First)) {
            $from = $index
        }
        if ($from -ge 0 -and [string]::Equals($line, $fence.Last)) {
            $to = $index
        }
    }
    if ($to -lt 0) {
        return $Content
    }
    if ($from -gt 0 -and $lines[$from - 1] -cmatch '^\r?$') {
        $from -= 1
    }
    $head = [string]::Join("`n", $lines, 0, $from)
    if ($from -gt 0) {
        $head = $head + "`n"
    }
    return $head + [string]::Join("`n", $lines, $to + 1, $lines.Length - $to - 1)
}

function Get-Heading {
    # Without what AWS's tools overlook: [profile "x"] is [profile x].
    param([string]$Content)
    foreach ($line in $Content.Split([char[]]"`r`n")) {
        $plain = $line -creplace '["'']', ''
        $heading = [regex]::Match($plain, '^[ \t\v\f]*\[[ \t\v\f]*([^\]]*)\]')
        if ($heading.Success) {
            ($heading.Groups[1].Value -creplace '[ \t\v\f]+', ' ') -creplace ' $', ''
        }
    }
}

# --- Telling

function Write-Outcome {
    # would or did
    param([string]$Tense)
    foreach ($item in $script:Plan) {
        Write-Sentence ('install.' + $Tense + '.' + (Get-Outcome $item)) (ConvertTo-Visible $item.Target)
    }
}

function Get-Outcome {
    param($Item)
    $isLeft = @('nothing', 'note', 'forget') -ccontains $Item.Todo
    if ($isLeft -or (Test-SameContent $Item.New $Item.Current)) {
        return 'stay'
    }
    if ($null -eq $Item.Current) {
        return 'create'
    }
    if ($null -eq $Item.New) {
        return 'remove'
    }
    if ($Item.Todo -ceq 'write') {
        return 'change'
    }
    return $Item.Todo
}

function Write-Difference {
    foreach ($item in $script:Plan) {
        if ((Get-Outcome $item) -cne 'stay') {
            foreach ($line in @(Get-UnifiedDiff (ConvertTo-Visible $item.Target) $item.Current $item.New)) {
                Write-Host $line
            }
        }
    }
}

function Write-NextStep {
    if ($script:Backup.Length -gt 0) {
        Write-Sentence 'install.backup' (ConvertTo-Visible $script:Backup)
    }
    $names = @(foreach ($name in @(Get-JsonList $script:Facts 'conflicts')) {
        $value = [Environment]::GetEnvironmentVariable($name)
        if ($name -cmatch '^[A-Z0-9_]+$' -and -not [string]::IsNullOrEmpty($value)) {
            $name
        }
    })
    if ($names.Length -gt 0) {
        Write-Sentence 'install.conflicts' ($names -join ', ')
        Write-Sentence 'install.conflicts.fix' ($names -join ', ')
    }
    $login = ConvertTo-Visible (Get-JsonText $script:Facts 'login_command')
    if ($login.Length -gt 0) {
        Write-Sentence 'install.next.sign-in' $login
    }
    $run = 'powershell -ExecutionPolicy Bypass -File "$HOME\.onramp\bundle\'
    Write-Sentence 'install.next.start' 'claude'
    Write-Sentence 'install.next.doctor' ($run + 'doctor.ps1"')
    Write-Sentence 'install.next.uninstall' ($run + 'install.ps1" uninstall')
}

# --- Doing it. An interruption at any point loses nothing: the next run finds out how far this one came

function Install-Bundle {
    $null = [System.IO.Directory]::CreateDirectory((Join-Folder $script:Own 'state'))
    $null = [System.IO.Directory]::CreateDirectory((Join-Folder $script:Own 'bundle'))
    Save-Bundle
    foreach ($item in $script:Plan) {
        Install-Item $item
    }
    Write-Outcome 'did'
    Write-NextStep
}

function Save-Bundle {
    # What is needed when the folder of the download is gone. Each file is there at any time, old or new.
    $kept = Join-Folder $script:Own 'bundle'
    $names = 'install.ps1', 'doctor.ps1', 'json.ps1', 'words.txt', 'onramp.json', 'settings.json', 'aws-config',
        'GUIDE.md', 'aws-keys.ps1', 'bedrock-key.ps1'
    foreach ($name in $names) {
        $content = Read-Content (Join-Folder $script:Folder $name)
        $to = Join-Folder $kept $name
        if ($null -eq $content) {
            [System.IO.File]::Delete($to)
        }
        elseif (-not (Test-SameContent $content (Read-Content $to))) {
            $new = Join-Folder $kept '.new'
            [System.IO.File]::Delete($new)
            Write-Content $new $content
            Move-Content $new $to
        }
    }
}

function Install-Item {
    param($Item)
    Complete-Note $Item
    if ($Item.Todo -ceq 'nothing') {
        return
    }
    Write-Note $Item
    if ($Item.Todo -ceq 'write') {
        Backup-Item $Item
        Set-PlanItem $Item
    }
    Move-Note $Item
}

function Uninstall-Bundle {
    $isUnmerged = $false
    foreach ($item in $script:Plan) {
        $isUnmerged = $isUnmerged -or $item.Todo -ceq 'unmerge'
        Uninstall-Item $item
    }
    Write-Outcome 'did'
    # Notes of another kind of shell may be there too.
    $null = Remove-EmptyFolder (Join-Folder $script:Own 'state')
    if (-not $isUnmerged) {
        Remove-Folder (Join-Folder $script:Own 'backup')
    }
    Remove-Kept
    $null = Remove-EmptyFolder $script:Own
    if ($script:Plan.Count -eq 0) {
        Write-Sentence 'install.not-installed'
    }
    if ($script:Backup.Length -gt 0) {
        Write-Sentence 'install.backup' (ConvertTo-Visible $script:Backup)
    }
}

function Remove-Kept {
    # One by one: Windows does not remove a folder that is somebody's current one, but its files.
    $kept = Join-Folder $script:Own 'bundle'
    if ([System.IO.Directory]::Exists($kept)) {
        foreach ($path in [System.IO.Directory]::GetFiles($kept)) {
            [System.IO.File]::Delete($path)
        }
        $null = Remove-EmptyFolder $kept
    }
}

function Uninstall-Item {
    param($Item)
    Complete-Note $Item
    if ($Item.Todo -ceq 'unmerge') {
        Backup-Item $Item
    }
    if ($Item.Todo -cne 'forget' -and -not (Test-SameContent $Item.New $Item.Current)) {
        if ($null -ne $Item.New) {
            Set-PlanItem $Item
        }
        else {
            Assert-Unchanged $Item
            [System.IO.File]::Delete($Item.Place)
        }
    }
    if (-not [System.IO.File]::Exists($Item.Place)) {
        Remove-MadeFolder $Item
    }
    Remove-Note $Item (Get-NotesPath $Item)
}

function Complete-Note {
    # After an interrupted run: its notes hold, or they go.
    param($Item)
    $notes = Get-NotesPath $Item
    Find-State $Item
    Remove-Folder ($notes + '.making')
    Remove-Folder ($notes + '.gone')
    $folder = [System.IO.Path]::GetDirectoryName($Item.Place)
    if ([System.IO.Directory]::Exists($folder)) {
        [System.IO.File]::Delete((Join-Folder $folder ('.onramp-' + $Item.Key)))
    }
    if ($null -ne $Item.State -and [string]::Equals($Item.State, $notes + '.next')) {
        Move-Note $Item
    }
    elseif ($null -ne $Item.State -and [string]::Equals($Item.State, $notes + '.old')) {
        [System.IO.Directory]::Move($notes + '.old', $notes)
    }
    Remove-Note $Item ($notes + '.next')
    Remove-Folder ($notes + '.old')
}

function Write-Note {
    # The notes that will hold once the file is written.
    param($Item)
    $making = (Get-NotesPath $Item) + '.making'
    $null = [System.IO.Directory]::CreateDirectory($making)
    Write-Content (Join-Folder $making 'path') (ConvertTo-Utf8 $Item.Target)
    Write-Content (Join-Folder $making 'folders') ([string]$Item.Folders)
    Write-Content (Join-Folder $making 'before') $Item.Current
    Write-Content (Join-Folder $making 'original') $Item.Base
    Write-Content (Join-Folder $making 'written') $Item.New
    Write-Content (Join-Folder $making $Item.Source) (Read-Content (Join-Folder $script:Folder $Item.Source))
    [System.IO.Directory]::Move($making, (Get-NotesPath $Item) + '.next')
}

function Move-Note {
    param($Item)
    $notes = Get-NotesPath $Item
    if ([System.IO.Directory]::Exists($notes)) {
        Remove-Folder ($notes + '.old')
        [System.IO.Directory]::Move($notes, $notes + '.old')
    }
    [System.IO.Directory]::Move($notes + '.next', $notes)
    Remove-Folder ($notes + '.old')
}

function Remove-Note {
    # Whole or not at all.
    param($Item, [string]$Path)
    if ([System.IO.Directory]::Exists($Path)) {
        $gone = (Get-NotesPath $Item) + '.gone'
        [System.IO.Directory]::Move($Path, $gone)
        Remove-Folder $gone
    }
}

function Backup-Item {
    # Into the folder of this run.
    param($Item)
    if ($null -eq $Item.Current) {
        return
    }
    if ($script:Backup.Length -eq 0) {
        $culture = [System.Globalization.CultureInfo]::InvariantCulture
        $moment = [DateTime]::UtcNow.ToString('yyyyMMdd\THHmmss\Z', $culture)
        $moment = Join-Folder (Join-Folder $script:Own 'backup') $moment
        $script:Backup = $moment
        for ($run = 2; [System.IO.Directory]::Exists($script:Backup); $run += 1) {
            $script:Backup = $moment + '-' + $run
        }
        $null = [System.IO.Directory]::CreateDirectory($script:Backup)
    }
    Write-Content (Join-Folder $script:Backup $Item.Key) $Item.Current
}

function Set-PlanItem {
    # New, in its place at one stroke.
    param($Item)
    $folder = [System.IO.Path]::GetDirectoryName($Item.Place)
    $null = [System.IO.Directory]::CreateDirectory($folder)
    $script:Spare = Join-Folder $folder ('.onramp-' + $Item.Key)
    [System.IO.File]::Delete($script:Spare)
    Write-Content $script:Spare $Item.New
    Assert-Unchanged $Item
    Move-Content $script:Spare $Item.Place
    $script:Spare = ''
}

function Assert-Unchanged {
    # By another program, since we looked.
    param($Item)
    if (-not (Test-SameContent (Read-Content $Item.Place) $Item.Current)) {
        Stop-WithRefusal 'install.changed-meanwhile' (ConvertTo-Visible $Item.Target)
    }
}

function Remove-MadeFolder {
    # Those that we made, as long as they are empty.
    param($Item)
    $folder = [System.IO.Path]::GetDirectoryName($Item.Place)
    for ($left = $Item.Folders; $left -gt 0; $left -= 1) {
        if (-not (Remove-EmptyFolder $folder)) {
            return
        }
        $folder = [System.IO.Path]::GetDirectoryName($folder)
    }
}

# --- The difference of two files, as `diff -u` shows it

function Get-UnifiedDiff {
    param([string]$Name, $Old, $New)
    $oldName = $Name
    $newName = $Name
    if ($null -eq $Old) {
        $oldName = '/dev/null'
    }
    if ($null -eq $New) {
        $newName = '/dev/null'
    }
    $marked = @(Get-MarkedLine @(Get-DiffLine $Old) @(Get-DiffLine $New))
    '--- ' + $oldName
    '+++ ' + $newName
    Get-Hunk $marked
}

function Get-DiffLine {
    # The lines, readable. One that the file ends without a line break says so.
    param($Content)
    if ($null -eq $Content -or $Content.Length -eq 0) {
        return
    }
    $lenient = New-Object System.Text.UTF8Encoding $false, $false
    $text = $lenient.GetString([System.Text.Encoding]::GetEncoding(28591).GetBytes($Content))
    $lines = $text.Split([char]10)
    for ($index = 0; $index -lt $lines.Length - 1; $index += 1) {
        ConvertTo-Visible $lines[$index]
    }
    if ($lines[$lines.Length - 1].Length -gt 0) {
        (ConvertTo-Visible $lines[$lines.Length - 1]) + "`n" + '\ No newline at end of file'
    }
}

function Get-MarkedLine {
    # Each line with ' ', '-' or '+' before it. What both files begin and end with costs no time.
    param([string[]]$Old, [string[]]$New)
    $shorter = [Math]::Min($Old.Length, $New.Length)
    $head = 0
    while ($head -lt $shorter -and [string]::Equals($Old[$head], $New[$head])) {
        ' ' + $Old[$head]
        $head += 1
    }
    $tail = 0
    while ($tail -lt $shorter - $head -and [string]::Equals($Old[-1 - $tail], $New[-1 - $tail])) {
        $tail += 1
    }
    Get-ChangedLine (Select-Line $Old $head $tail) (Select-Line $New $head $tail)
    for ($index = $Old.Length - $tail; $index -lt $Old.Length; $index += 1) {
        ' ' + $Old[$index]
    }
}

function Select-Line {
    # Without the first and the last so many. With the comma, because a list of one or none is still one.
    param([string[]]$Lines, [int]$Head, [int]$Tail)
    $kept = New-Object System.Collections.ArrayList
    for ($index = $Head; $index -lt $Lines.Length - $Tail; $index += 1) {
        $null = $kept.Add($Lines[$index])
    }
    return , $kept.ToArray()
}

function Get-ChangedLine {
    param([string[]]$Old, [string[]]$New)
    $common = Measure-CommonLine $Old $New
    $left = 0
    $right = 0
    while ($left -lt $Old.Length -or $right -lt $New.Length) {
        $isOld = $left -lt $Old.Length
        $isNew = $right -lt $New.Length
        if ($isOld -and $isNew -and [string]::Equals($Old[$left], $New[$right])) {
            ' ' + $Old[$left]
            $left += 1
            $right += 1
        }
        elseif (-not $isNew -or ($isOld -and $common[$left + 1][$right] -ge $common[$left][$right + 1])) {
            '-' + $Old[$left]
            $left += 1
        }
        else {
            '+' + $New[$right]
            $right += 1
        }
    }
}

function Measure-CommonLine {
    # How many lines can stay from each pair of positions on: the longest common subsequence.
    param([string[]]$Old, [string[]]$New)
    $rows = New-Object System.Collections.ArrayList
    $below = New-Object 'int[]' ($New.Length + 1)
    $null = $rows.Add($below)
    for ($left = $Old.Length - 1; $left -ge 0; $left -= 1) {
        $row = New-Object 'int[]' ($New.Length + 1)
        for ($right = $New.Length - 1; $right -ge 0; $right -= 1) {
            if ([string]::Equals($Old[$left], $New[$right])) {
                $row[$right] = $below[$right + 1] + 1
            }
            elseif ($below[$right] -ge $row[$right + 1]) {
                $row[$right] = $below[$right]
            }
            else {
                $row[$right] = $row[$right + 1]
            }
        }
        $rows.Insert(0, $row)
        $below = $row
    }
    return , $rows.ToArray()
}

function Get-Hunk {
    # The changes, each with three lines around it; two whose lines would meet are one.
    param([string[]]$Marked)
    $index = 0
    $before = @{ Old = 0; New = 0; At = 0 }
    while ($index -lt $Marked.Length) {
        if ($Marked[$index].StartsWith(' ', [System.StringComparison]::Ordinal)) {
            $index += 1
            continue
        }
        $start = [Math]::Max($before.At, $index - 3)
        $end = Get-HunkEnd $Marked $index
        Step-Line $before $Marked $start
        $from = @{ Old = $before.Old; New = $before.New }
        Step-Line $before $Marked $end
        '@@ -' + (Format-Range $from.Old $before.Old) + ' +' + (Format-Range $from.New $before.New) + ' @@'
        for ($line = $start; $line -lt $end; $line += 1) {
            $Marked[$line]
        }
        $index = $end
    }
}

function Get-HunkEnd {
    # The position after the last line of the hunk with this change in it.
    param([string[]]$Marked, [int]$Index)
    $last = $Index
    while ($Index -lt $Marked.Length -and $Index - $last -le 7) {
        if (-not $Marked[$Index].StartsWith(' ', [System.StringComparison]::Ordinal)) {
            $last = $Index
        }
        $Index += 1
    }
    return [Math]::Min($Marked.Length, $last + 4)
}

function Step-Line {
    # Counts the lines of both files up to a position.
    param($Counts, [string[]]$Marked, [int]$To)
    while ($Counts.At -lt $To) {
        $mark = $Marked[$Counts.At].Substring(0, 1)
        if ($mark -cne '+') {
            $Counts.Old = $Counts.Old + 1
        }
        if ($mark -cne '-') {
            $Counts.New = $Counts.New + 1
        }
        $Counts.At = $Counts.At + 1
    }
}

function Format-Range {
    # As diff: its first line and how many; of none, the line before; of one, only that.
    param([int]$From, [int]$To)
    if ($To -eq $From) {
        return "$From,0"
    }
    if ($To - $From -eq 1) {
        return "$To"
    }
    return "$($From + 1),$($To - $From)"
}

function Start-Installer {
    param([string[]]$Arguments, [string]$Folder)
    Set-StrictMode -Version 2
    $ErrorActionPreference = 'Stop'
    $script:Status = 0
    $script:Spare = ''
    $script:Folder = $Folder
    foreach ($name in 'words.txt', 'json.ps1') {
        if (-not [System.IO.File]::Exists([System.IO.Path]::Combine($Folder, $name))) {
            $problem = ' is missing beside install.ps1. Unpack the whole bundle, and run it there.'
            [Console]::Error.WriteLine($name + $problem)
            $script:Status = 2
            return
        }
    }
    . ([System.IO.Path]::Combine($Folder, 'json.ps1'))
    Read-Word ([System.IO.Path]::Combine($Folder, 'words.txt'))
    Invoke-Safely $Arguments
}

function Invoke-Safely {
    param([string[]]$Arguments)
    try {
        Invoke-Installer $Arguments
    }
    catch [System.FormatException] {
        Write-Problem $_.Exception.Message ([string]$_.Exception.Data['About'])
        Write-Problem 'install.failed'
        $script:Status = 1
    }
    catch {
        [Console]::Error.WriteLine($_.Exception.GetBaseException().Message)
        Write-Problem 'install.failed'
        $script:Status = 1
    }
    finally {
        if ($script:Spare.Length -gt 0) {
            [System.IO.File]::Delete($script:Spare)
        }
    }
}

# In braces, so that a file that was cut short does not parse.
if ($true) {
    Start-Installer $args $PSScriptRoot
    exit $script:Status
}
