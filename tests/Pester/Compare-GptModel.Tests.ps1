BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $old = New-GptModel tiny -TiedHead:$false
    $new = New-GptModel tiny -TiedHead:$false -Seed 7
    $words = Import-GptModel (Join-Path $PSScriptRoot '../Unit/Fixtures/Cases/hf-good')
    $story = (Get-Content (Join-Path $PSScriptRoot '../../samples/Data/the-verdict.txt') -Raw).Substring(0, 3000)
    $texts = ($story -split '\r?\n\r?\n') -ne ''
}

Describe 'Compare-GptModel' {
    It 'writes the divergence, and the losses of both models to the last bit' {
        $comparison = $texts | Compare-GptModel -ReferenceModel $old -Model $new
        $reference = $texts | Get-GptLoss -Model $old | Measure-GptLoss
        $other = $texts | Get-GptLoss -Model $new | Measure-GptLoss
        $comparison | Should -HaveCount 1
        $comparison.ReferenceModel | Should -Be $old.Name
        $comparison.Model | Should -Be $new.Name
        $comparison.ReferenceCrossEntropy | Should -Be $reference.CrossEntropy
        $comparison.CrossEntropy | Should -Be $other.CrossEntropy
        $comparison.ReferencePerplexity | Should -Be $reference.Perplexity
        $comparison.BitsPerByte | Should -Be $other.BitsPerByte
        $comparison.TokenCount | Should -Be $other.TokenCount
        $comparison.DocumentCount | Should -Be $texts.Count
        $comparison.LossDifference | Should -BeGreaterThan ($other.CrossEntropy - $reference.CrossEntropy - 1e-9)
        $comparison.LossDifference | Should -BeLessThan ($other.CrossEntropy - $reference.CrossEntropy + 1e-9)
        $comparison.PerplexityRatio | Should -Be ([math]::Exp($comparison.LossDifference))
        $comparison.Divergence | Should -BeGreaterThan 0
        $comparison.Lower | Should -BeLessThan $comparison.Divergence
        $comparison.Upper | Should -BeGreaterThan $comparison.Divergence
        $comparison.Confidence | Should -Be 0.95
        $figures = $comparison.Minimum, $comparison.Percentile1, $comparison.Percentile5, $comparison.Median, $comparison.Percentile95, $comparison.Percentile99, $comparison.Percentile999, $comparison.Maximum
        $figures | Should -Be ($figures | Sort-Object)
        $comparison.Percentile(50) | Should -Be $comparison.Median
        $comparison.Percentile(100) | Should -Be $comparison.Maximum
        $comparison.ProbabilityChangePercentile(0) | Should -BeLessThan 0
        $comparison.SameTop | Should -BeGreaterOrEqual $comparison.SameTopLower
        $comparison.SameTop | Should -BeLessOrEqual $comparison.SameTopUpper
    }

    It 'finds no difference at all between a model and its copy' {
        $comparison = $texts | Compare-GptModel $old (New-GptModel tiny -TiedHead:$false)
        $comparison.Divergence, $comparison.StandardError, $comparison.Maximum | Should -Be 0, 0, 0
        $comparison.SameTop, $comparison.Correlation, $comparison.PerplexityRatio | Should -Be 1, 1, 1
        $comparison.ProbabilityChange, $comparison.ProbabilityChangeRms | Should -Be 0, 0
    }

    It 'takes the reference first, as Compare-Object does' {
        $comparison = $texts | Compare-GptModel $old $new
        $comparison.Divergence | Should -Be ($texts | Compare-GptModel -ReferenceModel $old -Model $new).Divergence
        ($texts | Compare-GptModel $new $old).Divergence | Should -Not -Be $comparison.Divergence
        (Compare-GptModel $old $new -Text $texts).Divergence | Should -Be $comparison.Divergence
    }

    It 'compares the default model of the session' {
        try {
            Set-GptModel $new
            ($texts | Compare-GptModel $old).Divergence | Should -Be ($texts | Compare-GptModel $old $new).Divergence
        }
        finally { Set-GptModel $null }
        { $texts | Compare-GptModel $old } | Should -Throw -ErrorId 'NoModel,MLNetGpt.Cmdlets.CompareGptModelCommand'
    }

    It 'passes on how texts are measured' {
        $how = @{ WindowLength = 8; Stride = 4; LastWindow = 'AtEnd'; PrependEndOfText = $true; SpecialToken = 'Literal' }
        $comparison = $texts | Compare-GptModel $old $new @how
        $expected = $texts | Get-GptLoss -Model $new @how | Measure-GptLoss
        $comparison.CrossEntropy | Should -Be $expected.CrossEntropy
        $comparison.TokenCount | Should -Be $expected.TokenCount
    }

    It 'widens the intervals with the confidence' {
        $usual = $texts | Compare-GptModel $old $new
        $wide = $texts | Compare-GptModel $old $new -Confidence 0.99
        $wide.Confidence | Should -Be 0.99
        $wide.Upper | Should -BeGreaterThan $usual.Upper
        $wide.SameTopLower | Should -BeLessOrEqual $usual.SameTopLower
        $wide.Divergence | Should -Be $usual.Divergence
    }

    Context 'files' {
        BeforeAll {
            0..5 | ForEach-Object { Set-Content -Path "TestDrive:/$_.txt" -Value $texts[$_] -NoNewline }
            $expected = $texts[0..5] | Compare-GptModel $old $new
        }

        It 'come from -Path, -LiteralPath and the pipeline' {
            (Compare-GptModel $old $new -Path TestDrive:/*.txt).Divergence | Should -Be $expected.Divergence
            (Compare-GptModel $old $new -LiteralPath (0..5 | ForEach-Object { "TestDrive:/$_.txt" })).Divergence | Should -Be $expected.Divergence
            (Get-ChildItem TestDrive:/*.txt | Compare-GptModel $old $new).Divergence | Should -Be $expected.Divergence
        }

        It 'that cannot be read are left out' {
            [System.IO.File]::WriteAllBytes("$TestDrive/bad.txt", [byte[]](65, 0xFF, 65))
            $comparison = Get-ChildItem TestDrive:/*.txt | Compare-GptModel $old $new -ErrorAction SilentlyContinue -ErrorVariable wrong
            Remove-Item TestDrive:/bad.txt
            $wrong | Should -HaveCount 1
            $wrong[0].FullyQualifiedErrorId | Should -Be 'TextInvalid,MLNetGpt.Cmdlets.CompareGptModelCommand'
            $comparison.Divergence | Should -Be $expected.Divergence
        }

        It 'are compared in shards, which merge into the whole to the last bit' {
            Set-Content TestDrive:/long.txt ($story * 4) -NoNewline
            $whole = Compare-GptModel $old $new -Path TestDrive:/long.txt
            foreach ($shard in 2, 1) {
                $part = Compare-GptModel $old $new -Path TestDrive:/long.txt -ResultFolder "$TestDrive/parts" -Shard $shard -ShardCount 2
                $part.ResultFile | Should -Exist
                $part.TokenCount | Should -BeLessThan $whole.TokenCount
            }

            $merged = Compare-GptModel -ResultPath "$TestDrive/parts/*"
            foreach ($name in 'Divergence', 'StandardError', 'Median', 'Percentile99', 'Maximum', 'SameTop', 'ProbabilityChangeRms', 'Correlation', 'CrossEntropy', 'ReferenceCrossEntropy', 'PerplexityRatio', 'CalibrationError', 'TokenCount', 'ByteCount') {
                $merged.$name | Should -Be $whole.$name -Because $name
            }

            $merged.Model | Should -Be "$TestDrive/parts/*"
            { Compare-GptModel -ResultPath "$TestDrive/parts/*0001-of*" } | Should -Throw -ErrorId 'ResultsNotMerged,*' -ExpectedMessage '*shard 2 is missing*'
            $null = Measure-GptLoss -Model $new -Path TestDrive:/long.txt -ResultFolder "$TestDrive/alone"
            { Compare-GptModel -ResultPath "$TestDrive/alone/*" } | Should -Throw -ErrorId 'ResultsNotMerged,*' -ExpectedMessage '*one model*'
        }

        It 'are not compared again where results are complete' {
            $how = @{ ReferenceModel = $old; Model = $new; Path = "$TestDrive/0.txt"; ResultFolder = "$TestDrive/again" }
            $first = Compare-GptModel @how
            $written = (Get-FileHash $first.ResultFile).Hash
            $second = Compare-GptModel @how
            $second.Divergence | Should -Be $first.Divergence
            (Get-FileHash $second.ResultFile).Hash | Should -Be $written
            Add-Content $first.ResultFile 'x'
            Add-Content $first.ResultFile 'x'
            { Compare-GptModel @how } | Should -Throw -ErrorId 'ResultFileInvalid,*'
        }
    }

    Context 'what it refuses' {
        It 'is <what>' -ForEach @(
            @{ what = 'a confidence of 1'; more = @{ Confidence = 1 }; id = 'OptionsRefused'; says = '*-Confidence is 1*' }
            @{ what = 'a window beyond the context'; more = @{ WindowLength = 5000 }; id = 'OptionsRefused'; says = '*-WindowLength is 5000*' }
            @{ what = 'a shard without their number'; more = @{ Shard = 1; ResultFolder = 'x' }; id = 'ParameterWithoutEffect'; says = '*-Shard*-ShardCount*' }
            @{ what = 'shards without a folder'; more = @{ Shard = 1; ShardCount = 2 }; id = 'ParameterWithoutEffect'; says = '*-ShardCount*-ResultFolder*' }
            @{ what = 'a shard that does not exist'; more = @{ Shard = 3; ShardCount = 2; ResultFolder = 'x' }; id = 'InputRefused'; says = '*-Shard is 3*' }
        ) {
            { $texts | Compare-GptModel $old $new @more } | Should -Throw -ErrorId "$id,MLNetGpt.Cmdlets.CompareGptModelCommand" -ExpectedMessage $says
        }

        It 'is models of different vocabularies' {
            { $texts | Compare-GptModel $old $words } |
                Should -Throw -ErrorId 'VocabularyMismatch,MLNetGpt.Cmdlets.CompareGptModelCommand' -ExpectedMessage '*same vocabulary*'
        }

        It 'is texts in which nothing is predicted' {
            { 'a', 'b' | Compare-GptModel $old $new } | Should -Throw -ErrorId 'ComparisonRefused,*' -ExpectedMessage '*-PrependEndOfText*'
        }

        It 'is a reference that does not exist, by the name of the parameter' {
            { 'a text' | Compare-GptModel -ReferenceModel none.safetensors -Model $new } |
                Should -Throw -ErrorId 'ParameterArgumentTransformationError,*' -ExpectedMessage '*-ReferenceModel takes a model*'
        }
    }

    It 'shows the figures alike in every culture' {
        $comparison = $texts | Compare-GptModel $old $new
        $shown = foreach ($name in 'en-US', 'de-DE') {
            $culture = [cultureinfo]::CurrentCulture
            try {
                [cultureinfo]::CurrentCulture = $name
                $comparison | Out-String -Width 200
                $comparison | Format-Table | Out-String -Width 200
                $comparison | Format-Wide | Out-String -Width 200
            }
            finally { [cultureinfo]::CurrentCulture = $culture }
        }
        $shown[3..5] | Should -BeExactly $shown[0..2]
        $shown[0] | Should -Match ([regex]::Escape("$comparison"))
        $shown[0] | Should -Match 'nats per token'
        $shown[0] | Should -Match 'Same top token'
        $shown[1] | Should -Match 'Divergence +99 % +Maximum'
    }

    It 'stops within a second' {
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddScript('param($a, $b, $t) Compare-GptModel $a $b -Text $t').AddArgument($old).AddArgument($new).AddArgument($story * 400)
        $running = $shell.BeginInvoke()
        Start-Sleep -Milliseconds 1500
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        $shell.Stop()
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 3 # on a busy machine
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $running.AsyncWaitHandle.WaitOne(20000) | Should -BeTrue
        $shell.Dispose()
    }
}
