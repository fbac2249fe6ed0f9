# The doctor: looks at this machine, with this person's own credentials, for what the bundle needs. It changes nothing.
#
# Its sentences are in words.txt, its facts in onramp.json, both beside it. A check that cannot be made has an answer
# of its own, "unknown", and the checks after it are made all the same. For Windows PowerShell 5.1 and later:
#
#   powershell -ExecutionPolicy Bypass -File doctor.ps1 [--json] [--report] ...

function Invoke-Doctor {
    # Leaves in the pipeline what standard output is for with --json, and in $script:Status the exit code.
    param([string[]]$Arguments, [string]$Folder)
    $script:Folder = $Folder
    $script:Results = New-Object System.Collections.ArrayList
    $script:Version = ''
    $script:ProfileFound = $true
    $script:Session = $null
    try {
        $script:Options = Read-Option $Arguments
        if ($script:Options.Help) {
            Write-Line (Get-Word 'doctor.usage')
            return
        }
        $script:Bundle = Read-Bundle
        Invoke-Check
        Write-Result
    }
    catch [System.FormatException] {
        [Console]::Error.WriteLine((Get-Word $_.Exception.Message ([string]$_.Exception.Data['About'])))
        if ($_.Exception.Message -ceq 'doctor.unknown-option') {
            [Console]::Error.WriteLine((Get-Word 'doctor.usage'))
        }
        $script:Status = 3
    }
}

function Write-Result {
    $report = ''
    if ($script:Options.Json -or $script:Options.Report) {
        $report = ConvertTo-Report
    }
    if ($script:Options.Json) {
        $report
    }
    else {
        Write-Summary
    }
    $sent = $true
    if ($script:Options.Report) {
        $sent = Send-CheckedReport $report
    }
    $failed = @($script:Results | Where-Object { $_.Outcome -ceq 'failed' })
    if ($failed.Length -gt 0 -or -not $sent) {
        $script:Status = 1
    }
}

function Read-Option {
    param([string[]]$Arguments)
    $options = @{ Json = $false; Report = $false; Yes = $false; Model = 'ask'; Name = ''; Help = $false }
    $index = 0
    while ($index -lt $Arguments.Length) {
        $word = ConvertTo-LongOption $Arguments[$index]
        switch -CaseSensitive ($word) {
            '--json' { $options.Json = $true }
            '--report' { $options.Report = $true }
            '--yes' { $options.Yes = $true }
            '--ask-model' { $options.Model = 'consented' }
            '--no-model' { $options.Model = 'refused' }
            '--name' {
                $index += 1
                if ($index -ge $Arguments.Length) {
                    Stop-WithRefusal 'doctor.unknown-option' $word
                }
                $options.Name = $Arguments[$index]
            }
            '--help' { $options.Help = $true }
            '-h' { $options.Help = $true }
            default { Stop-WithRefusal 'doctor.unknown-option' (ConvertTo-Plain $word) }
        }
        $index += 1
    }
    return $options
}

function Write-Line {
    # With --json, standard output is for programs, and people read the other one.
    param([string]$Text)
    if ($script:Options.Json) {
        [Console]::Error.WriteLine($Text)
    }
    else {
        Write-Host $Text
    }
}

# --- What the bundle says

function Read-Bundle {
    $path = [System.IO.Path]::Combine($script:Folder, 'onramp.json')
    $node = Read-JsonFile $path
    if ($null -eq $node) {
        Stop-WithRefusal 'doctor.bad-bundle' 'onramp.json'
    }
    if ((Get-JsonText $node 'revision') -cnotmatch '^[0-9]{1,9}\z') {
        $node.Value['revision'] = New-JsonNode 'number' '0'
    }
    return $node
}

function Read-JsonFile {
    # The object in a file; $null where there is none, or none that can be read.
    param([string]$Path)
    try {
        return ConvertFrom-JsonContent (ConvertFrom-Byte ([System.IO.File]::ReadAllBytes($Path)))
    }
    catch {
        return $null
    }
}

function Get-BundleText {
    param([string]$Key)
    return Get-JsonText $script:Bundle $Key
}

function ConvertTo-Plain {
    # At most 200 printable ASCII characters. A terminal obeys the others, and so may a reader.
    param([string]$Text)
    $plain = ($Text -creplace '[\n\r\t]', ' ') -creplace '[^ -~]', '?'
    return $plain.Substring(0, [Math]::Min(200, $plain.Length))
}

# --- Programs, each with a time limit

function Get-Limit {
    # Seconds for an outside program. More for slow machines, fewer for impatient tests.
    $wanted = [string][Environment]::GetEnvironmentVariable('ONRAMP_DOCTOR_SECONDS')
    if ($wanted -cmatch '^[0-9]{1,3}$') {
        return [int]$wanted
    }
    return 20
}

function Find-Program {
    # The path of a program, or ''.
    param([string]$Name)
    foreach ($found in @(Get-Command -Name $Name -CommandType Application -ErrorAction SilentlyContinue)) {
        # npm also leaves a script for other systems, without an ending.
        if ($found.Definition -match '\.(exe|com|cmd|bat)$') {
            return $found.Definition
        }
    }
    return ''
}

function Join-Argument {
    # As the programs' own start-up code takes a line apart again:
    # https://learn.microsoft.com/cpp/c-language/parsing-c-command-line-arguments
    param([string[]]$Arguments)
    $quoted = @(foreach ($argument in $Arguments) {
        if ($argument -cmatch '^[A-Za-z0-9_./:=@,+-]+\z') {
            $argument
        }
        else {
            $inner = ($argument -creplace '(\\*)"', '$1$1\"') -creplace '(\\+)\z', '$1$1'
            '"' + $inner + '"'
        }
    })
    return $quoted -join ' '
}

function New-ProgramStart {
    param([string]$Path, [string[]]$Arguments)
    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = $Path
    $start.Arguments = Join-Argument $Arguments
    if ($Path -match '\.(cmd|bat)$') {
        # A batch file is read by cmd.exe, which takes these for its own even between quotes.
        if ($start.Arguments -cmatch '[%!^&|<>]') {
            Stop-WithRefusal 'unsafe-argument'
        }
        $start.FileName = [Environment]::GetEnvironmentVariable('ComSpec')
        $start.Arguments = '/d /s /c ""' + $Path + '" ' + (Join-Argument $Arguments) + '"'
    }
    # .NET has a current folder of its own.
    $start.WorkingDirectory = Get-WorkFolder
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = New-Object System.Text.UTF8Encoding $false
    $start.StandardErrorEncoding = New-Object System.Text.UTF8Encoding $false
    return $start
}

function Invoke-Program {
    # Its output, what it said on standard error, and its exit status; 124 when time was up.
    # Not by `& program 2>$null`: Windows PowerShell makes an error of its own of every line on standard error.
    param([string]$Path, [string[]]$Arguments)
    $answer = @{ Out = ''; Err = ''; Status = 127 }
    try {
        $process = [System.Diagnostics.Process]::Start((New-ProgramStart $Path $Arguments))
        $process.StandardInput.Close()
        $out = $process.StandardOutput.ReadToEndAsync()
        $err = $process.StandardError.ReadToEndAsync()
        if (-not $process.WaitForExit($script:Limit * 1000)) {
            $answer.Status = 124
            Stop-Program $process
            return $answer
        }
        # What it started may hold its output open.
        if ($out.Wait(2000)) {
            $answer.Out = $out.Result
        }
        if ($err.Wait(2000)) {
            $answer.Err = $err.Result
        }
        $answer.Status = $process.ExitCode
    }
    catch {
        $answer.Err = $_.Exception.GetBaseException().Message
    }
    return $answer
}

function Stop-Program {
    # With what it started: aws and claude may be batch files.
    param($Process)
    $killer = [System.IO.Path]::Combine([Environment]::SystemDirectory, 'taskkill.exe')
    $start = New-Object System.Diagnostics.ProcessStartInfo $killer, ('/T /F /PID ' + $Process.Id)
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $null = [System.Diagnostics.Process]::Start($start).WaitForExit(5000)
}

function Invoke-Aws {
    # The AWS CLI, with the plan's profile and Region.
    param([string[]]$Arguments)
    $line = @($Arguments) + @('--region', (Get-BundleText 'region'))
    $profileName = Get-BundleText 'aws_profile'
    if ($profileName.Length -gt 0) {
        $line = $line + @('--profile', $profileName)
    }
    return Invoke-Program (Find-Program 'aws') $line
}

function Get-Complaint {
    # What a program said about its failure, without what looks like a credential.
    param($Answer)
    if ($Answer.Status -eq 124) {
        return 'timeout after ' + $script:Limit + ' s'
    }
    $first = ''
    foreach ($line in $Answer.Err.Split([char[]]"`r`n")) {
        if ($line -cmatch '[Ee]rror|xpired|nable|ould not|denied') {
            return Hide-Credential $line
        }
        if ($first.Length -eq 0) {
            $first = $line.Trim()
        }
    }
    if ($first.Length -eq 0) {
        return 'exit status ' + $Answer.Status
    }
    return Hide-Credential $first
}

function Hide-Credential {
    # Anything as long as a secret key, an access key id, a web token, and what stands behind such a name.
    param([string]$Text)
    $named = '([Ss]ecret[A-Za-z_ ]*|[Pp]assword|[Ss]ession_?[Tt]oken)(["'' ]*[:=]["'' ]*)[^"'' ,]+'
    $Text = $Text -creplace '(A[KS]IA|ABSK|bedrock-api-key-|eyJ)[A-Za-z0-9._+/=-]{8,}', '***'
    $Text = $Text -creplace '[A-Za-z0-9+/=]{40,}', '***'
    $Text = $Text -creplace $named, '$1$2***'
    return $Text -creplace '(://)[^/@ ]*@', '$1***@'
}

# --- Telling

function Write-Check {
    # {1} of the sentence is the detail, {2} the second.
    param([string]$Check, [string]$Outcome, [string]$Reason, [string]$Detail = '', [string]$Second = '')
    $Detail = ConvertTo-Plain $Detail
    $Second = ConvertTo-Plain $Second
    $null = $script:Results.Add(@{ Check = $Check; Outcome = $Outcome; Reason = $Reason; Detail = $Detail })
    if ($script:Options.Json) {
        return
    }
    $title = (Get-Word "doctor.outcome.$Outcome") + '  ' + (Get-Word "doctor.$Check.title")
    Write-Line ($title + ': ' + (Get-Word "doctor.$Check.$Reason" $Detail $Second))
    if ($Outcome -cne 'passed') {
        Write-Line ('    ' + (Get-Word "doctor.$Check.$Reason.fix" $Detail $Second))
    }
}

function Write-Summary {
    $failed = Get-Title 'failed'
    $unknown = Get-Title 'unknown'
    Write-Line ''
    if ($failed.Length -gt 0) {
        Write-Line (Get-Word 'doctor.summary.failed' $failed)
    }
    elseif ($unknown.Length -gt 0) {
        Write-Line (Get-Word 'doctor.summary.unknown' $unknown)
    }
    else {
        Write-Line (Get-Word 'doctor.summary.works')
    }
}

function Get-Title {
    # The titles of the checks that ended so.
    param([string]$Outcome)
    $titles = @(foreach ($result in $script:Results) {
        if ($result.Outcome -ceq $Outcome) {
            Get-Word ('doctor.' + $result.Check + '.title')
        }
    })
    return $titles -join ', '
}

# --- The checks, in the order of onboarding/doctor.py

function Invoke-Check {
    if (-not $script:Options.Json) {
        $plan = ConvertTo-Plain (Get-BundleText 'plan')
        Write-Line (Get-Word 'doctor.introduction' $plan (Get-BundleText 'revision'))
    }
    Test-ClaudeCode
    Test-Provider
    Test-Setting
    Test-Conflict
    Test-Profile
    Test-Session
    Test-Identity
    Test-Discovery
    Test-Model
    Test-Network
}

function Test-ClaudeCode {
    $claude = Find-Program 'claude'
    if ($claude.Length -eq 0) {
        Write-Check 'claude-code' 'failed' 'not-found'
        return
    }
    $answer = Invoke-Program $claude @('--version')
    $found = [regex]::Match($answer.Out, '(?m)^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}')
    $minimum = Get-BundleText 'minimum_version'
    if (-not $found.Success) {
        Write-Check 'claude-code' 'unknown' 'no-answer' (Get-Complaint $answer)
        return
    }
    $script:Version = $found.Value
    if (Test-Older $found.Value $minimum) {
        Write-Check 'claude-code' 'failed' 'too-old' $found.Value $minimum
    }
    else {
        Write-Check 'claude-code' 'passed' 'works' $found.Value
    }
}

function Test-Older {
    # As numbers, 2.1.99 is older than 2.1.200. Nothing to reach: nothing is older.
    param([string]$Version, [string]$Minimum)
    if ($Minimum -cnotmatch '^[0-9]{1,6}\.[0-9]{1,6}\.[0-9]{1,6}\z') {
        return $false
    }
    $have = $Version.Split([char]46)
    $need = $Minimum.Split([char]46)
    for ($index = 0; $index -lt 3; $index += 1) {
        if ([int]$have[$index] -ne [int]$need[$index]) {
            return [int]$have[$index] -lt [int]$need[$index]
        }
    }
    return $false
}

function Test-Provider {
    $claude = Find-Program 'claude'
    if ($claude.Length -eq 0) {
        Write-Check 'provider' 'skipped' 'no-claude-code'
        return
    }
    # Its exit status only says whether somebody is signed in to Anthropic.
    $answer = Invoke-Program $claude @('auth', 'status')
    $provider = Get-AnswerText $answer 'apiProvider'
    if ([string]::Equals($provider, 'bedrock')) {
        Write-Check 'provider' 'passed' 'works'
    }
    elseif ($provider.Length -eq 0) {
        Write-Check 'provider' 'unknown' 'no-answer' (Get-Complaint $answer)
    }
    else {
        Write-Check 'provider' 'failed' 'other-provider' $provider
    }
}

function Get-AnswerText {
    # A string in the JSON that a program printed; '' where there is none.
    param($Answer, [string]$Key)
    try {
        return Get-JsonText (ConvertFrom-JsonContent (ConvertTo-Utf8 $Answer.Out)) $Key
    }
    catch {
        return ''
    }
}

function Test-Setting {
    $managed = Get-ManagedPath
    $own = Get-OwnSettingsPath
    foreach ($path in @($managed, $own) + @(Get-FolderSetting)) {
        if ([System.IO.File]::Exists($path) -and $null -eq (Read-JsonFile $path)) {
            Write-Check 'settings' 'unknown' 'no-answer' (Format-Path $path)
            return
        }
    }
    $isManaged = [System.IO.File]::Exists($managed)
    if ($isManaged -and @(Get-Difference $managed).Length -eq 0) {
        Write-Check 'settings' 'passed' 'works' $managed
    }
    elseif ([string]::Equals((Get-BundleText 'settings_scope'), 'managed', [System.StringComparison]::Ordinal)) {
        Test-ManagedSetting $managed
    }
    elseif (Test-Outranking $managed 'outranked' 'failed') {
        return
    }
    elseif (-not [System.IO.File]::Exists($own)) {
        Write-Check 'settings' 'failed' 'missing' (Format-Path $own)
    }
    else {
        Test-OwnSetting $managed $own
    }
}

function Test-ManagedSetting {
    # Where the plan leaves them to device management, no other file can make up for that one.
    param([string]$Path)
    if ([System.IO.File]::Exists($Path)) {
        Write-Check 'settings' 'failed' 'outranked' (@(Get-Difference $Path) -join ', ') $Path
    }
    else {
        Write-Check 'settings' 'failed' 'not-managed' $Path
    }
}

function Test-OwnSetting {
    # What is set neither in the managed file nor in the person's own; then what this folder outranks.
    param([string]$Managed, [string]$Own)
    $elsewhere = @()
    $isManaged = [System.IO.File]::Exists($Managed)
    if ($isManaged) {
        $elsewhere = @(Get-Difference $Managed)
    }
    $differs = @(Get-Difference $Own | Where-Object { -not $isManaged -or $elsewhere -ccontains $_ })
    if ($differs.Length -gt 0) {
        Write-Check 'settings' 'failed' 'differs' ($differs -join ', ') (Format-Path $Own)
        return
    }
    foreach ($path in @(Get-FolderSetting)) {
        # In the home folder, .claude\settings.json is the person's own.
        $isOwn = [string]::Equals($path, $Own, [System.StringComparison]::OrdinalIgnoreCase)
        if (-not $isOwn -and (Test-Outranking $path 'outranked-here' 'warning')) {
            return
        }
    }
    Write-Check 'settings' 'passed' 'works' (Format-Path $Own)
}

function Test-Outranking {
    # Whether the file sets something of the plan's otherwise, which is then told.
    param([string]$Path, [string]$Reason, [string]$Outcome)
    if (-not [System.IO.File]::Exists($Path)) {
        return $false
    }
    $paths = @(Get-Outranked (Read-JsonFile $Path))
    if ($paths.Length -eq 0) {
        return $false
    }
    Write-Check 'settings' $Outcome $Reason ($paths -join ', ') (Format-Path $Path)
    return $true
}

function Get-Difference {
    param([string]$Path)
    Get-JsonDifference (Read-JsonFile $Path) $script:Bundle.Value['edits']
}

function Get-Outranked {
    # The paths that this file does set, to something else than the plan.
    param($Node)
    $added = 'permissions.allow', 'permissions.ask', 'permissions.deny', 'permissions.additionalDirectories'
    foreach ($edit in $script:Bundle.Value['edits'].Value) {
        $path = @(Get-JsonPath $edit)
        $dotted = $path -join '.'
        $now = Get-JsonAt $Node $path
        # Claude Code puts these lists together from all files, so that none outranks another.
        if ($null -ne $now -and $added -cnotcontains $dotted -and -not (Test-JsonEdit $now $edit)) {
            $dotted
        }
    }
}

function Get-ManagedPath {
    # A 32-bit PowerShell has another ProgramFiles.
    $programs = [Environment]::GetEnvironmentVariable('ProgramW6432')
    if ([string]::IsNullOrEmpty($programs)) {
        $programs = [Environment]::GetEnvironmentVariable('ProgramFiles')
    }
    return [System.IO.Path]::Combine([string]$programs, 'ClaudeCode', 'managed-settings.json')
}

function Get-OwnSettingsPath {
    $folder = [Environment]::GetEnvironmentVariable('CLAUDE_CONFIG_DIR')
    if ([string]::IsNullOrEmpty($folder)) {
        $folder = [System.IO.Path]::Combine([Environment]::GetEnvironmentVariable('USERPROFILE'), '.claude')
    }
    return [System.IO.Path]::GetFullPath([System.IO.Path]::Combine((Get-WorkFolder), $folder, 'settings.json'))
}

function Get-FolderSetting {
    # The files of the folder in which the doctor was called.
    $folder = [System.IO.Path]::Combine((Get-WorkFolder), '.claude')
    [System.IO.Path]::Combine($folder, 'settings.local.json')
    [System.IO.Path]::Combine($folder, 'settings.json')
}

function Get-WorkFolder {
    return (Get-Location -PSProvider FileSystem).ProviderPath
}

function Format-Path {
    # With ~ for the home folder and . for this one: their names are nobody's business in a report.
    param([string]$Path)
    $here = (Get-WorkFolder) + [System.IO.Path]::DirectorySeparatorChar
    $isOwn = [string]::Equals($Path, (Get-OwnSettingsPath), [System.StringComparison]::OrdinalIgnoreCase)
    if (-not $isOwn -and $Path.StartsWith($here, [System.StringComparison]::OrdinalIgnoreCase)) {
        return '.' + $Path.Substring($here.Length - 1)
    }
    $start = [Environment]::GetEnvironmentVariable('USERPROFILE') + [System.IO.Path]::DirectorySeparatorChar
    if ($Path.StartsWith($start, [System.StringComparison]::OrdinalIgnoreCase)) {
        return '~' + $Path.Substring($start.Length - 1)
    }
    return $Path
}

function Test-Conflict {
    if (-not $script:Bundle.Value.Contains('conflicts')) {
        Write-Check 'conflicts' 'unknown' 'no-answer' '' (Get-BundleText 'portal_url')
        return
    }
    $names = @(foreach ($name in @(Get-JsonList $script:Bundle 'conflicts')) {
        if ($name -cmatch '^[A-Z0-9_]+$' -and $null -ne [Environment]::GetEnvironmentVariable($name)) {
            $name
        }
    })
    if ($names.Length -gt 0) {
        Write-Check 'conflicts' 'failed' 'conflict' ($names -join ', ')
    }
    else {
        Write-Check 'conflicts' 'passed' 'works'
    }
}

function Test-Profile {
    $name = Get-BundleText 'aws_profile'
    $login = Get-BundleText 'login_command'
    if ($name.Length -eq 0) {
        Write-Check 'profile' 'skipped' 'no-profile'
    }
    elseif ((Find-Program 'aws').Length -gt 0) {
        Test-ProfileRegion $name (Get-BundleText 'region')
    }
    elseif ($login.StartsWith('aws ', [System.StringComparison]::Ordinal)) {
        Write-Check 'profile' 'failed' 'no-cli' $name
    }
    else {
        Write-Check 'profile' 'unknown' 'no-cli-needed' $name
    }
}

function Test-ProfileRegion {
    # The one command for this that versions 1 and 2 share. Exit status 1 with nothing said: there is no such key.
    param([string]$Name, [string]$Region)
    $answer = Invoke-Program (Find-Program 'aws') @('configure', 'get', 'region', '--profile', $Name)
    $seen = $answer.Out.Trim()
    if ($answer.Status -eq 0 -and [string]::Equals($seen, $Region)) {
        Write-Check 'profile' 'passed' 'works' $Name $Region
    }
    elseif ($answer.Status -eq 0 -and $seen.Length -gt 0) {
        Write-Check 'profile' 'failed' 'other-region' $seen $Region
    }
    elseif ($answer.Err -cmatch 'could not be found') {
        $script:ProfileFound = $false
        Write-Check 'profile' 'failed' 'missing' $Name
    }
    elseif ($answer.Status -le 1 -and $answer.Err.Trim().Length -eq 0) {
        Write-Check 'profile' 'failed' 'no-region' $Name $Region
    }
    else {
        Write-Check 'profile' 'unknown' 'no-answer' (Get-Complaint $answer)
    }
}

function Test-Session {
    if ([string]::Equals((Get-BundleText 'method'), 'credential-export', [System.StringComparison]::Ordinal)) {
        # Only Claude Code runs that helper: AWS's command line knows nothing of it.
        Write-Check 'session' 'skipped' 'helper'
        return
    }
    if ((Find-Program 'aws').Length -eq 0) {
        Write-Check 'session' 'unknown' 'no-cli'
        return
    }
    if (-not $script:ProfileFound) {
        Write-Check 'session' 'skipped' 'no-profile' (Get-BundleText 'aws_profile')
        return
    }
    $answer = Invoke-Aws @('sts', 'get-caller-identity', '--output', 'json')
    if ($answer.Status -eq 0) {
        $script:Session = $answer
        Write-Check 'session' 'passed' 'works'
    }
    else {
        Write-NoSession $answer
    }
}

function Write-NoSession {
    # The texts are those of AWS's command line, versions 1 and 2, and of the services behind it.
    param($Answer)
    $signedOut = '[Ee]xpired|SSO Token|SSO session|token from sso|UnauthorizedException|reauthenticate|' +
        'locate credentials|artial credentials|InvalidClientTokenId|SignatureDoesNotMatch|UnrecognizedClient|' +
        'InvalidAccessKeyId|aws login'
    $complaint = Get-Complaint $Answer
    $login = Get-BundleText 'login_command'
    if ($Answer.Err -cmatch 'calling the GetRoleCredentials' -and $Answer.Err -cmatch 'Forbidden') {
        Write-Check 'session' 'failed' 'no-access' $complaint (Get-BundleText 'role')
    }
    elseif ($Answer.Err -cmatch 'custom-process') {
        Write-Check 'session' 'failed' 'helper-failed' $complaint
    }
    elseif ($Answer.Err -cnotmatch $signedOut) {
        Write-Check 'session' 'unknown' 'no-answer' $complaint
    }
    elseif ($login.Length -gt 0) {
        Write-Check 'session' 'failed' 'not-signed-in' $complaint $login
    }
    else {
        Write-Check 'session' 'failed' 'no-credentials' $complaint
    }
}

function Test-Identity {
    if ($null -eq $script:Session) {
        Write-Check 'identity' 'skipped' 'no-session'
        return
    }
    $arn = Get-AnswerText $script:Session 'Arn'
    $part = [regex]::Match($arn, '^arn:[^:]*:[^:]*:[^:]*:([^:]*):(.*)$')
    $account = Get-BundleText 'account_id'
    if (-not $part.Success) {
        Write-Check 'identity' 'unknown' 'no-answer'
    }
    elseif (-not [string]::Equals($part.Groups[1].Value, $account)) {
        Write-Check 'identity' 'failed' 'other-account' $arn $account
    }
    elseif (Test-Role $part.Groups[2].Value (Get-BundleText 'role')) {
        Write-Check 'identity' 'passed' 'works' $arn
    }
    else {
        Write-Check 'identity' 'failed' 'other-role' $arn (Get-BundleText 'role')
    }
}

function Test-Role {
    # The last part of an ARN: as the plan's role, permission set or user.
    param([string]$Name, [string]$Role)
    if ($Role.Length -eq 0) {
        return $true
    }
    $safe = [regex]::Escape($Role)
    # With a _ in it, what follows is the end of another permission set's longer name.
    $center = 'assumed-role/AWSReservedSSO_' + $safe + '_[^/_]*/.*'
    return $Name -cmatch ('^(' + $center + '|assumed-role/' + $safe + '/.*|user/(.*/)?' + $safe + ')$')
}

function Test-Discovery {
    $pins = @(Get-JsonList $script:Bundle 'pins')
    if ($pins.Length -eq 0) {
        Write-Check 'discovery' 'skipped' 'no-models'
        return
    }
    if ($null -eq $script:Session) {
        Write-Check 'discovery' 'skipped' 'no-session'
        return
    }
    $listed = Get-ListedModel $pins
    $missing = @($pins | Where-Object { $listed.Seen -cnotcontains $_ })
    if ($null -eq $listed.Failure -and $missing.Length -eq 0) {
        Write-Check 'discovery' 'passed' 'works'
    }
    elseif ($null -eq $listed.Failure) {
        Write-Check 'discovery' 'failed' 'missing' ($missing -join ', ') (Get-BundleText 'region')
    }
    elseif ($listed.Failure.Err -cmatch 'AccessDenied') {
        Write-Check 'discovery' 'unknown' 'refused' (Get-Complaint $listed.Failure)
    }
    else {
        Write-Check 'discovery' 'unknown' 'no-answer' (Get-Complaint $listed.Failure)
    }
}

function Get-ListedModel {
    # The ids and ARNs that Bedrock lists of the pins' kinds, and the answer that was none.
    param([string[]]$Pins)
    $own = @($Pins | Where-Object { $_ -cmatch ':application-inference-profile/' })
    $kinds = @()
    if ($own.Length -gt 0) {
        $kinds = $kinds + @('APPLICATION')
    }
    if ($own.Length -lt $Pins.Length) {
        $kinds = $kinds + @('SYSTEM_DEFINED')
    }
    $seen = @()
    foreach ($kind in $kinds) {
        $answer = Invoke-Aws @('bedrock', 'list-inference-profiles', '--type-equals', $kind, '--output', 'text',
            '--query', 'inferenceProfileSummaries[].[inferenceProfileId, inferenceProfileArn]')
        if ($answer.Status -ne 0) {
            return @{ Seen = $seen; Failure = $answer }
        }
        $seen = $seen + @($answer.Out.Split([char[]]"`t`r`n"))
    }
    return @{ Seen = $seen; Failure = $null }
}

function Test-Model {
    $model = Get-BundleText 'default_model'
    if ($null -eq $script:Session) {
        Write-Check 'model' 'skipped' 'no-session'
        return
    }
    if (-not (Test-ModelConsent $model)) {
        Write-Check 'model' 'skipped' 'not-asked'
        return
    }
    $answer = Invoke-Model $model
    if ($answer.Status -eq 0) {
        Write-Check 'model' 'passed' 'works' $model
    }
    elseif ($answer.Err -cmatch 'AccessDeniedException|ResourceNotFoundException|ValidationException') {
        Write-Check 'model' 'failed' 'refused' (Get-Complaint $answer) $model
    }
    else {
        Write-Check 'model' 'unknown' 'no-answer' (Get-Complaint $answer) $model
    }
}

function Test-ModelConsent {
    param([string]$Model)
    if ($script:Options.Model -ceq 'ask' -and (Test-Terminal)) {
        return Test-Agreement (Get-Word 'doctor.ask-model' (ConvertTo-Plain $Model))
    }
    return $script:Options.Model -ceq 'consented'
}

function Invoke-Model {
    param([string]$Model)
    $body = '{"anthropic_version":"bedrock-2023-05-31","max_tokens":1,"messages":[{"role":"user","content":"Hi"}]}'
    $folder = [System.IO.Path]::Combine([System.IO.Path]::GetTempPath(), [System.IO.Path]::GetRandomFileName())
    $null = [System.IO.Directory]::CreateDirectory($folder)
    try {
        $request = [System.IO.Path]::Combine($folder, 'body.json')
        [System.IO.File]::WriteAllBytes($request, [System.Text.Encoding]::ASCII.GetBytes($body))
        return Invoke-Aws @('bedrock-runtime', 'invoke-model', '--model-id', $Model, '--body', ('fileb://' + $request),
            '--content-type', 'application/json', [System.IO.Path]::Combine($folder, 'answer'))
    }
    finally {
        [System.IO.Directory]::Delete($folder, $true)
    }
}

function Test-Terminal {
    return -not [Console]::IsInputRedirected
}

function Test-Agreement {
    # Whether the answer typed is a yes, in the language of words.txt.
    param([string]$Question)
    $answer = (Read-Answer $Question).Trim()
    foreach ($yes in (Get-Word 'doctor.yes-words').Split([char]32)) {
        if ([string]::Equals($answer, $yes, [System.StringComparison]::OrdinalIgnoreCase)) {
            return $true
        }
    }
    return $false
}

function Read-Answer {
    # Not by Read-Host, which puts a colon behind the question and writes it to standard output.
    param([string]$Question)
    [Console]::Error.Write($Question + ' ')
    return [string][Console]::In.ReadLine()
}

# --- The network

function Test-Network {
    $urls = @(Get-JsonList $script:Bundle 'hosts')
    $endpoint = [Environment]::GetEnvironmentVariable('AWS_ENDPOINT_URL')
    if (-not [string]::IsNullOrEmpty($endpoint)) {
        $urls = @($endpoint)
    }
    $became = @(Get-Reach $urls)
    # The worst that was seen, and of which hosts.
    foreach ($worst in 'unreachable', 'certificate', 'unknown', 'answered') {
        $hosts = @(for ($index = 0; $index -lt $urls.Length; $index += 1) {
            if ($became[$index] -ceq $worst) {
                Get-HostName $urls[$index]
            }
        })
        if ($hosts.Length -gt 0) {
            break
        }
    }
    Write-Network $worst (@($hosts | Sort-Object) -join ', ')
}

function Write-Network {
    param([string]$Worst, [string]$Hosts)
    switch ($Worst) {
        'unreachable' { Write-Check 'network' 'failed' 'unreachable' $Hosts }
        'certificate' { Write-Check 'network' 'failed' 'certificate' $Hosts }
        'answered' {
            if ($Hosts.Length -gt 0) {
                Write-Check 'network' 'passed' 'works' $Hosts
            }
            else {
                Write-Check 'network' 'unknown' 'no-answer'
            }
        }
        default { Write-Check 'network' 'unknown' 'no-answer' $Hosts }
    }
}

function Get-HostName {
    # Without a password, a path and a query.
    param([string]$Url)
    $rest = ($Url -creplace '^[A-Za-z]*://', '') -creplace '[/?#].*$', ''
    return $rest -creplace '^.*@', ''
}

function Get-Reach {
    # What became of each URL: answered, unreachable, certificate, unknown. All are asked at once, so that several dead
    # ones take no longer than one.
    param([string[]]$Urls)
    $asked = @(foreach ($url in $Urls) {
        @{ Task = (Start-WebRequest $url) }
    })
    $until = [DateTime]::UtcNow.AddSeconds([Math]::Min(5, $script:Limit))
    foreach ($one in $asked) {
        $left = ($until - [DateTime]::UtcNow).TotalMilliseconds
        Get-TaskOutcome $one.Task ([int][Math]::Max(0, $left))
    }
}

function Start-WebRequest {
    # Its task; $null where it could not even begin.
    param([string]$Url)
    try {
        $request = New-WebRequest $Url
        return $request.GetResponseAsync()
    }
    catch {
        return $null
    }
}

function Get-TaskOutcome {
    param($Task, [int]$Milliseconds)
    if ($null -eq $Task) {
        return 'unknown'
    }
    try {
        if (-not $Task.Wait($Milliseconds)) {
            return 'unreachable'
        }
        $Task.Result.Close()
        return 'answered'
    }
    catch {
        return Get-WebFailure ($_.Exception.GetBaseException())
    }
}

function Get-WebFailure {
    # The innermost exception: of a certificate, that of the layer below.
    param($Failure)
    if ($Failure -is [System.Security.Authentication.AuthenticationException]) {
        return 'certificate'
    }
    if ($Failure -isnot [System.Net.WebException]) {
        return 'unreachable'
    }
    if ([string]$Failure.Status -ceq 'TrustFailure') {
        return 'certificate'
    }
    # A refusal is an answer too: something is there. Unless it is the proxy that refuses.
    if ([string]$Failure.Status -ceq 'ProtocolError' -and [int]$Failure.Response.StatusCode -ne 407) {
        return 'answered'
    }
    return 'unreachable'
}

function New-WebRequest {
    # Through the proxy that Claude Code would use, or else Windows's own; it may ask who this person is.
    param([string]$Url)
    $request = [System.Net.WebRequest]::Create($Url)
    $request.AllowAutoRedirect = $false
    $request.Timeout = 30000
    $request.UserAgent = 'onramp'
    $proxy = [Environment]::GetEnvironmentVariable('HTTPS_PROXY')
    if (-not [string]::IsNullOrEmpty($proxy)) {
        $request.Proxy = New-Object System.Net.WebProxy $proxy, $true, @(Get-ProxyException)
    }
    if ($null -ne $request.Proxy -and $null -eq $request.Proxy.Credentials) {
        $request.Proxy.Credentials = [System.Net.CredentialCache]::DefaultCredentials
    }
    return $request
}

function Get-ProxyException {
    # NO_PROXY as the patterns that .NET wants.
    foreach ($name in ([string][Environment]::GetEnvironmentVariable('NO_PROXY')).Split([char]44)) {
        $name = $name.Trim().TrimStart([char[]]'*.')
        if ($name.Length -gt 0) {
            '^[a-z]+://([^/]*\.)?' + [regex]::Escape($name) + '(:[0-9]+)?(/|$)'
        }
    }
}

# --- The report

function ConvertTo-Report {
    # What --json prints, and what --report shows and sends, byte for byte.
    $machine = $script:Options.Name
    if ($machine.Length -eq 0) {
        $machine = [string][Environment]::GetEnvironmentVariable('COMPUTERNAME')
    }
    $head = '{"version": 1, "plan": ' + (ConvertTo-AsciiJson (Get-BundleText 'plan')) + ', "revision": ' +
        (Get-BundleText 'revision') + ', "machine": ' + (ConvertTo-AsciiJson $machine) + ', "os": ' +
        (ConvertTo-AsciiJson (Get-SystemName)) + ', "cli_version": ' + (ConvertTo-AsciiJson $script:Version)
    $lines = @(foreach ($result in $script:Results) {
        '  {"check": "' + $result.Check + '", "outcome": "' + $result.Outcome + '", "reason": "' + $result.Reason +
            '", "detail": ' + (ConvertTo-AsciiJson $result.Detail) + '}'
    })
    return $head + ",`n" + ' "results": [' + "`n" + ($lines -join ",`n") + "`n ]}"
}

function ConvertTo-AsciiJson {
    # A console has a code page of its own, through which anything else may come out as another character.
    param([string]$Text)
    $built = New-Object System.Text.StringBuilder
    foreach ($character in (ConvertTo-JsonString $Text).ToCharArray()) {
        if ([int]$character -gt 126) {
            $null = $built.Append('\u' + ([int]$character).ToString('x4'))
        }
        else {
            $null = $built.Append($character)
        }
    }
    return $built.ToString()
}

function Get-SystemName {
    $version = [Environment]::OSVersion.Version.ToString()
    return 'Windows ' + $version + ' ' + [Environment]::GetEnvironmentVariable('PROCESSOR_ARCHITECTURE')
}

function Send-CheckedReport {
    # Shows it, asks, sends it. Whether nothing went wrong: not to want it is nothing wrong.
    param([string]$Report)
    $portal = Get-BundleText 'portal_url'
    if (-not $script:Options.Json) {
        Write-Line (Get-Word 'doctor.report.shown' (ConvertTo-Plain $portal))
        Write-Line $Report
    }
    if (-not (Test-PortalUrl $portal)) {
        Write-Line (Get-Word 'doctor.report.bad-portal' (ConvertTo-Plain $portal))
        return $false
    }
    if (-not $script:Options.Yes -and -not ((Test-Terminal) -and (Test-Agreement (Get-Word 'doctor.report.ask')))) {
        Write-Line (Get-Word 'doctor.report.declined')
        return $true
    }
    $code = (Read-Code) -creplace '[ \t\r\n]', ''
    if ($code -cnotmatch '^[A-Za-z0-9._~+/=-]+\z') {
        Write-Line (Get-Word 'doctor.report.bad-code')
        return $false
    }
    return Write-Sent (Send-Report ($portal.TrimEnd([char]47) + '/install/report/') $code $Report)
}

function Test-PortalUrl {
    param([string]$Url)
    # \z, because $ also stands before a line break at the end.
    if ($Url -cnotmatch '^[A-Za-z0-9.:/_~-]+\z') {
        return $false
    }
    return $Url -cmatch '^(https://.|http://(localhost|127\.0\.0\.1)([:/]|\z))'
}

function Read-Code {
    # Typed, which is not shown, or one line of standard input.
    if (-not (Test-Terminal)) {
        return [string][Console]::In.ReadLine()
    }
    [Console]::Error.Write((Get-Word 'doctor.report.code') + ' ')
    $secret = Read-Host -AsSecureString
    $pointer = [System.Runtime.InteropServices.Marshal]::SecureStringToBSTR($secret)
    try {
        return [System.Runtime.InteropServices.Marshal]::PtrToStringBSTR($pointer)
    }
    finally {
        [System.Runtime.InteropServices.Marshal]::ZeroFreeBSTR($pointer)
    }
}

function Send-Report {
    # The status that the portal answered, or 0 and why there was none.
    param([string]$Url, [string]$Code, [string]$Report)
    try {
        $request = New-WebRequest $Url
        $request.Method = 'POST'
        $request.ContentType = 'application/json'
        $request.Headers.Add('Authorization', 'Onramp ' + $Code)
        $body = [System.Text.Encoding]::ASCII.GetBytes($Report + "`n")
        $stream = $request.GetRequestStream()
        $stream.Write($body, 0, $body.Length)
        $stream.Close()
        $response = $request.GetResponse()
        $response.Close()
        return @{ Status = [int]$response.StatusCode; Failure = '' }
    }
    catch {
        $failure = $_.Exception.GetBaseException()
        if ($failure -is [System.Net.WebException] -and $null -ne $failure.Response) {
            return @{ Status = [int]$failure.Response.StatusCode; Failure = '' }
        }
        return @{ Status = 0; Failure = $failure.Message }
    }
}

function Write-Sent {
    # Whether the portal has it.
    param($Answer)
    $status = $Answer.Status
    if ($status -ge 200 -and $status -lt 300) {
        Write-Line (Get-Word 'doctor.report.sent')
        return $true
    }
    if (@(401, 403, 404, 410) -contains $status) {
        Write-Line (Get-Word 'doctor.report.code-refused')
    }
    elseif ($status -ge 300 -and $status -lt 500) {
        Write-Line (Get-Word 'doctor.report.refused' "HTTP $status")
    }
    elseif ($status -eq 0) {
        Write-Line (Get-Word 'doctor.report.no-answer' (ConvertTo-Plain (Hide-Credential $Answer.Failure)))
    }
    else {
        Write-Line (Get-Word 'doctor.report.no-answer' "HTTP $status")
    }
    return $false
}

function Start-Doctor {
    param([string[]]$Arguments, [string]$Folder)
    Set-StrictMode -Version 2
    $ErrorActionPreference = 'Stop'
    $script:Status = 0
    $script:Limit = Get-Limit
    $script:Options = @{ Json = $false }
    [System.Net.ServicePointManager]::SecurityProtocol = [System.Net.ServicePointManager]::SecurityProtocol -bor
        [System.Net.SecurityProtocolType]::Tls12
    foreach ($name in 'words.txt', 'json.ps1') {
        if (-not [System.IO.File]::Exists([System.IO.Path]::Combine($Folder, $name))) {
            $problem = ' could not be read. Unpack the whole bundle again and run the doctor in its folder.'
            [Console]::Error.WriteLine($name + $problem)
            $script:Status = 3
            return
        }
    }
    . ([System.IO.Path]::Combine($Folder, 'json.ps1'))
    Read-Word ([System.IO.Path]::Combine($Folder, 'words.txt'))
    Invoke-Doctor $Arguments $Folder
}

# In braces, so that a file that was cut short does not parse.
if ($true) {
    Start-Doctor $args $PSScriptRoot
    exit $script:Status
}
