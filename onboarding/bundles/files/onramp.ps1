# Onramp in one line: fetches this person's bundle from the portal with a one-time code, and runs its installer.
# For Windows PowerShell 5.1 and later:
#
#   powershell -ExecutionPolicy Bypass -File onramp.ps1 https://onramp.acme.example [--dry-run | --diff] [--yes]
#
# The same for everyone. Its few sentences are here, because the bundle with the others has yet to be fetched.
# What it fetched is gone when it ends; what stays on the machine is the installer's doing, and undone by it.

function Invoke-Onramp {
    param([string[]]$Arguments)
    $script:Work = ''
    try {
        $options = Read-Option $Arguments
        if ($null -eq $options) {
            return
        }
        $code = Read-Code
        $files = Get-Bundle $options.Portal $code
        Assert-Checksum $files
        Install-Bundle (Save-Bundle $files) $options
    }
    catch [System.FormatException] {
        Write-Problem $_.Exception
    }
    catch {
        [Console]::Error.WriteLine($_.Exception.GetBaseException().Message)
        $script:Status = 1
    }
    finally {
        if ($script:Work.Length -gt 0) {
            [System.IO.Directory]::Delete($script:Work, $true)
        }
    }
}

# --- Sentences

function Get-Sentence {
    param([string]$Key, [string]$About = '')
    $sentences = Get-English
    if ([System.Globalization.CultureInfo]::CurrentUICulture.TwoLetterISOLanguageName -ceq 'es') {
        $sentences = Get-Spanish
    }
    # Windows PowerShell reads a script as the local code page has it, so this one is ASCII.
    return [regex]::Unescape($sentences[$Key]).Replace('{1}', $About)
}

function Get-English {
    $start = 'Usage: powershell -ExecutionPolicy Bypass -File onramp.ps1 '
    return @{
        'usage' = $start + 'https://THE-PORTAL [--dry-run | --diff] [--yes]'
        'not-https' = 'The portal''s address must begin with https://. This one does not: {1}'
        'code' = 'The one-time code from the portal (it is not shown as you type):'
        'no-code' = 'No code was given. The portal shows one beside the line that you copied.'
        'code-refused' = 'The portal does not take this code: it is unknown, used or expired. Get a new one there.'
        'not-verified' = 'Your access is not verified at the moment; the portal says why. The code is still good.'
        'too-often' = 'The portal has been asked too often. Wait a minute and try again with a new code.'
        'moved' = 'The portal sends elsewhere (it answered {1}). Copy the whole line from the portal again.'
        'refused' = 'The portal did not hand out the bundle (it answered {1}). Get a new code there and try again.'
        'broken' = 'The portal has a problem of its own (it answered {1}). Try again later with a new code.'
        'too-late' = 'The portal did not answer in time. Whether the code is used up is not known: get a new one.'
        'no-answer' = 'The portal could not be reached: {1}'
        'no-bundle' = 'What came is not a bundle of Onramp. Nothing was installed.'
        'unsafe' = 'The bundle holds a name that does not belong in one. Nothing was installed. Tell your admins.'
        'damaged' = 'The files of the bundle do not fit their checksums. Nothing was installed. Try a new code.'
        'ask' = 'Install this? [y/N]'
        'declined' = 'Nothing was installed. The code is used up: get a new one for the next time.'
    }
}

function Get-Spanish {
    $start = 'Uso: powershell -ExecutionPolicy Bypass -File onramp.ps1 '
    return @{
        'usage' = $start + 'https://EL-PORTAL [--dry-run | --diff] [--yes]'
        'not-https' = 'La direcci\u00f3n del portal debe empezar por https://. Esta no empieza as\u00ed: {1}'
        'code' = 'El c\u00f3digo de un solo uso del portal (no se muestra al escribirlo):'
        'no-code' = 'No se dio ning\u00fan c\u00f3digo. El portal muestra uno junto a la l\u00ednea que copiaste.'
        'code-refused' = 'El portal no acepta este c\u00f3digo: es desconocido, ya se us\u00f3 o caduc\u00f3. ' +
            'Pide all\u00ed uno nuevo.'
        'not-verified' = 'Tu acceso no est\u00e1 verificado en este momento; el portal dice por qu\u00e9. ' +
            'El c\u00f3digo a\u00fan vale.'
        'too-often' = 'Se ha preguntado al portal demasiadas veces. ' +
            'Espera un minuto y prueba con un c\u00f3digo nuevo.'
        'moved' = 'El portal env\u00eda a otro sitio (respondi\u00f3 {1}). ' +
            'Copia de nuevo la l\u00ednea completa del portal.'
        'refused' = 'El portal no entreg\u00f3 el paquete (respondi\u00f3 {1}). ' +
            'Pide all\u00ed un c\u00f3digo nuevo y prueba otra vez.'
        'broken' = 'El portal tiene un problema propio (respondi\u00f3 {1}). ' +
            'Prueba m\u00e1s tarde con un c\u00f3digo nuevo.'
        'too-late' = 'El portal no respondi\u00f3 a tiempo. ' +
            'No se sabe si el c\u00f3digo qued\u00f3 usado: pide uno nuevo.'
        'no-answer' = 'No se pudo llegar al portal: {1}'
        'no-bundle' = 'Lo que lleg\u00f3 no es un paquete de Onramp. No se instal\u00f3 nada.'
        'unsafe' = 'El paquete contiene un nombre que no debe estar ah\u00ed. ' +
            'No se instal\u00f3 nada. Avisa a tus admins.'
        'damaged' = 'Los archivos no coinciden con sus sumas. ' +
            'No se instal\u00f3 nada. Prueba con un c\u00f3digo nuevo.'
        'ask' = '\u00bfInstalar esto? [s/N]'
        'declined' = 'No se instal\u00f3 nada. ' +
            'El c\u00f3digo ya est\u00e1 usado: pide uno nuevo para la pr\u00f3xima vez.'
    }
}

function Stop-WithSentence {
    param([int]$Status, [string]$Key, [string]$About = '')
    $stop = New-Object System.FormatException $Key
    $stop.Data['About'] = $About
    $stop.Data['Status'] = $Status
    throw $stop
}

function Write-Problem {
    param($Stop)
    [Console]::Error.WriteLine((Get-Sentence $Stop.Message ([string]$Stop.Data['About'])))
    $script:Status = 1
    if ($null -ne $Stop.Data['Status']) {
        $script:Status = [int]$Stop.Data['Status']
    }
}

function ConvertTo-Plain {
    # At most 200 printable ASCII characters: a terminal obeys the others.
    param([string]$Text)
    $plain = $Text -creplace '[^ -~]', '?'
    return $plain.Substring(0, [Math]::Min(200, $plain.Length))
}

# --- Before anything is asked

function Read-Option {
    # $null where there is nothing more to do.
    param([string[]]$Arguments)
    $options = @{ Portal = ''; Preview = @(); Yes = $false }
    foreach ($word in $Arguments) {
        $argument = ConvertTo-LongOption $word
        if (@('--help', '-h') -ccontains $argument) {
            Write-Host (Get-Sentence 'usage')
            return $null
        }
        if (@('--dry-run', '--diff') -ccontains $argument) {
            $options.Preview = $options.Preview + @($argument)
        }
        elseif ($argument -ceq '--yes') {
            $options.Yes = $true
        }
        elseif ($options.Portal.Length -gt 0 -or $argument -cmatch '^-') {
            Stop-WithSentence 3 'usage'
        }
        else {
            $options.Portal = $argument -creplace '/$', ''
        }
    }
    if ($options.Portal.Length -eq 0) {
        Stop-WithSentence 3 'usage'
    }
    Assert-Portal $options.Portal
    return $options
}

function ConvertTo-LongOption {
    # -DryRun as --dry-run: so people write options in PowerShell.
    param([string]$Word)
    if ($Word -cnotmatch '^-[A-Za-z]{2}') {
        return $Word
    }
    return '--' + ($Word.Substring(1) -creplace '([a-z])([A-Z])', '$1-$2').ToLowerInvariant()
}

function Assert-Portal {
    # Without https everybody on the way could read the code; this machine itself is not on the way.
    param([string]$Url)
    # A @ would make of http://localhost:8000@elsewhere a name and password for elsewhere.
    $isPlain = $Url -cmatch '^[A-Za-z0-9.:/_~-]+\z'
    if (-not $isPlain -or $Url -cnotmatch '^(https://[A-Za-z0-9]|http://(localhost|127\.0\.0\.1)([:/]|\z))') {
        Stop-WithSentence 3 'not-https' (ConvertTo-Plain $Url)
    }
}

# --- The bundle

function Read-Code {
    # Typed, which is not shown, or one line of standard input.
    if (-not (Test-Terminal)) {
        $typed = [string][Console]::In.ReadLine()
    }
    else {
        [Console]::Error.Write((Get-Sentence 'code') + ' ')
        $typed = Read-Secret
    }
    $code = $typed -creplace '[ \t\r\n]', ''
    if ($code.Length -eq 0) {
        Stop-WithSentence 2 'no-code'
    }
    return $code
}

function Test-Terminal {
    return -not [Console]::IsInputRedirected
}

function Read-Secret {
    $secret = Read-Host -AsSecureString
    $pointer = [System.Runtime.InteropServices.Marshal]::SecureStringToBSTR($secret)
    try {
        return [System.Runtime.InteropServices.Marshal]::PtrToStringBSTR($pointer)
    }
    finally {
        [System.Runtime.InteropServices.Marshal]::ZeroFreeBSTR($pointer)
    }
}

function Get-Bundle {
    # The files of the bundle: their names, and their bytes.
    param([string]$Portal, [string]$Code)
    $answer = Send-Code ($Portal + '/install/bundle/?format=zip') $Code
    $status = $answer.Status
    $about = 'HTTP ' + $status
    if ($answer.IsLate) {
        Stop-WithSentence 1 'too-late'
    }
    if ($status -eq 0) {
        Stop-WithSentence 1 'no-answer' (ConvertTo-Plain $answer.Failure)
    }
    if ($status -eq 404 -or $status -eq 410) {
        Stop-WithSentence 1 'code-refused'
    }
    if ($status -eq 409) {
        Stop-WithSentence 1 'not-verified'
    }
    if ($status -eq 429) {
        Stop-WithSentence 1 'too-often'
    }
    if ($status -ge 300 -and $status -lt 400) {
        Stop-WithSentence 1 'moved' $about
    }
    if ($status -ge 500) {
        Stop-WithSentence 1 'broken' $about
    }
    if ($status -ne 200) {
        Stop-WithSentence 1 'refused' $about
    }
    return Read-Bundle $answer.Body
}

function New-WebRequest {
    # Through the proxy that is set for programs, or else Windows's own; it may ask who this person is.
    param([string]$Url)
    $request = [System.Net.WebRequest]::Create($Url)
    $request.Method = 'POST'
    $request.ContentType = 'text/plain'
    $request.AllowAutoRedirect = $false
    $request.Timeout = 120000
    $request.ReadWriteTimeout = 120000
    $request.UserAgent = 'onramp'
    $proxy = [Environment]::GetEnvironmentVariable('HTTPS_PROXY')
    if (-not [string]::IsNullOrEmpty($proxy) -and -not $request.RequestUri.IsLoopback) {
        $request.Proxy = New-Object System.Net.WebProxy $proxy, $true
    }
    if ($null -ne $request.Proxy -and $null -eq $request.Proxy.Credentials) {
        $request.Proxy.Credentials = [System.Net.CredentialCache]::DefaultCredentials
    }
    return $request
}

function Send-Code {
    # The portal's answer. The code is the body, which is in no argument, address or log.
    param([string]$Url, [string]$Code)
    $answer = @{ Status = 0; Body = $null; Failure = ''; IsLate = $false }
    try {
        $request = New-WebRequest $Url
        $body = [System.Text.Encoding]::UTF8.GetBytes($Code)
        $stream = $request.GetRequestStream()
        $stream.Write($body, 0, $body.Length)
        $stream.Close()
        $response = $request.GetResponse()
        $answer.Body = Read-Body $response
        $answer.Status = [int]$response.StatusCode
    }
    catch {
        $failure = $_.Exception.GetBaseException()
        $answer.Failure = $failure.Message
        if ($failure -is [System.Net.WebException]) {
            $answer.IsLate = [string]$failure.Status -ceq 'Timeout'
            if ($null -ne $failure.Response) {
                $answer.Status = [int]$failure.Response.StatusCode
            }
        }
    }
    return $answer
}

function Read-Body {
    # No bundle is larger than 20 MB.
    param($Response)
    $stream = $Response.GetResponseStream()
    $memory = New-Object System.IO.MemoryStream
    $buffer = New-Object 'byte[]' 65536
    do {
        $count = $stream.Read($buffer, 0, $buffer.Length)
        $memory.Write($buffer, 0, $count)
    } while ($count -gt 0 -and $memory.Length -le 20000000)
    $Response.Close()
    # With the comma, because a function takes a list apart.
    return , $memory.ToArray()
}

function Read-Bundle {
    # Every file of the archive. A bundle has few, all of them small, and no name that leads anywhere else.
    param($Body)
    $names = @{}
    $files = @(Read-Archive $Body)
    if ($files.Length -eq 0) {
        Stop-WithSentence 2 'no-bundle'
    }
    foreach ($file in $files) {
        # Windows takes names that differ in case for one, as this hashtable does.
        if (-not (Test-Name $file.Name) -or $names.ContainsKey($file.Name)) {
            Stop-WithSentence 2 'unsafe'
        }
        $names[$file.Name] = $true
    }
    return @{ Files = $files }
}

function Test-Name {
    # No path that leads out of the folder, no drive, and none of the names that Windows keeps for devices.
    param([string]$Name)
    # \z, because $ also stands before a line break at the end.
    if ($Name -cnotmatch '^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?\z' -or $Name -cmatch '(^|/)[.-]|\.(/|\z)') {
        return $false
    }
    return $Name -notmatch '(^|/)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\.|/|\z)'
}

function Read-Archive {
    # Its files one by one: name and bytes. Whatever else an archive can hold is not unpacked.
    param([byte[]]$Body)
    Add-Type -AssemblyName System.IO.Compression
    try {
        $memory = New-Object System.IO.MemoryStream (, $Body)
        $archive = New-Object System.IO.Compression.ZipArchive $memory
        $left = 20000000
        foreach ($entry in $archive.Entries) {
            $left = $left - $entry.Length
            if ($entry.FullName -cmatch '[^/]\z' -and $left -ge 0) {
                @{ Name = $entry.FullName; Bytes = (Read-Entry $entry) }
            }
        }
    }
    catch {
        $left = -1
    }
    if ($left -lt 0) {
        Stop-WithSentence 2 'no-bundle'
    }
}

function Read-Entry {
    # As many bytes as the archive says it has, and no more.
    param($Entry)
    $content = New-Object 'byte[]' $Entry.Length
    $stream = $Entry.Open()
    $at = 0
    do {
        $count = $stream.Read($content, $at, $content.Length - $at)
        $at += $count
    } while ($count -gt 0)
    $stream.Close()
    # A file that is shorter than it says does not fit its checksum.
    return , $content
}

# --- Checking and unpacking it

function Get-Prefix {
    # What stands before the names of the bundle's files: nothing, or a folder.
    param($Bundle)
    foreach ($file in $Bundle.Files) {
        $found = [regex]::Match($file.Name, '^([^/]*/)?SHA256SUMS\z')
        if ($found.Success) {
            return $found.Groups[1].Value
        }
    }
    Stop-WithSentence 2 'no-bundle'
}

function Assert-Checksum {
    # Every file has its checksum and every checksum its file, or the two lists differ.
    param($Bundle)
    $prefix = Get-Prefix $Bundle
    $sha256 = New-Object System.Security.Cryptography.SHA256CryptoServiceProvider
    $wanted = @()
    $found = @(foreach ($file in $Bundle.Files) {
        if ([string]::Equals($file.Name, $prefix + 'SHA256SUMS')) {
            $wanted = @(Get-ListedSum ([System.Text.Encoding]::ASCII.GetString($file.Bytes)) $prefix)
        }
        else {
            $digest = [BitConverter]::ToString($sha256.ComputeHash($file.Bytes)).Replace('-', '').ToLowerInvariant()
            $digest + ' ' + $file.Name
        }
    })
    if (-not [string]::Equals((@($wanted | Sort-Object) -join "`n"), (@($found | Sort-Object) -join "`n"))) {
        Stop-WithSentence 2 'damaged'
    }
    if (@($found | Where-Object { $_ -cmatch ('^[0-9a-f]{64} ' + $prefix + 'install\.ps1\z') }).Length -ne 1) {
        Stop-WithSentence 2 'no-bundle'
    }
}

function Get-ListedSum {
    # Lines of sha256sum, without its marks.
    param([string]$Text, [string]$Prefix)
    foreach ($line in $Text.Split([char[]]"`r`n")) {
        if ($line.Length -gt 0) {
            $part = [regex]::Match($line, '^([0-9A-Fa-f]{64}) [ *](?:\./)?([^ ]+)\z')
            if (-not $part.Success) {
                Stop-WithSentence 2 'damaged'
            }
            $part.Groups[1].Value.ToLowerInvariant() + ' ' + $Prefix + $part.Groups[2].Value
        }
    }
}

function Save-Bundle {
    # Into a fresh folder of this person's own, which is returned.
    param($Bundle)
    $script:Work = [System.IO.Path]::Combine([System.IO.Path]::GetTempPath(), 'onramp-' + [Guid]::NewGuid().ToString())
    $null = [System.IO.Directory]::CreateDirectory($script:Work)
    foreach ($file in $Bundle.Files) {
        $path = [System.IO.Path]::Combine($script:Work, $file.Name)
        $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($path))
        [System.IO.File]::WriteAllBytes($path, $file.Bytes)
    }
    return [System.IO.Path]::Combine($script:Work, (Get-Prefix $Bundle))
}

# --- Installing it

function Install-Bundle {
    # At a terminal it is shown first what would be done; who gave the code otherwise has decided.
    param([string]$Folder, $Options)
    if ($Options.Preview.Length -gt 0) {
        Start-Installer $Folder $Options.Preview
        return
    }
    if (-not $Options.Yes -and (Test-Terminal)) {
        Start-Installer $Folder @('--dry-run')
        if ($script:Status -ne 0) {
            return
        }
        if (-not (Test-Agreement)) {
            Write-Host (Get-Sentence 'declined')
            return
        }
    }
    Start-Installer $Folder @()
}

function Start-Installer {
    # In a PowerShell of its own, as the person would run it. What it says goes to the console as it comes.
    param([string]$Folder, [string[]]$Options)
    $shell = [System.IO.Path]::Combine($PSHOME, 'powershell.exe')
    if (-not [System.IO.File]::Exists($shell)) {
        $shell = [System.IO.Path]::Combine($PSHOME, 'pwsh.exe')
    }
    $install = [System.IO.Path]::Combine($Folder, 'install.ps1')
    & $shell -NoProfile -NonInteractive -ExecutionPolicy Bypass -File $install $Options
    $script:Status = $LASTEXITCODE
}

function Test-Agreement {
    [Console]::Error.Write((Get-Sentence 'ask') + ' ')
    $typed = [string][Console]::In.ReadLine()
    return $typed.Trim() -match '^(y|yes|s|si|s\u00ed)$'
}

function Start-Onramp {
    param([string[]]$Arguments)
    Set-StrictMode -Version 2
    $ErrorActionPreference = 'Stop'
    $script:Status = 0
    [System.Net.ServicePointManager]::SecurityProtocol = [System.Net.ServicePointManager]::SecurityProtocol -bor
        [System.Net.SecurityProtocolType]::Tls12
    Invoke-Onramp $Arguments
}

# In braces, so that a file that was cut short does not parse.
if ($true) {
    Start-Onramp $args
    exit $script:Status
}
