BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -TiedHead $false
}

Describe 'Invoke-GptGenerate' {
    It 'continues a prompt greedily, the same each time' {
        $first, $second = 1..2 | ForEach-Object { Invoke-GptGenerate -Model $model 'Every effort' -MaxTokens 12 }
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
        $texts = 'Every', 'I really' | Invoke-GptGenerate -Model $model -MaxTokens 3
        $texts.Prompt | Should -Be 'Every', 'I really'
        $texts[1].Text | Should -BeExactly (Invoke-GptGenerate -Model $model -Prompt 'I really' -MaxTokens 3).Text
    }

    It 'goes on past the context' {
        $model.Config.ContextLength | Should -BeLessThan 20
        (Invoke-GptGenerate -Model $model 'Every effort' -MaxTokens 20).TokenCount | Should -Be 20
    }

    It 'starts a document from an empty prompt' {
        (Invoke-GptGenerate -Model $model '' -MaxTokens 2).TokenCount | Should -Be 2
    }

    It 'draws the same text from the same seed, and others from others' {
        $texts = 5, 5, 6 | ForEach-Object { Invoke-GptGenerate -Model $model 'Every' -MaxTokens 8 -Temperature 1 -Seed $_ }
        $texts[0].Text | Should -BeExactly $texts[1].Text
        $texts[0].Text | Should -Not -BeExactly $texts[2].Text
        $texts.Seed | Should -Be 5, 5, 6
    }

    It 'reports a seed that repeats a text which was drawn without one' {
        $drawn = Invoke-GptGenerate -Model $model 'Every' -MaxTokens 8 -Temperature 1
        (Invoke-GptGenerate -Model $model 'Every' -MaxTokens 8 -Temperature 1 -Seed $drawn.Seed).Text | Should -BeExactly $drawn.Text
    }

    It 'draws several samples' {
        $samples = Invoke-GptGenerate -Model $model 'Every' -MaxTokens 8 -Temperature 1 -Seed 1 -SampleCount 3
        $samples.Sample | Should -Be 0, 1, 2
        $samples.Text | Sort-Object -Unique | Should -HaveCount 3
    }

    It 'is greedy with -TopK 1 and with a tiny -TopP' {
        $greedy = (Invoke-GptGenerate -Model $model 'Every' -MaxTokens 8).Text
        (Invoke-GptGenerate -Model $model 'Every' -MaxTokens 8 -Temperature 1 -TopK 1).Text | Should -BeExactly $greedy
        (Invoke-GptGenerate -Model $model 'Every' -MaxTokens 8 -Temperature 1 -TopP 1e-9).Text | Should -BeExactly $greedy
    }

    It 'stops at a stop text, which is not part of the result' {
        $ids = (Invoke-GptGenerate -Model $model 'Every' -MaxTokens 8).Id
        $before = ConvertFrom-GptToken $ids[0..2]
        $stop = ConvertFrom-GptToken $ids[3]
        $text = Invoke-GptGenerate -Model $model 'Every' -MaxTokens 8 -StopText $stop
        $text.FinishReason | Should -Be 'StopSequence'
        $text.Text.Contains($stop) | Should -BeFalse
        $text.Text.Length | Should -BeLessOrEqual $before.Length
    }

    It 'streams the same text in pieces' {
        $pieces = Invoke-GptGenerate -Model $model 'Every' -MaxTokens 12 -Stream
        $pieces | Should -BeOfType [string]
        $pieces.Count | Should -BeGreaterThan 1
        -join $pieces | Should -BeExactly (Invoke-GptGenerate -Model $model 'Every' -MaxTokens 12).Text
    }

    It 'stops generating when the pipeline needs no more' {
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        Invoke-GptGenerate -Model $model 'Every' -MaxTokens 100000000 -Stream | Select-Object -First 3 | Should -HaveCount 3
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 60
    }

    It 'stops within a moment on Ctrl+C' {
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddCommand('Invoke-GptGenerate').AddParameter('Model', $model).AddParameter('Prompt', 'Every').AddParameter('MaxTokens', 100000000)
        $running = $shell.BeginInvoke()
        Start-Sleep -Milliseconds 1500
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $stopping = $shell.BeginStop($null, $null)
        $stopping.AsyncWaitHandle.WaitOne(20000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $running.AsyncWaitHandle.WaitOne(20000) | Should -BeTrue
        $shell.Dispose()
    }

    It 'refuses <why> with the error <id>' -ForEach @(
        @{ why = 'a negative temperature'; id = 'InvalidGenerationOption'; arguments = @{ Temperature = -1 } }
        @{ why = 'a top-p of 0'; id = 'InvalidGenerationOption'; arguments = @{ TopP = 0 } }
        @{ why = 'an empty stop text'; id = 'InvalidGenerationOption'; arguments = @{ StopText = '' } }
        @{ why = 'no token'; id = 'ParameterArgumentValidationError'; arguments = @{ MaxTokens = 0 } }
        @{ why = 'a stream of several samples'; id = 'StreamOfSeveralSamples'; arguments = @{ Stream = $true; SampleCount = 2 } }
    ) {
        { Invoke-GptGenerate -Model $model 'Every' @arguments } | Should -Throw -ErrorId "$id,MLNetGpt.Cmdlets.InvokeGptGenerateCommand"
    }

    It 'shows prompt and text' {
        $text = Invoke-GptGenerate -Model $model 'Every effort' -MaxTokens 3
        ($text | Out-String).Trim() | Should -BeExactly $text.FullText.Trim()
    }

    It 'shows control characters, which a terminal would obey, by their numbers' {
        $text = Invoke-GptGenerate -Model $model "Every`e[31m`neffort" -MaxTokens 1
        $text.FullText | Should -Match "`e"
        $text | Out-String | Should -Match '\\u001b\[31m\r?\n'
    }
}
