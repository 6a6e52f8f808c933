BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $old = New-GptModel tiny -TiedHead:$false
    $new = New-GptModel tiny -TiedHead:$false -Seed 7
    $words = Import-GptModel (Join-Path $PSScriptRoot '../Unit/Fixtures/Cases/hf-good')
    $story = (Get-Content (Join-Path $PSScriptRoot '../../samples/Data/the-verdict.txt') -Raw).Substring(0, 3000)
    $texts = ($story -split '\r?\n\r?\n') -ne ''
}

Describe 'Compare-GptLoss' {
    It 'writes both losses to the last bit, and the interval of their difference' {
        $comparison = $texts | Compare-GptLoss -ReferenceModel $old -Model $new
        $reference = $texts | Get-GptLoss -Model $old | Measure-GptLoss
        $other = $texts | Get-GptLoss -Model $new | Measure-GptLoss
        $comparison | Should -HaveCount 1
        $comparison.ReferenceModel | Should -Be $old.Name
        $comparison.Model | Should -Be $new.Name
        $comparison.Unit | Should -Be NatsPerToken
        $comparison.ReferenceCrossEntropy | Should -Be $reference.CrossEntropy
        $comparison.CrossEntropy | Should -Be $other.CrossEntropy
        $comparison.ReferenceLoss | Should -Be $reference.CrossEntropy
        $comparison.BitsPerByte | Should -Be $other.BitsPerByte
        $comparison.Perplexity | Should -Be $other.Perplexity
        $comparison.TokenCount | Should -Be $other.TokenCount
        $comparison.Difference | Should -Be ($other.CrossEntropy - $reference.CrossEntropy)
        $comparison.Lower | Should -BeLessThan $comparison.Difference
        $comparison.Upper | Should -BeGreaterThan $comparison.Difference
        $comparison.IsSignificant | Should -Be ($comparison.Lower -gt 0 -or $comparison.Upper -lt 0)
        $comparison.SampleCount | Should -Be $texts.Count
        $comparison.DocumentCount | Should -Be $texts.Count
        $comparison.Confidence | Should -Be 0.95
        $comparison.StandardError | Should -BeGreaterThan 0
        $comparison.PValue | Should -BeGreaterThan 0
        ($comparison.PValue -lt 0.05) | Should -Be $comparison.IsSignificant
        $comparison.BlockLength | Should -BeNullOrEmpty
    }

    It 'takes the reference first, as Compare-Object does' {
        $comparison = $texts | Compare-GptLoss $old $new
        $comparison.Difference | Should -Be ($texts | Compare-GptLoss -ReferenceModel $old -Model $new).Difference
        ($texts | Compare-GptLoss $new $old).Difference | Should -Be (-$comparison.Difference)
        (Compare-GptLoss $old $new -Text $texts).Lower | Should -Be $comparison.Lower
    }

    It 'compares with the default model of the session' {
        try {
            Set-GptModel $new
            ($texts | Compare-GptLoss $old).Difference | Should -Be ($texts | Compare-GptLoss $old $new).Difference
        }
        finally { Set-GptModel $null }
        { $texts | Compare-GptLoss $old } | Should -Throw -ErrorId 'NoModel,MLNetGpt.Cmdlets.CompareGptLossCommand'
    }

    It 'finds no difference between a model and itself' {
        $comparison = $texts | Compare-GptLoss $old $old
        $comparison.Difference, $comparison.Lower, $comparison.Upper | Should -Be 0, 0, 0
        $comparison.IsSignificant | Should -BeFalse
        $comparison.PValue | Should -Be 1
    }

    It 'gives the same interval for a seed, and another for another' {
        $first = $texts | Compare-GptLoss $old $new -ResampleCount 500
        ($texts | Compare-GptLoss $old $new -ResampleCount 500).Lower | Should -Be $first.Lower
        ($texts | Compare-GptLoss $old $new -ResampleCount 500 -Seed 2).Lower | Should -Not -Be $first.Lower
        $wide = $texts | Compare-GptLoss $old $new -ResampleCount 500 -Confidence 0.99
        $wide.Lower | Should -BeLessOrEqual $first.Lower
        $wide.Upper | Should -BeGreaterOrEqual $first.Upper
    }

    It 'passes on how texts are measured' {
        $comparison = $texts | Compare-GptLoss $old $new -WindowLength 8 -Stride 4 -LastWindow AtEnd -PrependEndOfText -SpecialToken Literal
        $expected = $texts | Get-GptLoss -Model $new -WindowLength 8 -Stride 4 -LastWindow AtEnd -PrependEndOfText -SpecialToken Literal | Measure-GptLoss
        $comparison.CrossEntropy | Should -Be $expected.CrossEntropy
        $comparison.TokenCount | Should -Be $expected.TokenCount
    }

    Context 'models with different tokenizers' {
        It 'are compared in bits per byte' {
            $comparison = $texts | Compare-GptLoss $old $words -PrependEndOfText
            $comparison.Unit | Should -Be BitsPerByte
            $comparison.ReferenceByteCount | Should -Be $comparison.ByteCount
            $comparison.ReferenceTokenCount | Should -Not -Be $comparison.TokenCount
            $comparison.Difference | Should -Be ($comparison.BitsPerByte - $comparison.ReferenceBitsPerByte)
            $comparison.Lower | Should -BeLessThan $comparison.Upper
            "$comparison" | Should -BeLike '* bits per byte'
        }

        It 'are not compared per token' {
            { $texts | Compare-GptLoss $old $words -Unit NatsPerToken } | Should -Throw -ErrorId 'ComparisonRefused,*' -ExpectedMessage '*same tokens*'
            { $texts | Compare-GptLoss $old $words -BlockLength 8 } | Should -Throw -ErrorId 'ComparisonRefused,*' -ExpectedMessage '*same tokens*'
        }
    }

    Context 'a single text' {
        It 'is divided into blocks' {
            $comparison = $story | Compare-GptLoss $old $new
            $comparison.BlockLength | Should -Be 128
            $comparison.DocumentCount | Should -Be 1
            $comparison.SampleCount | Should -Be ([math]::Ceiling($comparison.TokenCount / 128))
            $comparison.Lower | Should -Be ($story | Compare-GptLoss $old $new -BlockLength 128).Lower
        }

        It 'that is short gives no interval, and a warning' {
            $comparison = 'Every effort moves you' | Compare-GptLoss $old $new -WarningVariable warned -WarningAction SilentlyContinue
            $warned | Should -HaveCount 1
            $comparison.Difference | Should -Be ((Get-GptLoss 'Every effort moves you' -Model $new).CrossEntropy - (Get-GptLoss 'Every effort moves you' -Model $old).CrossEntropy)
            $comparison.Lower, $comparison.Upper, $comparison.IsSignificant, $comparison.BetterFraction | Should -Be $null, $null, $null, $null
            $comparison.SampleCount | Should -Be 0
            $comparison | Out-String | Should -Match 'unknown'
        }
    }

    Context 'files' {
        BeforeAll {
            0..5 | ForEach-Object { Set-Content -Path "TestDrive:/$_.txt" -Value $texts[$_] -NoNewline }
            $expected = $texts[0..5] | Compare-GptLoss $old $new
        }

        It 'come from -Path, -LiteralPath and the pipeline' {
            (Compare-GptLoss $old $new -Path TestDrive:/*.txt).Lower | Should -Be $expected.Lower
            (Compare-GptLoss $old $new -LiteralPath (0..5 | ForEach-Object { "TestDrive:/$_.txt" })).Lower | Should -Be $expected.Lower
            (Get-ChildItem TestDrive:/*.txt | Compare-GptLoss $old $new).Lower | Should -Be $expected.Lower
        }

        It 'that cannot be read are left out for both models' {
            [System.IO.File]::WriteAllBytes("$TestDrive/bad.txt", [byte[]](65, 0xFF, 65))
            $comparison = Get-ChildItem TestDrive:/*.txt | Compare-GptLoss $old $new -ErrorAction SilentlyContinue -ErrorVariable wrong
            Remove-Item TestDrive:/bad.txt
            $wrong | Should -HaveCount 1
            $wrong[0].FullyQualifiedErrorId | Should -Be 'TextInvalid,MLNetGpt.Cmdlets.CompareGptLossCommand'
            $comparison.Lower | Should -Be $expected.Lower
        }

        It 'that were measured before are compared without a model' {
            foreach ($run in @{ model = $old; name = 'a' }, @{ model = $new; name = 'b' }, @{ model = $words; name = 'w' }) {
                $null = Measure-GptLoss -Model $run.model -Path TestDrive:/*.txt -ResultFolder "$TestDrive/$($run.name)" -PerToken
            }

            $comparison = Compare-GptLoss -ReferenceResultPath "$TestDrive/a/*" -ResultPath "$TestDrive/b/*"
            $comparison.Model | Should -Be "$TestDrive/b/*"
            foreach ($name in 'Difference', 'Lower', 'Upper', 'CrossEntropy', 'ReferenceCrossEntropy', 'BetterFraction', 'TokenCount') {
                $comparison.$name | Should -Be $expected.$name -Because $name
            }

            (Compare-GptLoss -ReferenceResultPath "$TestDrive/a/*" -ResultPath "$TestDrive/b/*" -BlockLength 16).Lower |
                Should -Be (Compare-GptLoss $old $new -Path TestDrive:/*.txt -BlockLength 16).Lower
            (Compare-GptLoss -ReferenceResultPath "$TestDrive/a/*" -ResultPath "$TestDrive/w/*").Unit | Should -Be BitsPerByte
        }

        It 'that were measured on other texts are refused' {
            $null = Measure-GptLoss -Model $old -Path TestDrive:/0.txt -ResultFolder "$TestDrive/c"
            { Compare-GptLoss -ReferenceResultPath "$TestDrive/c/*" -ResultPath "$TestDrive/b/*" } | Should -Throw -ErrorId 'ComparisonRefused,*' -ExpectedMessage '*different corpora*'
            $null = Measure-GptLoss -Model $old -Path TestDrive:/*.txt -ResultFolder "$TestDrive/d" -PrependEndOfText
            { Compare-GptLoss -ReferenceResultPath "$TestDrive/d/*" -ResultPath "$TestDrive/b/*" } | Should -Throw -ErrorId 'ComparisonRefused,*' -ExpectedMessage '*different options*'
            Set-Content TestDrive:/damaged.jsonl 'x'
            { Compare-GptLoss -ReferenceResultPath TestDrive:/damaged.jsonl -ResultPath "$TestDrive/b/*" } | Should -Throw -ErrorId 'ResultFileInvalid,*'
            Compare-GptLoss -ReferenceResultPath TestDrive:/none* -ResultPath "$TestDrive/b/*" -ErrorAction SilentlyContinue -ErrorVariable wrong | Should -BeNullOrEmpty
            $wrong[0].FullyQualifiedErrorId | Should -Be 'PathNotFound,MLNetGpt.Cmdlets.CompareGptLossCommand'
        }
    }

    Context 'what it refuses' {
        It 'is <what>' -ForEach @(
            @{ what = 'a confidence of 1'; more = @{ Confidence = 1 }; id = 'OptionsRefused'; says = '*-Confidence*' }
            @{ what = 'too few resamples'; more = @{ ResampleCount = 10 }; id = 'OptionsRefused'; says = '*-ResampleCount*' }
            @{ what = 'too many resamples'; more = @{ ResampleCount = 2000000000 }; id = 'OptionsRefused'; says = '*-ResampleCount*' }
            @{ what = 'a window beyond the context'; more = @{ WindowLength = 5000 }; id = 'OptionsRefused'; says = '*-WindowLength is 5000*' }
            @{ what = 'a unit that blocks do not have'; more = @{ Unit = 'BitsPerByte'; BlockLength = 8 }; id = 'ParameterWithoutEffect'; says = '*-Unit*-BlockLength*' }
        ) {
            { $texts | Compare-GptLoss $old $new @more } | Should -Throw -ErrorId "$id,MLNetGpt.Cmdlets.CompareGptLossCommand" -ExpectedMessage $says
        }

        It 'is texts in which nothing is predicted' {
            { 'a', 'b' | Compare-GptLoss $old $new } | Should -Throw -ErrorId 'ComparisonRefused,*' -ExpectedMessage '*-PrependEndOfText*'
        }

        It 'is a reference that does not exist, by the name of the parameter' {
            { 'a text' | Compare-GptLoss -ReferenceModel none.safetensors -Model $new } |
                Should -Throw -ErrorId 'ParameterArgumentTransformationError,*' -ExpectedMessage '*-ReferenceModel takes a model*'
        }

        It 'is a setting of measuring for results' {
            { Compare-GptLoss -ReferenceResultPath a -ResultPath b -Stride 4 } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
        }
    }

    It 'shows the difference alike in every culture' {
        $comparison = $texts | Compare-GptLoss $old $new
        $shown = foreach ($name in 'en-US', 'de-DE') {
            $culture = [cultureinfo]::CurrentCulture
            try {
                [cultureinfo]::CurrentCulture = $name
                $comparison | Out-String
            }
            finally { [cultureinfo]::CurrentCulture = $culture }
        }
        $shown[1] | Should -BeExactly $shown[0]
        $shown[0] | Should -Match ([regex]::Escape("$comparison"))
        $shown[0] | Should -Match 'nats per token'
        $shown[0] | Should -Match "95 % of the resamples of $($texts.Count) texts"
    }

    It 'stops within a second' {
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddScript('param($a, $b, $t) Compare-GptLoss $a $b -Text $t').AddArgument($old).AddArgument($new).AddArgument($story * 400)
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
