<#
.SYNOPSIS
Measures a corpus in shards, on several threads of one process, and merges them exactly.

.DESCRIPTION
The model is loaded once and shared: it is safe for use by many threads. Each shard writes its own result file; run the script again after an
interruption, and only what is missing is computed.

.EXAMPLE
./samples/Scripts/Measure-Parallel.ps1 -ModelPath gpt2.safetensors -Path corpus/*.txt -ResultFolder results -ShardCount 4
#>
[CmdletBinding()]
param(
    # A model file; without one, a tiny untrained model shows the way.
    [string] $ModelPath,
    # The corpus.
    [string[]] $Path = "$PSScriptRoot/../Data/moby-dick.txt",
    # Where result files go.
    [string] $ResultFolder = "$PSScriptRoot/../../artifacts/measure-parallel",
    # Into how many shards the work is cut.
    [int] $ShardCount = 4,
    # How many shards are measured at once.
    [int] $ThrottleLimit = 2,
    # The module.
    [string] $Module = "$PSScriptRoot/../../artifacts/module/MLNetGpt/MLNetGpt.psd1"
)

$ErrorActionPreference = 'Stop'
Import-Module $Module
$model = if ($ModelPath) { Import-GptModel $ModelPath } else { New-GptModel tiny -Seed 1 }

$shards = 1..$ShardCount | ForEach-Object -ThrottleLimit $ThrottleLimit -Parallel {
    Import-Module $using:Module
    Measure-GptLoss -Model $using:model -Path $using:Path -ResultFolder $using:ResultFolder -Shard $_ -ShardCount $using:ShardCount
}

Measure-GptLoss -ResultPath $shards.ResultFile
