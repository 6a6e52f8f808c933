#!/usr/bin/env pwsh
<#
.SYNOPSIS
Builds, tests and packs the libraries, and stages the PowerShell module.
.DESCRIPTION
Only calls dotnet: each task is a target that works without PowerShell as well. The staged module, artifacts/module/MLNetGpt,
is a folder that can be copied to any machine and imported there. With libtorch it is for the platform that it was built on.
It points to the clone's remote as its project page; Publish-PSResource -Path artifacts/module/MLNetGpt publishes it.
.PARAMETER Task
What to do, in this order.
.PARAMETER Configuration
The configuration to build.
.PARAMETER WithTorchSharp
With Stage: stages the module a second time together with the training engines TorchSharp and PyTorchExact and with libtorch
(about 450 MB on Linux), in artifacts/module-torchsharp/MLNetGpt.
.EXAMPLE
./build.ps1
Builds everything and runs all tests.
.EXAMPLE
./build.ps1 Stage
Stages the module, without libtorch.
.EXAMPLE
./build.ps1 Stage -WithTorchSharp
Stages both variants of the module.
#>
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Test', 'Pack', 'Stage', 'Site')]
    [string[]] $Task = @('Build', 'Test'),

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    [switch] $WithTorchSharp
)

$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
Push-Location $PSScriptRoot
try {
    switch ($Task) {
        'Build' { dotnet build MLNetGpt.sln --configuration $Configuration }
        'Test' { dotnet test --solution MLNetGpt.sln --configuration $Configuration }
        'Pack' { dotnet pack src/Packages.slnf --configuration $Configuration --output artifacts/packages }
        'Site' {
            dotnet tool restore
            dotnet build src/Packages.slnf --configuration Release
            dotnet docfx docs/docfx.json --warningsAsErrors
        }
        'Stage' {
            dotnet build src/PsModule/MLNetGpt.PowerShell.csproj --configuration $Configuration -target:StageModule "-property:WithTorchSharp=$WithTorchSharp"
        }
    }
}
finally {
    Pop-Location
}
