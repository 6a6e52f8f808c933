<#
.SYNOPSIS
Measures a corpus in shards, each in a process of its own, and merges them exactly.

.DESCRIPTION
What one process does here may be done by any machine that has the model and the corpus: a shard depends on nothing but its number, and its result
file is the same whoever made it. A process that fails is started again, and takes up where it stopped. Copy the result files into one folder, and merge them.

.EXAMPLE
./samples/Scripts/Measure-Processes.ps1 -ModelPath gpt2.safetensors -Path corpus/*.txt -ResultFolder results -ShardCount 2
#>
[CmdletBinding()]
param(
    # A model file; without one, a tiny untrained model shows the way.
    [string] $ModelPath,
    # The corpus.
    [string[]] $Path = "$PSScriptRoot/../Data/moby-dick.txt",
    # Where result files go.
    [string] $ResultFolder = "$PSScriptRoot/../../artifacts/measure-processes",
    # Into how many shards, and so processes, the work is cut.
    [int] $ShardCount = 2,
    # How often a shard is tried.
    [int] $Attempts = 3,
    # The module.
    [string] $Module = "$PSScriptRoot/../../artifacts/module/MLNetGpt/MLNetGpt.psd1"
)

$ErrorActionPreference = 'Stop'
Import-Module $Module
$null = New-Item -ItemType Directory -Force $ResultFolder
if (-not $ModelPath) {
    $ModelPath = Join-Path $ResultFolder tiny.safetensors
    if (-not (Test-Path -LiteralPath $ModelPath)) { New-GptModel tiny -Seed 1 | Export-GptModel -Path $ModelPath }
}

# The PowerShell that runs this script: a program of its own, or pwsh.dll where it was installed with dotnet tool install.
$program, $arguments = [Environment]::ProcessPath, @('-NoProfile', '-NonInteractive', '-EncodedCommand')
if ([IO.Path]::GetFileNameWithoutExtension($program) -eq 'dotnet') { $arguments = @("`"$PSHOME/pwsh.dll`"") + $arguments }

function Quote([string[]] $texts) { ($texts | ForEach-Object { "'" + $_.Replace("'", "''") + "'" }) -join ', ' }
function Get-ResultList([int] $shard) { Join-Path $ResultFolder "shard-$shard-of-$ShardCount.path" }

# What the process of a shard runs: the module, the model, the shard.
function Get-Command64([int] $shard) {
    $command = "`$ErrorActionPreference = 'Stop'; Import-Module $(Quote $Module); " +
        "`$loss = Measure-GptLoss -Model (Import-GptModel -LiteralPath $(Quote $ModelPath)) -Path $(Quote $Path) " +
        "-ResultFolder $(Quote $ResultFolder) -Shard $shard -ShardCount $ShardCount; " +
        "`$loss.ResultFile | Set-Content -NoNewline -LiteralPath $(Quote (Get-ResultList $shard))"
    [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($command))
}

$open = 1..$ShardCount
for ($attempt = 1; $open -and $attempt -le $Attempts; $attempt++) {
    $processes = foreach ($shard in $open) {
        [pscustomobject]@{ Shard = $shard; Process = Start-Process $program ($arguments + (Get-Command64 $shard)) -PassThru }
    }

    $processes.Process | Wait-Process
    $open = @($processes | Where-Object { $_.Process.ExitCode -ne 0 }).Shard
}

if ($open) { throw "After $Attempts attempts, of $ShardCount shards these have no result: $open." }
Measure-GptLoss -ResultPath (1..$ShardCount | ForEach-Object { Get-Content -Raw -LiteralPath (Get-ResultList $_) })
