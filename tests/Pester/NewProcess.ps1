<#
.SYNOPSIS
Runs a script in a new PowerShell process and returns what it writes, as Import-Clixml gives it back.
.DESCRIPTION
For tests of what only a new process shows. Dot-source this file in BeforeAll. The process is one of the pwsh that runs the tests, or of
dotnet pwsh where another program hosts the engine. An error ends the script, and is thrown here.
-InputLine is what the process reads from its keyboard.
#>
function Invoke-InNewProcess([scriptblock] $Script, [object[]] $ArgumentList = @(), [string[]] $InputLine = @()) {
    $folder = New-Item -ItemType Directory (Join-Path ([System.IO.Path]::GetTempPath()) "mlnetgpt-$([guid]::NewGuid())")
    try {
        Export-Clixml -LiteralPath "$folder/arguments.xml" -InputObject $ArgumentList
        Set-Content -LiteralPath "$folder/script.ps1" @"
`$ErrorActionPreference = 'Stop'
`$arguments = Import-Clixml -LiteralPath '$folder/arguments.xml'
& {$Script} @arguments | Export-Clixml -LiteralPath '$folder/output.xml' -Depth 5
"@
        $program = if (-not (Test-Path -LiteralPath "$PSHOME/pwsh.dll")) { 'dotnet', 'pwsh' }
        elseif ([System.IO.Path]::GetFileNameWithoutExtension([Environment]::ProcessPath) -eq 'dotnet') { [Environment]::ProcessPath, "$PSHOME/pwsh.dll" }
        else { , [Environment]::ProcessPath }
        $first, $rest = $program
        Push-Location -LiteralPath $PSScriptRoot
        try { $shown = $InputLine | & $first $rest -NoProfile -ExecutionPolicy Bypass -File "$folder/script.ps1" 2>&1 | Out-String } finally { Pop-Location }
        if ($LASTEXITCODE) { throw "The process ended with $LASTEXITCODE. $shown" }
        Import-Clixml -LiteralPath "$folder/output.xml"
    }
    finally {
        Remove-Item -LiteralPath $folder -Recurse -Force
    }
}
