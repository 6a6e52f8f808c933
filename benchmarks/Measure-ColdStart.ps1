<#
.SYNOPSIS
Measures the time from a cold PowerShell to the first loss of a model, beyond PowerShell's own start.

.DESCRIPTION
Alternates two new processes: one that ends at once, and one that imports the module, loads a model and measures one short text. The difference of their times is
what the module costs. Inside the process it is split into import, load and first loss. All figures are medians. Reads the model file once before, so that the system has it in memory.
Stage the module first: dotnet pwsh build.ps1 Stage.

.EXAMPLE
dotnet pwsh benchmarks/Measure-ColdStart.ps1
.EXAMPLE
dotnet pwsh benchmarks/Measure-ColdStart.ps1 -ModelPath gpt2.safetensors -Round 9
#>
[CmdletBinding()]
param(
    # A model file or folder; without one, the script writes GPT-2's smallest size (124M parameters) with random weights.
    [string] $ModelPath,
    # How many pairs of processes.
    [ValidateRange(1, 1000)]
    [int] $Round = 7,
    # The staged module.
    [string] $Module = "$PSScriptRoot/../artifacts/module/MLNetGpt/MLNetGpt.psd1"
)

$ErrorActionPreference = 'Stop'
$Module = (Resolve-Path -LiteralPath $Module).ProviderPath

# The PowerShell that runs this script: a program of its own, or pwsh.dll where it was installed with dotnet tool install.
$program, $arguments = [Environment]::ProcessPath, @('-NoProfile', '-NonInteractive', '-EncodedCommand')
if ([IO.Path]::GetFileNameWithoutExtension($program) -eq 'dotnet') { $arguments = @("$PSHOME/pwsh.dll") + $arguments }

function Invoke-New([string] $command) {
    $encoded = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($command))
    $watch = [Diagnostics.Stopwatch]::StartNew()
    $output = & $program @arguments $encoded
    if ($LASTEXITCODE) { throw "The process ended with exit code $LASTEXITCODE." }
    [pscustomobject]@{ Milliseconds = $watch.Elapsed.TotalMilliseconds; Output = $output }
}

function Get-Median([double[]] $values) { ($values | Sort-Object)[[Math]::Floor(($values.Count - 1) / 2)] }
function Quote([string] $text) { "'" + $text.Replace("'", "''") + "'" }

if (-not $ModelPath) {
    $ModelPath = "$PSScriptRoot/../artifacts/cold-start/gpt2.safetensors"
    if (-not (Test-Path -LiteralPath $ModelPath)) {
        $null = New-Item -ItemType Directory -Force (Split-Path $ModelPath)
        $null = Invoke-New "`$ProgressPreference = 'SilentlyContinue'; Import-Module $(Quote $Module); New-GptModel gpt2 -Seed 1 | Export-GptModel -Path $(Quote $ModelPath)"
    }
}

$ModelPath = (Resolve-Path -LiteralPath $ModelPath).ProviderPath
$command = @"
`$ErrorActionPreference, `$ProgressPreference = 'Stop', 'SilentlyContinue'
`$watch = [Diagnostics.Stopwatch]::StartNew()
Import-Module $(Quote $Module); `$import = `$watch.Elapsed.TotalMilliseconds
`$model = Import-GptModel -LiteralPath $(Quote $ModelPath); `$load = `$watch.Elapsed.TotalMilliseconds
`$null = ('Every effort moves you' | Get-GptLoss -Model `$model).CrossEntropy; `$loss = `$watch.Elapsed.TotalMilliseconds
[string]::Join(' ', [Array]::ConvertAll([double[]]@(`$import, (`$load - `$import), (`$loss - `$load)), [Converter[double, string]] { `$args[0].ToString([cultureinfo]::InvariantCulture) }))
"@

$null = Invoke-New $command # reads the files
$rounds = foreach ($i in 1..$Round) {
    $empty = Invoke-New 'exit'
    $run = Invoke-New $command
    $import, $load, $loss = [double[]]($run.Output -split ' ')
    [pscustomobject]@{ Empty = $empty.Milliseconds; Beyond = $run.Milliseconds - $empty.Milliseconds; Import = $import; Load = $load; Loss = $loss }
}

[pscustomobject]@{
    Model                              = Split-Path -Leaf $ModelPath
    Rounds                             = $Round
    'Empty PowerShell (ms)'            = [int](Get-Median $rounds.Empty)
    'Beyond it, to the first loss (ms)' = [int](Get-Median $rounds.Beyond)
    'The least of all rounds (ms)'     = [int]($rounds.Beyond | Measure-Object -Minimum).Minimum
    'Inside: import (ms)'              = [int](Get-Median $rounds.Import)
    'Inside: load (ms)'                = [int](Get-Median $rounds.Load)
    'Inside: first loss (ms)'          = [int](Get-Median $rounds.Loss)
}
