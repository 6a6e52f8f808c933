BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $cloze = (Resolve-Path (Join-Path $PSScriptRoot '../../samples/Data/tasks/cloze.jsonl')).Path
    $old = New-GptModel tiny -ContextLength 64 -TiedHead:$false
    $new = New-GptModel tiny -ContextLength 64 -TiedHead:$false -Seed 7
}

Describe 'Compare-GptTask' {
    It 'writes both accuracies, their difference and how much of it is chance' {
        $comparison = Compare-GptTask $old $new -Path $cloze
        $left, $right = $old, $new | ForEach-Object { , @(Measure-GptTask $cloze $_ -PerQuestion) }
        $comparison | Should -HaveCount 1
        $comparison.Task, $comparison.ReferenceModel, $comparison.Model | Should -Be 'cloze', $old.Name, $new.Name
        $comparison.QuestionCount | Should -Be 200
        $comparison.ReferenceAccuracy | Should -Be (Measure-GptTask $cloze $old).Accuracy
        $comparison.Accuracy | Should -Be (Measure-GptTask $cloze $new).Accuracy
        $comparison.Difference | Should -Be ($comparison.Accuracy - $comparison.ReferenceAccuracy)
        $comparison.OnlyReferenceRight | Should -Be @(0..199 | Where-Object { $left[$_].IsRight -and -not $right[$_].IsRight }).Count
        $comparison.OnlyModelRight | Should -Be @(0..199 | Where-Object { $right[$_].IsRight -and -not $left[$_].IsRight }).Count
        $comparison.Lower | Should -BeLessThan $comparison.Difference
        $comparison.Upper | Should -BeGreaterThan $comparison.Difference
        $mean = (0..199 | ForEach-Object { $right[$_].LogLikelihood[$right[$_].Answer] - $left[$_].LogLikelihood[$left[$_].Answer] } | Measure-Object -Average).Average
        [math]::Abs($comparison.LogLikelihoodDifference - $mean) | Should -BeLessThan 1e-9
        $comparison.IsSignificant | Should -Be ($comparison.PValue -lt 0.05)
    }

    It 'has the p-value of an exact binomial test' {
        $comparison = Compare-GptTask $old $new -Path $cloze
        $least = [math]::Min($comparison.OnlyReferenceRight, $comparison.OnlyModelRight)
        $count = $comparison.OnlyReferenceRight + $comparison.OnlyModelRight
        $sum, $ways = [bigint]0, [bigint]1
        for ($k = 0; $k -le $least; $k++) {
            $sum += $ways
            $ways = $ways * ($count - $k) / ($k + 1)
        }
        $expected = [math]::Min(1.0, 2 * [double]$sum / [math]::Pow(2, $count))
        [math]::Abs($comparison.PValue - $expected) | Should -BeLessThan 1e-9
    }

    It 'finds no difference between a model and itself' {
        $comparison = Get-Item $cloze | Compare-GptTask $old $old
        $comparison.Difference, $comparison.Lower, $comparison.Upper, $comparison.LogLikelihoodDifference | Should -Be 0, 0, 0, 0
        $comparison.PValue | Should -Be 1
        $comparison.IsSignificant | Should -BeFalse
    }

    It 'compares normalized likelihoods on request' {
        $comparison = Compare-GptTask $old $new -Path $cloze -Normalization Characters
        $comparison.Accuracy | Should -Be (Measure-GptTask $cloze $new).AccuracyPerCharacter
        $comparison.Normalization | Should -Be Characters
    }

    It 'compares answers that were saved' {
        $null = Measure-GptTask $cloze $old -ResultFolder "$TestDrive/a"
        1, 2 | ForEach-Object { $null = Measure-GptTask $cloze $new -ResultFolder "$TestDrive/b" -Shard $_ -ShardCount 2 }
        $saved = Compare-GptTask -ReferenceResultPath "$TestDrive/a/*" -ResultPath "$TestDrive/b/*"
        $expected = Compare-GptTask $old $new -Path $cloze
        foreach ($name in 'Difference', 'Lower', 'Upper', 'PValue', 'LogLikelihoodDifference') { $saved.$name | Should -Be $expected.$name -Because $name }
        $saved.Model | Should -Be "$TestDrive/b/*"

        Get-Content $cloze -TotalCount 20 | Set-Content TestDrive:/few.jsonl
        $null = Measure-GptTask TestDrive:/few.jsonl $new -ResultFolder "$TestDrive/c"
        { Compare-GptTask -ReferenceResultPath "$TestDrive/a/*" -ResultPath "$TestDrive/c/*" } |
            Should -Throw -ErrorId 'ComparisonRefused,MLNetGpt.Cmdlets.CompareGptTaskCommand' -ExpectedMessage '*different questions*'
    }

    It 'refuses what has no answers' {
        Set-Content TestDrive:/texts.jsonl '{"document":"Every effort moves you"}', '{"document":"I really like chocolate"}'
        Compare-GptTask $old $new -Path TestDrive:/texts.jsonl -ErrorVariable wrong -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $wrong[0].FullyQualifiedErrorId | Should -Be 'InputRefused,MLNetGpt.Cmdlets.CompareGptTaskCommand'
        { Compare-GptTask $old $new -Path $cloze -ResampleCount 10 } | Should -Throw -ErrorId 'OptionsRefused,*' -ExpectedMessage '*-ResampleCount*'
        { Compare-GptTask $old -Path $cloze } | Should -Throw -ErrorId 'NoModel,*'
    }

    It 'shows the difference' {
        $comparison = Compare-GptTask $old $new -Path $cloze
        $comparison | Out-String | Should -Match 'Difference +: -?0\.\d{4} \(95 % -?0\.\d{4} to -?0\.\d{4}\)'
        "$comparison" | Should -BeLike '* accuracy, p = *'
        $comparison | Format-Table | Out-String | Should -Match 'cloze'
    }
}
