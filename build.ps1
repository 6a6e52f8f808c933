#!/usr/bin/env pwsh
<#
.SYNOPSIS
Builds, tests and packs the library, and stages the PowerShell module.
.DESCRIPTION
Only calls dotnet: each task is a target that works without PowerShell as well. The staged module, artifacts/module/MLNetGpt, is a folder that can be
copied to any machine of the same platform and imported there.
.EXAMPLE
./build.ps1
Builds everything and runs all tests.
.EXAMPLE
./build.ps1 Stage
#>
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Test', 'Pack', 'Stage')]
    [string[]] $Task = @('Build', 'Test'),

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release'
)

$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
Push-Location $PSScriptRoot
try {
    switch ($Task) {
        'Build' { dotnet build MLNetGpt.sln --configuration $Configuration }
        'Test' { dotnet test --solution MLNetGpt.sln --configuration $Configuration }
        'Pack' { dotnet pack src/Packages.slnf --configuration $Configuration --output artifacts/packages }
        'Stage' { dotnet build src/PsModule/MLNetGpt.PowerShell.csproj --configuration $Configuration -target:StageModule }
    }
}
finally {
    Pop-Location
}
