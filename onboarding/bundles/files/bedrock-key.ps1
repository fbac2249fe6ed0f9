# A short-term Bedrock API key, made from this person's own AWS session and valid no longer than that is.
# For Windows PowerShell 5.1 and later:
#
#   . .\bedrock-key.ps1              for 12 hours at most
#   . .\bedrock-key.ps1 --hours 1
#
# It is made here, without asking anybody: a signed permission to call Bedrock, in the form of AWS's own library,
# https://github.com/aws/aws-bedrock-token-generator-python. It is written neither to disk nor to the screen, but to
# AWS_BEARER_TOKEN_BEDROCK of this window, and ends with it.
#
# All of it is one script block, so that nothing but that variable is left in the session that dot-sources this. The
# braces around that are for a file that was cut short, which then does not parse.

if ($true) {
    & {
        param([string[]]$Arguments, [string]$Folder)
        Set-StrictMode -Version 2
        $ErrorActionPreference = 'Stop'

        function Set-BedrockKey {
            param([string[]]$Arguments, $Bundle)
            $hours = Read-Hour $Arguments
            if ($hours -eq 0) {
                [Console]::Error.WriteLine((Get-Word 'bedrock-key.usage'))
                return
            }
            $aws = Find-Aws
            if ($aws.Length -eq 0) {
                [Console]::Error.WriteLine((Get-Word 'bedrock-key.no-cli'))
                return
            }
            $credentials = Get-SessionCredential $aws (Get-JsonText $Bundle 'aws_profile')
            if ($null -eq $credentials) {
                Write-NoCredential (Get-JsonText $Bundle 'login_command')
                return
            }
            $region = Get-JsonText $Bundle 'region'
            $env:AWS_BEARER_TOKEN_BEDROCK = New-BedrockKey $credentials $region $hours ([DateTime]::UtcNow)
            [Console]::Error.WriteLine((Get-Word 'bedrock-key.made' $region ([string]$hours)))
        }

        function Read-Hour {
            # 0 where the arguments make no sense.
            param([string[]]$Arguments)
            if ($Arguments.Length -eq 0) {
                return 12
            }
            if ($Arguments.Length -ne 2 -or $Arguments[0] -cne '--hours') {
                return 0
            }
            if ($Arguments[1] -cmatch '^([1-9]|1[012])$') {
                return [int]$Arguments[1]
            }
            return 0
        }

        function Write-NoCredential {
            param([string]$Login)
            [Console]::Error.WriteLine((Get-Word 'bedrock-key.no-credentials'))
            if ($Login.Length -gt 0) {
                [Console]::Error.WriteLine((Get-Word 'bedrock-key.sign-in' $Login))
            }
        }

        function Find-Aws {
            foreach ($found in @(Get-Command -Name 'aws' -CommandType Application -ErrorAction SilentlyContinue)) {
                if ($found.Definition -match '\.(exe|com|cmd|bat)$') {
                    return $found.Definition
                }
            }
            return ''
        }

        function Get-SessionCredential {
            # What the AWS CLI has, or $null. What it says about a failure, a question for an MFA code too, reaches the
            # window as it stands.
            param([string]$Aws, [string]$ProfileName)
            $line = @('configure', 'export-credentials', '--format', 'process')
            if ($ProfileName.Length -gt 0) {
                $line = $line + @('--profile', $ProfileName)
            }
            $ErrorActionPreference = 'Continue'
            $printed = @(& $Aws $line) -join "`n"
            try {
                $found = ConvertFrom-JsonContent (ConvertTo-Utf8 $printed)
            }
            catch {
                return $null
            }
            foreach ($name in 'AccessKeyId', 'SecretAccessKey') {
                if ((Get-JsonText $found $name).Length -eq 0) {
                    return $null
                }
            }
            return $found
        }

        function New-BedrockKey {
            param($Credentials, [string]$Region, [int]$Hours, $Now)
            $signed = 'bedrock.amazonaws.com/?' + (Get-SignedQuery $Credentials $Region $Hours $Now) + '&Version=1'
            return 'bedrock-api-key-' + [Convert]::ToBase64String([System.Text.Encoding]::ASCII.GetBytes($signed))
        }

        function Get-SignedQuery {
            # The query of a presigned POST to Bedrock that stands for the permission to call it. Signature version 4:
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
            param($Credentials, [string]$Region, [int]$Hours, $Now)
            $moment = $Now.ToString('yyyyMMdd\THHmmss\Z', [System.Globalization.CultureInfo]::InvariantCulture)
            $day = $moment.Substring(0, 8)
            $scope = $day + '/' + $Region + '/bedrock/aws4_request'
            $query = Get-Query $Credentials $scope $moment ($Hours * 3600)
            $lines = @('POST', '/', $query, 'host:bedrock.amazonaws.com', '', 'host', (Get-Sha256 ''))
            $request = Get-Sha256 ($lines -join "`n")
            $key = [System.Text.Encoding]::UTF8.GetBytes('AWS4' + (Get-JsonText $Credentials 'SecretAccessKey'))
            foreach ($part in $day, $Region, 'bedrock', 'aws4_request') {
                $key = Get-Hmac $key $part
            }
            $signature = Get-Hmac $key (@('AWS4-HMAC-SHA256', $moment, $scope, $request) -join "`n")
            return $query + '&X-Amz-Signature=' + (ConvertTo-Hex $signature)
        }

        function Get-Query {
            # In the order of the names, as it is signed.
            param($Credentials, [string]$Scope, [string]$Moment, [int]$Seconds)
            $credential = (Get-JsonText $Credentials 'AccessKeyId') + '/' + $Scope
            $query = 'Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256'
            $query = $query + '&X-Amz-Credential=' + [Uri]::EscapeDataString($credential)
            $query = $query + '&X-Amz-Date=' + $Moment + '&X-Amz-Expires=' + $Seconds
            $token = Get-JsonText $Credentials 'SessionToken'
            if ($token.Length -gt 0) {
                $query = $query + '&X-Amz-Security-Token=' + [Uri]::EscapeDataString($token)
            }
            return $query + '&X-Amz-SignedHeaders=host'
        }

        function Get-Sha256 {
            param([string]$Text)
            $sha256 = New-Object System.Security.Cryptography.SHA256CryptoServiceProvider
            return ConvertTo-Hex ($sha256.ComputeHash([System.Text.Encoding]::UTF8.GetBytes($Text)))
        }

        function Get-Hmac {
            # With the commas, because PowerShell takes a list apart: once on the way in, once on the way out.
            param([byte[]]$Key, [string]$Text)
            $hmac = New-Object System.Security.Cryptography.HMACSHA256 (, $Key)
            return , $hmac.ComputeHash([System.Text.Encoding]::UTF8.GetBytes($Text))
        }

        function ConvertTo-Hex {
            param([byte[]]$Bytes)
            return [BitConverter]::ToString($Bytes).Replace('-', '').ToLowerInvariant()
        }

        foreach ($name in 'words.txt', 'json.ps1', 'onramp.json') {
            if (-not [System.IO.File]::Exists([System.IO.Path]::Combine($Folder, $name))) {
                $problem = ' could not be read. Unpack the whole bundle again and run this in its folder.'
                [Console]::Error.WriteLine($name + $problem)
                return
            }
        }
        . ([System.IO.Path]::Combine($Folder, 'json.ps1'))
        Read-Word ([System.IO.Path]::Combine($Folder, 'words.txt'))
        try {
            $path = [System.IO.Path]::Combine($Folder, 'onramp.json')
            $content = ConvertFrom-Byte ([System.IO.File]::ReadAllBytes($path))
            Set-BedrockKey $Arguments (ConvertFrom-JsonContent $content)
        }
        finally {
            # In a session that dot-sources this, the script's variables are the session's.
            Remove-Variable -Name 'Words' -Scope Script
        }
    } $args $PSScriptRoot
}
