BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -TiedHead:$false
    $texts = 'every effort moves you', 'I really like chocolate', 'a', 'the cat sat on the mat and looked at the moon'
    $losses = $texts | Get-GptLoss -Model $model
    $whole = $losses | Measure-GptLoss
}

Describe 'Measure-GptLoss' {
    It 'weighs each text by its tokens' {
        $whole | Should -BeOfType 'MLNetGpt.Output.GptLoss'
        $whole.TokenCount | Should -Be ($losses | Measure-Object TokenCount -Sum).Sum
        $whole.ByteCount | Should -Be ($losses | Measure-Object ByteCount -Sum).Sum
        $whole.DocumentCount | Should -Be 4
        $sum = ($losses | Measure-Object NegativeLogLikelihood -Sum).Sum
        [math]::Abs($whole.CrossEntropy - $sum / $whole.TokenCount) | Should -BeLessThan 1e-12
        $meanOfMeans = ($losses | Where-Object TokenCount -GT 0 | Measure-Object CrossEntropy -Average).Average
        $whole.CrossEntropy | Should -Not -Be $meanOfMeans
    }

    It 'gives the same bits in any order and grouping' {
        $shuffled = $losses[3, 0, 2, 1] | Measure-GptLoss
        $grouped = ($losses[0, 1] | Measure-GptLoss), ($losses[2, 3] | Measure-GptLoss) | Measure-GptLoss
        $shuffled.ExactSum | Should -BeExactly $whole.ExactSum
        $grouped.ExactSum | Should -BeExactly $whole.ExactSum
        $grouped.CrossEntropy | Should -Be $whole.CrossEntropy
    }

    It 'adds losses that were serialized, as jobs and remoting do, without rounding' {
        $returned = $losses | ForEach-Object {
            [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($_))
        }
        $returned[0].PSTypeNames | Should -Contain 'Deserialized.MLNetGpt.Output.GptLoss'
        $merged = $returned | Measure-GptLoss
        $merged.ExactSum | Should -BeExactly $whole.ExactSum
        $merged.BitsPerByte | Should -Be $whole.BitsPerByte
        $merged.Top5Accuracy | Should -Be $whole.Top5Accuracy
    }

    It 'adds the losses of parallel runspaces' {
        $manifest = Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1
        $merged = $texts | ForEach-Object -ThrottleLimit 2 -Parallel {
            Import-Module $using:manifest
            Get-GptLoss -Model $using:model $_
        } | Measure-GptLoss
        $merged.ExactSum | Should -BeExactly $whole.ExactSum
    }

    It 'says how sure the loss of many texts is' {
        $many = 1..40 | ForEach-Object { "the whale $($_ * $_) rose $('and dived ' * ($_ % 7)) again" } | Get-GptLoss -Model $model
        $loss = $many | Measure-GptLoss
        $loss.SampleCount | Should -Be 40
        $loss.BlockLength | Should -BeNullOrEmpty
        $loss.Confidence | Should -Be 0.95
        $loss.StandardError | Should -BeGreaterThan 0
        $loss.Lower | Should -BeLessThan $loss.CrossEntropy
        $loss.Upper | Should -BeGreaterThan $loss.CrossEntropy
        $loss.Estimates.CrossEntropy.StandardError | Should -Be $loss.StandardError
        $loss.Estimates.Perplexity.Value | Should -Be $loss.Perplexity
        $loss.Estimates.BitsPerByte.Lower | Should -BeLessThan $loss.BitsPerByte
        "$loss" | Should -Match '^\d+\.\d{4} ± 0\.\d{4} \(95 % \d+\.\d{4} to \d+\.\d{4}\) nats per token, perplexity '
        $loss | Format-Table | Out-String | Should -Match 'StdError'
        $loss | Format-List | Out-String | Should -Match 'Estimates +: .* \(95 % .* to .*\),\s+40\s+documents'

        ($many | Sort-Object Perplexity | Measure-GptLoss).Lower | Should -Be $loss.Lower
        ($many | Measure-GptLoss -Confidence 0.99).Lower | Should -BeLessThan $loss.Lower
        ($many | Measure-GptLoss -Seed 2).Lower | Should -Not -Be $loss.Lower
        ($many | Measure-GptLoss -ResampleCount 500).Lower | Should -Not -Be $loss.Lower
        $returned = $many | ForEach-Object {
            [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($_))
        }
        ($returned | Measure-GptLoss).Lower | Should -Be $loss.Lower
        { $many | Measure-GptLoss -Confidence 95 } | Should -Throw -ErrorId 'OptionsRefused,MLNetGpt.Cmdlets.MeasureGptLossCommand' `
            -ExpectedMessage '-Confidence is 95; it must be above 0 and below 1.*'
    }

    It 'has no interval for a few short texts, or for sums' {
        $whole.StandardError, $whole.Lower, $whole.Upper, $whole.Confidence, $whole.Estimates | Should -Be @($null, $null, $null, $null, $null)
        $whole.SampleCount | Should -Be 0
        ($whole, $whole | Measure-GptLoss).StandardError | Should -BeNullOrEmpty
        $whole | Format-List | Out-String | Should -Match 'SampleCount +: 0'
    }

    It 'writes nothing for nothing' {
        @() | Measure-GptLoss | Should -BeNullOrEmpty
    }

    It 'reports what is no loss and goes on' {
        $merged = $losses[0], 'no loss', $losses[1] | Measure-GptLoss -ErrorAction SilentlyContinue -ErrorVariable wrong
        $merged.DocumentCount | Should -Be 2
        $wrong | Should -HaveCount 1
        $wrong[0].FullyQualifiedErrorId | Should -Be 'NotALoss,MLNetGpt.Cmdlets.MeasureGptLossCommand'
        $wrong[0].CategoryInfo.Category | Should -Be 'InvalidData'
        $wrong[0].TargetObject | Should -Be 'no loss'
    }

    It 'refuses to add over different vocabularies' {
        $other = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($losses[0]))
        $other.VocabularySize = 7
        $merged = $losses[0], $other | Measure-GptLoss -ErrorAction SilentlyContinue -ErrorVariable wrong
        $merged.DocumentCount | Should -Be 1
        $wrong.FullyQualifiedErrorId | Should -Be 'VocabularyMismatch,MLNetGpt.Cmdlets.MeasureGptLossCommand'
    }

    Context 'a corpus' {
        BeforeAll {
            foreach ($i in 1..6) { Set-Content -Path "TestDrive:/text$i.txt" -Value ('every effort moves you, and I really like chocolate. ' * (1 + 31 * ($i % 3))) -NoNewline }
            $files = 'TestDrive:/text*.txt'
            $results = Join-Path (Get-Item TestDrive:/).FullName results
        }

        It 'is measured as its files one by one' {
            $corpus = Measure-GptLoss -Model $model -Path $files
            $corpus.ExactSum | Should -BeExactly (Get-GptLoss -Model $model -Path $files | Measure-GptLoss).ExactSum
            $corpus.DocumentCount | Should -Be 6
            $corpus.CalibrationError | Should -BeGreaterThan 0
        }

        It 'has the same interval in one run, in shards and of its parts' {
            $long = New-Item (Join-Path $TestDrive 'long') -ItemType Directory
            $text = Get-Content (Join-Path $PSScriptRoot '../../samples/Data/the-verdict.txt') -Raw
            Set-Content (Join-Path $long 'a.txt') $text.Substring(0, 8000) -NoNewline
            $loss = Measure-GptLoss -Model $model -Path $long/*.txt
            $loss.BlockLength | Should -Be 128
            $loss.SampleCount | Should -BeGreaterThan 9
            foreach ($shard in 1..3) {
                $part = Measure-GptLoss -Model $model -Path $long/*.txt -ResultFolder $TestDrive/intervals -Shard $shard -ShardCount 3
                $part.ResultFile | Should -Exist
            }
            $merged = Measure-GptLoss -ResultPath $TestDrive/intervals/*
            $merged.Lower, $merged.Upper, $merged.StandardError | Should -Be $loss.Lower, $loss.Upper, $loss.StandardError
            $one = Get-ChildItem $long | Get-GptLoss -Model $model
            $one.Lower, $one.SampleCount | Should -Be $loss.Lower, $loss.SampleCount
        }

        It 'may be files from the pipeline, or files with brackets in their names' {
            $whole = Measure-GptLoss -Model $model -Path $files
            (Get-ChildItem $files | Measure-GptLoss -Model $model).ExactSum | Should -BeExactly $whole.ExactSum
            (1..6 | ForEach-Object { [pscustomobject]@{ Path = "TestDrive:/text$_.txt" } } | Measure-GptLoss -Model $model).ExactSum | Should -BeExactly $whole.ExactSum

            [System.IO.File]::WriteAllText("$TestDrive/chapter [1].md", 'I really like chocolate')
            (Measure-GptLoss -Model $model -Path $files, "$TestDrive/chapter [1].md").DocumentCount | Should -Be 7
            (Measure-GptLoss -Model $model -LiteralPath "$TestDrive/chapter [1].md").DocumentCount | Should -Be 1
        }

        It 'reports each path that leads to no file, and measures the others' {
            $loss = Measure-GptLoss -Model $model -Path 'TestDrive:/none*.txt', 'TestDrive:/text1.txt', 'TestDrive:/text[7].txt' -ErrorAction SilentlyContinue -ErrorVariable missing
            $loss.DocumentCount | Should -Be 1
            $missing.FullyQualifiedErrorId | Should -Be (@('PathNotFound,MLNetGpt.Cmdlets.MeasureGptLossCommand') * 2)
            $missing.TargetObject | Should -Be 'TestDrive:/none*.txt', 'TestDrive:/text[7].txt'
            { Measure-GptLoss -Model $model -Path 'TestDrive:/none*.txt' -ErrorAction SilentlyContinue } | Should -Throw -ErrorId 'InputRefused,*'
        }

        It 'needs a model: a file alone is no loss' {
            { Get-ChildItem TestDrive:/text1.txt | Measure-GptLoss } | Should -Throw -ErrorId 'NoModel,*'
        }

        It 'is the sum of its shards' {
            $whole = Measure-GptLoss -Model $model -Path $files -Stride 5
            foreach ($shard in 3, 1, 2) { Measure-GptLoss -Model $model -Path $files -Stride 5 -ResultFolder $results -Shard $shard -ShardCount 3 | Out-Null }
            $merged = Measure-GptLoss -ResultPath "$results/*.jsonl"
            $merged.ExactSum | Should -BeExactly $whole.ExactSum
            $merged.CalibrationError | Should -Be $whole.CalibrationError
        }

        It 'is the sum of its shards, whose files come from the pipeline' {
            $folder = Join-Path $results piped
            foreach ($shard in 1, 2) { Measure-GptLoss -Model $model -Path $files -ResultFolder $folder -Shard $shard -ShardCount 2 | Out-Null }
            (Get-ChildItem $folder/*.jsonl | Measure-GptLoss).ExactSum | Should -BeExactly (Measure-GptLoss -Model $model -Path $files).ExactSum
            { Get-ChildItem $folder/*.jsonl, $files | Measure-GptLoss } | Should -Throw '*is a result file*'
        }

        It 'refuses <name>' -ForEach @(
            @{ name = 'a shard beyond the last'; more = @{ Shard = 3; ShardCount = 2; ResultFolder = 'r' }; id = 'InputRefused,*'; message = '-Shard is 3; of 2 shards it is from 1 to 2.' }
            @{ name = '-Shard without -ShardCount'; more = @{ Shard = 2 }; id = 'ParameterWithoutEffect,*'; message = '-Shard has no effect without -ShardCount.' }
            @{ name = '-ShardCount without -Shard'; more = @{ ShardCount = 2 }; id = 'ParameterWithoutEffect,*'; message = '-ShardCount has no effect without -Shard.' }
            @{ name = '-PerToken without -ResultFolder'; more = @{ PerToken = $true }; id = 'ParameterWithoutEffect,*'; message = '-PerToken has no effect without -ResultFolder.' }
        ) {
            { Measure-GptLoss -Model $model -Path $files @more } | Should -Throw $message -ErrorId $id
        }

        It 'says which shard is missing' {
            $folder = Join-Path $results lone
            $shard = Measure-GptLoss -Model $model -Path $files -ResultFolder $folder -Shard 2 -ShardCount 2
            $shard.ResultFile | Should -Exist
            { Measure-GptLoss -ResultPath $shard.ResultFile } | Should -Throw -ErrorId 'ResultsNotMerged,MLNetGpt.Cmdlets.MeasureGptLossCommand'
        }

        It 'stands beside simple predictors of the same tokens' {
            $rows = Measure-GptLoss -Model $model -Path $files -TrainingPath $files
            $rows.Source | Should -Be $null, 'uniform', 'unigram', 'gzip', 'Brotli'
            foreach ($row in $rows) { $row.TokenCount | Should -Be $rows[0].TokenCount }
            [math]::Abs($rows[1].CrossEntropy - [math]::Log(50257)) | Should -BeLessThan 1e-9
            $rows[2].CrossEntropy | Should -BeLessThan $rows[1].CrossEntropy
        }

        It 'may be the lines of a file, or all documents joined' {
            Set-Content -Path TestDrive:/lines.txt -Value "every effort`nmoves you`nI really like chocolate" -NoNewline
            (Measure-GptLoss -Model $model -Path TestDrive:/lines.txt -ByLine).DocumentCount | Should -Be 3
            (Measure-GptLoss -Model $model -Path TestDrive:/lines.txt -ByLine -Document JoinedByEndOfText).TokenCount |
                Should -Be ((Measure-GptLoss -Model $model -Path TestDrive:/lines.txt -ByLine -PrependEndOfText).TokenCount + 2)
        }

        It 'is refused with <what>' -ForEach @(
            @{ what = 'a stride longer than the window'; more = @{ Stride = 9; WindowLength = 8 }; id = 'InputRefused,*' }
            @{ what = 'a window longer than the context'; more = @{ WindowLength = 5000 }; id = 'InputRefused,*' }
            @{ what = 'a shard whose result goes nowhere'; more = @{ Shard = 1; ShardCount = 2 }; id = 'InputRefused,*' }
        ) {
            { Measure-GptLoss -Model $model -Path $files @more } | Should -Throw -ErrorId $id
        }
    }

    It 'measures in the background' {
        $null = New-Item -ItemType Directory TestDrive:/job -Force
        foreach ($i in 1..3) { Set-Content "TestDrive:/job/$i.txt" "$i $($texts[3])" }
        $expected = Measure-GptLoss -Model $model -Path TestDrive:/job/*.txt -Stride 4 -WindowLength 8
        $job = Measure-GptLoss -Model $model -Path TestDrive:/job/*.txt -Stride 4 -WindowLength 8 -AsJob
        $job | Should -BeOfType ([System.Management.Automation.Job])
        ($job | Receive-Job -Wait -AutoRemoveJob).ExactSum | Should -BeExactly $expected.ExactSum
        $piped = Get-ChildItem TestDrive:/job/*.txt | Measure-GptLoss -Model $model -AsJob | Receive-Job -Wait -AutoRemoveJob
        $piped.ExactSum | Should -BeExactly (Measure-GptLoss -Model $model -Path TestDrive:/job/*.txt).ExactSum
        { $losses | Measure-GptLoss -AsJob } | Should -Throw -ErrorId 'ParameterWithoutEffect,*'
    }
}
