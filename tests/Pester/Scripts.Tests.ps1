# The scripts of samples/Scripts, in a process of their own as a user starts them, with names that have blanks, brackets and braces.
BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    . (Join-Path $PSScriptRoot NewProcess.ps1)
    $scripts = (Resolve-Path (Join-Path $PSScriptRoot ../../samples/Scripts)).Path
    $folder = (New-Item -ItemType Directory "$TestDrive/my {0} [files]").FullName
    $story = (Get-Content "$PSScriptRoot/../../samples/Data/the-verdict.txt" -Raw)
    foreach ($i in 0..2) { Set-Content -LiteralPath "$folder/{$i} 'text'.txt" $story.Substring(1000 * $i, 1000) }
    $corpus = (Get-ChildItem -LiteralPath $folder -Filter *.txt).FullName
    $expected = Measure-GptLoss -Model (New-GptModel tiny -Seed 1) -Path $corpus
}

Describe 'The script <name>' -ForEach @{ name = 'Measure-Parallel.ps1'; times = 2 }, @{ name = 'Measure-Processes.ps1'; times = 1 } {
    It 'measures a corpus in shards exactly' {
        $losses = Invoke-InNewProcess -ArgumentList "$scripts/$name", $corpus, "$folder/results $name", $times {
            param($script, $corpus, $results, $times)
            1..$times | ForEach-Object { & $script -Path $corpus -ResultFolder $results -ShardCount 2 } | ForEach-Object { "$($_.ExactSum)" }
        }
        $losses | Should -Be (@("$($expected.ExactSum)") * $times)
    }
}
