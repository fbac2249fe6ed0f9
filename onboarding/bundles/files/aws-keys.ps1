# AWS access keys for this window, and for nothing else: they are never written down, and end with the window.
#
#   . .\aws-keys.ps1
#
# A script block, because its variables are gone with it: nothing but the three of the environment remains.

& {
    $optional = '(may be empty)'
    $missing = 'Nothing was set, because this is missing:'
    if ((Get-UICulture).TwoLetterISOLanguageName -eq 'es') {
        $optional = '(puede quedar en blanco)'
        $missing = 'No se ha definido nada, porque falta:'
    }
    # Typed unseen, and out of the unmanaged memory as soon as it is a string.
    $unseen = {
        param([string]$Prompt)
        $typed = Read-Host -Prompt $Prompt -AsSecureString
        $pointer = [System.Runtime.InteropServices.Marshal]::SecureStringToBSTR($typed)
        try { return [System.Runtime.InteropServices.Marshal]::PtrToStringBSTR($pointer) -replace '[\s:]', '' }
        finally { [System.Runtime.InteropServices.Marshal]::ZeroFreeBSTR($pointer) }
    }

    $id = (Read-Host -Prompt 'AWS_ACCESS_KEY_ID') -replace '[\s:]', ''
    if (-not $id) { Write-Warning "$missing AWS_ACCESS_KEY_ID"; return }
    $secret = & $unseen 'AWS_SECRET_ACCESS_KEY'
    if (-not $secret) { Write-Warning "$missing AWS_SECRET_ACCESS_KEY"; return }
    $token = & $unseen "AWS_SESSION_TOKEN $optional"

    $env:AWS_ACCESS_KEY_ID = $id
    $env:AWS_SECRET_ACCESS_KEY = $secret
    # $null removes the variable, and with it a token that is left from other keys.
    $env:AWS_SESSION_TOKEN = if ($token) { $token } else { $null }
}
