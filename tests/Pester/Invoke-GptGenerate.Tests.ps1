BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    . (Join-Path $PSScriptRoot StopMidway.ps1)
    $model = New-GptModel tiny -TiedHead:$false
}

Describe 'Invoke-GptGenerate' {
    It 'continues a prompt greedily, the same each time' {
        $first, $second = 1..2 | ForEach-Object { Invoke-GptGenerate -Model $model 'Every effort' -MaxToken 12 }
        $first | Should -BeOfType 'MLNetGpt.Output.GptGeneration'
        $first.TokenCount | Should -Be 12
        $first.Id | Should -HaveCount 12
        $first.Text | Should -BeExactly $second.Text
        $first.Text | Should -BeExactly (ConvertFrom-GptToken $first.Id)
        $first.FullText | Should -BeExactly "Every effort$($first.Text)"
        $first.FinishReason | Should -Be 'Length'
        $first.PromptTokenCount | Should -Be 2
    }

    It 'takes prompts from the pipeline' {
        $texts = 'Every', 'I really' | Invoke-GptGenerate -Model $model -MaxToken 3
        $texts.Prompt | Should -Be 'Every', 'I really'
        $texts[1].Text | Should -BeExactly (Invoke-GptGenerate -Model $model -Prompt 'I really' -MaxToken 3).Text
    }

    It 'goes on past the context' {
        $model.Config.ContextLength | Should -BeLessThan 20
        (Invoke-GptGenerate -Model $model 'Every effort' -MaxToken 20).TokenCount | Should -Be 20
    }

    It 'starts a document from an empty prompt' {
        (Invoke-GptGenerate -Model $model '' -MaxToken 2).TokenCount | Should -Be 2
    }

    It 'draws the same text from the same seed, and others from others' {
        $texts = 5, 5, 6 | ForEach-Object { Invoke-GptGenerate -Model $model 'Every' -MaxToken 8 -Temperature 1 -Seed $_ }
        $texts[0].Text | Should -BeExactly $texts[1].Text
        $texts[0].Text | Should -Not -BeExactly $texts[2].Text
        $texts.Seed | Should -Be 5, 5, 6
    }

    It 'reports a seed that repeats a text which was drawn without one' {
        $drawn = Invoke-GptGenerate -Model $model 'Every' -MaxToken 8 -Temperature 1
        (Invoke-GptGenerate -Model $model 'Every' -MaxToken 8 -Temperature 1 -Seed $drawn.Seed).Text | Should -BeExactly $drawn.Text
    }

    It 'draws several samples' {
        $samples = Invoke-GptGenerate -Model $model 'Every' -MaxToken 8 -Temperature 1 -Seed 1 -SampleCount 3
        $samples.Sample | Should -Be 0, 1, 2
        $samples.Text | Sort-Object -Unique | Should -HaveCount 3
    }

    It 'is greedy with -TopK 1 and with a tiny -TopP' {
        $greedy = (Invoke-GptGenerate -Model $model 'Every' -MaxToken 8).Text
        (Invoke-GptGenerate -Model $model 'Every' -MaxToken 8 -Temperature 1 -TopK 1).Text | Should -BeExactly $greedy
        (Invoke-GptGenerate -Model $model 'Every' -MaxToken 8 -Temperature 1 -TopP 1e-9).Text | Should -BeExactly $greedy
    }

    It 'stops at a stop text, which is not part of the result' {
        $ids = (Invoke-GptGenerate -Model $model 'Every' -MaxToken 8).Id
        $before = ConvertFrom-GptToken $ids[0..2]
        $stop = ConvertFrom-GptToken $ids[3]
        $text = Invoke-GptGenerate -Model $model 'Every' -MaxToken 8 -StopText $stop
        $text.FinishReason | Should -Be 'StopSequence'
        $text.Text.Contains($stop) | Should -BeFalse
        $text.Text.Length | Should -BeLessOrEqual $before.Length
    }

    It 'streams the same text in pieces' {
        $pieces = Invoke-GptGenerate -Model $model 'Every' -MaxToken 12 -Stream
        $pieces | Should -BeOfType [string]
        $pieces.Count | Should -BeGreaterThan 1
        -join $pieces | Should -BeExactly (Invoke-GptGenerate -Model $model 'Every' -MaxToken 12).Text
    }

    It 'stops generating when the pipeline needs no more' {
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        Invoke-GptGenerate -Model $model 'Every' -MaxToken 100000000 -Stream | Select-Object -First 3 | Should -HaveCount 3
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 60
    }

    It 'stops within a moment on Ctrl+C' {
        Measure-StopTime 'param($m) Invoke-GptGenerate Every -Model $m -MaxToken 100000000' @{ m = $model } | Should -BeLessThan 3 # on a busy machine
    }

    It 'stops within a second in the middle of a long prompt <how>' -ForEach @(
        @{ how = 'alone'; script = 'Invoke-GptGenerate ("a" * 6000000)' }
        @{ how = 'beside others'; script = '"a", ("a" * 6000000) | Invoke-GptGenerate' }
        @{ how = 'with -Stream'; script = 'Invoke-GptGenerate ("a" * 6000000) -Stream' }
        @{ how = 'with -SampleCount'; script = 'Invoke-GptGenerate ("a" * 6000000) -SampleCount 2' }
    ) {
        Measure-StopTime ('param($m) {0} -Model $m -MaxToken 1' -f $script) @{ m = $model } | Should -BeLessThan 3
    }

    It 'refuses <why> with the error <id>' -ForEach @(
        @{ why = 'a negative temperature'; id = 'InvalidGenerationOption'; arguments = @{ Temperature = -1 } }
        @{ why = 'a top-p of 0'; id = 'InvalidGenerationOption'; arguments = @{ TopP = 0; Temperature = 1 } }
        @{ why = 'an empty stop text'; id = 'InvalidGenerationOption'; arguments = @{ StopText = '' } }
        @{ why = 'no token'; id = 'ParameterArgumentValidationError'; arguments = @{ MaxToken = 0 } }
        @{ why = 'a stream of several samples'; id = 'StreamOfSeveralSamples'; arguments = @{ Stream = $true; SampleCount = 2 } }
    ) {
        { Invoke-GptGenerate -Model $model 'Every' @arguments } | Should -Throw -ErrorId "$id,MLNetGpt.Cmdlets.InvokeGptGenerateCommand"
    }

    It 'shows prompt and text' {
        $text = Invoke-GptGenerate -Model $model 'Every effort' -MaxToken 3
        ($text | Out-String).Trim() | Should -BeExactly $text.FullText.Trim()
    }

    It 'writes many prompts side by side, each as if it were alone' {
        $prompts = 1..11 | ForEach-Object { "Every effort $_" }
        $texts = $prompts | Invoke-GptGenerate -Model $model -MaxToken 5 -Temperature 1 -Seed 3 -BatchSize 4
        $texts.Prompt | Should -Be $prompts
        $alone = $prompts | ForEach-Object { Invoke-GptGenerate $_ -Model $model -MaxToken 5 -Temperature 1 -Seed 3 }
        $texts.Text | Should -BeExactly $alone.Text
    }

    It 'draws another text for each equal prompt without a seed' {
        $texts = 'Every', 'Every', 'Every' | Invoke-GptGenerate -Model $model -MaxToken 8 -Temperature 1
        $texts.Seed | Sort-Object -Unique | Should -HaveCount 3
        (Invoke-GptGenerate 'Every' -Model $model -MaxToken 8 -Temperature 1 -Seed $texts[1].Seed).Text | Should -BeExactly $texts[1].Text
    }

    It 'reports a prompt that cannot be continued, and continues the others' {
        $long = 'every ' * 40
        $texts = 'a', $long, 'b' | Invoke-GptGenerate -Model $model -MaxToken 2 -Overflow Stop -ErrorVariable failed -ErrorAction SilentlyContinue
        $texts.Prompt | Should -Be 'a', 'b'
        $failed.FullyQualifiedErrorId | Should -Be 'InputRefused,MLNetGpt.Cmdlets.InvokeGptGenerateCommand'
        $failed[0].TargetObject | Should -Be $long
        $failed[0].Exception.Message | Should -BeLike '*-Overflow is Stop*'
        $failed[0].Exception.Message | Should -Not -Match "Parameter '"
    }

    It 'gives tokens with their probabilities' {
        $text = Invoke-GptGenerate 'Every' -Model $model -MaxToken 4 -CandidateCount 2
        $text.Token | Should -HaveCount 4
        $text.Token.Id | Should -Be $text.Id
        $text.Token[0].TokenRank | Should -Be 1
        $text.LogProbability | Should -BeLessThan 0
        $quick = Invoke-GptGenerate 'Every' -Model $model -MaxToken 4
        $quick.Token | Should -BeNullOrEmpty
        $quick.LogProbability | Should -BeNullOrEmpty
        (Invoke-GptGenerate 'Every' -Model $model -MaxToken 4 -LogProbability).LogProbability | Should -Be $text.LogProbability
    }

    It 'has every setting of the library' {
        $settings = @{
            Temperature = 1; TopK = 40; TopP = 0.9; MinP = 0.01; RepetitionPenalty = 1.1; FrequencyPenalty = 0.1; PresencePenalty = 0.1; Seed = 1
            RandomAlgorithm = 'PyTorch'; StopText = 'zzz'; IgnoreEndOfText = $true; Overflow = 'KeepHalf'; SpecialToken = 'Literal'; BatchSize = 2
        }
        (Invoke-GptGenerate 'Every <|endoftext|>' -Model $model -MaxToken 20 @settings).TokenCount | Should -Be 20
        (Invoke-GptGenerate '<|endoftext|>' -Model $model -MaxToken 1).PromptTokenCount | Should -Be 1
        (Invoke-GptGenerate '<|endoftext|>' -Model $model -MaxToken 1 -SpecialToken Literal).PromptTokenCount | Should -BeGreaterThan 1
        (Invoke-GptGenerate 'Every' -Model $model -MaxToken 20 -Overflow Stop).FinishReason | Should -Be 'ContextFull'
        $greedy = Invoke-GptGenerate 'Every' -Model $model -MaxToken 12
        (Invoke-GptGenerate 'Every' -Model $model -MaxToken 12 -LookupDecoding).Text | Should -BeExactly $greedy.Text
        (Invoke-GptGenerate 'Every' -Model $model -MaxToken 12 -FrequencyPenalty 100).Id | Sort-Object -Unique | Should -HaveCount 12
    }

    It 'knows the names of other tools' {
        $text = Invoke-GptGenerate 'Every' -Model $model -MaxNewTokens 3 -Temperature 1 -top_p 0.9 -top_k 5 -Seed 1
        $text.Text | Should -BeExactly (Invoke-GptGenerate 'Every' -Model $model -max_new_tokens 3 -Temperature 1 -TopP 0.9 -TopK 5 -Seed 1).Text
        (Invoke-GptGenerate 'Every' -Model $model -MaxTokens 3).TokenCount | Should -Be 3
    }

    It 'refuses <why>, which would be ignored' -ForEach @(
        @{ why = '-TopP without -Temperature'; arguments = @{ TopP = 0.5 } }
        @{ why = '-TopK without -Temperature'; arguments = @{ TopK = 5 } }
        @{ why = '-RandomAlgorithm without -Temperature'; arguments = @{ RandomAlgorithm = 'PyTorch' } }
        @{ why = '-LogProbability with -Stream'; arguments = @{ LogProbability = $true; Stream = $true } }
        @{ why = '-SampleCount with -LookupDecoding'; arguments = @{ SampleCount = 2; LookupDecoding = $true } }
    ) {
        { Invoke-GptGenerate 'Every' -Model $model @arguments } |
            Should -Throw -ErrorId 'ParameterWithoutEffect,MLNetGpt.Cmdlets.InvokeGptGenerateCommand'
    }

    It 'names its parameters in errors' {
        { Invoke-GptGenerate 'Every' -Model $model -StopText '' } | Should -Throw '-StopText`[0`] is empty*'
    }
}
