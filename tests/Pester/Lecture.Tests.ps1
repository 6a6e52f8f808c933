BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel lecture
    $step = Get-GptLoss -Model $model -InputId (16833, 3626, 6100), (40, 1107, 588) -TargetId (3626, 6100, 345), (1107, 588, 11311) -Step
}

# The numbers that the lecture's PyTorch program prints, right after manual_seed(123).
Describe "The lecture's numbers" {
    It 'has 162 million parameters, two matrices of 38,597,376 among them' {
        $model.ParameterCount | Should -Be 162419712
        $parts = ($model | Get-GptModelInfo).Part
        ($parts | Where-Object Name -EQ 'Token embedding').ParameterCount | Should -Be 38597376
        ($parts | Where-Object Name -EQ 'Output head').ParameterCount | Should -Be 38597376
        ($parts | Measure-Object ParameterCount -Sum).Sum | Should -Be 162419712
    }

    It 'reads inputs and targets' {
        $step.InputText | Should -BeExactly 'every effort moves', 'I really like'
        $step.TargetText | Should -BeExactly ' effort moves you', ' really like chocolate'
    }

    It 'has probabilities of the shape (2, 3, 50257)' {
        $step.ProbabilityShape | Should -Be 2, 3, 50257
    }

    It 'holds these ids most probable' {
        $step.PredictedId[0] | Should -Be 16657, 339, 42826
        $step.PredictedId[1] | Should -Be 49906, 29669, 41751
        $step.PredictedText[0] | Should -BeExactly ' Armed heNetflix'
    }

    It 'gives the targets these probabilities' {
        # In double precision the first is 7.45405e-05 less 3e-12: its last printed digit is at the mercy of float rounding.
        $printed = 7.4541e-05, 3.1061e-05, 1.1563e-05, 1.0337e-05, 5.6776e-05, 4.7559e-06
        $lastDigit = 1e-9, 1e-9, 1e-9, 1e-9, 1e-9, 1e-10
        $probabilities = $step.TargetProbability | ForEach-Object { $_ }
        foreach ($i in 0..5) {
            [math]::Abs($probabilities[$i] - $printed[$i]) | Should -BeLessThan ($lastDigit[$i] / 2 + 2e-6 * $printed[$i])
        }
    }

    It 'takes these logarithms, their mean and its negative' {
        $printed = $step.LogProbability | ForEach-Object { $_ } | ForEach-Object { $_.ToString('F4', [cultureinfo]::InvariantCulture) }
        $printed | Should -Be '-9.5042', '-10.3796', '-11.3677', '-11.4798', '-9.7764', '-12.2561'
        $step.MeanLogProbability.ToString('F4', [cultureinfo]::InvariantCulture) | Should -Be '-10.7940'
        $step.NegativeMeanLogProbability.ToString('F4', [cultureinfo]::InvariantCulture) | Should -Be '10.7940'
    }

    It 'has the same cross-entropy in one call, and this perplexity' {
        $step.CrossEntropy.ToString('F4', [cultureinfo]::InvariantCulture) | Should -Be '10.7940'
        $step.Perplexity.ToString('F4', [cultureinfo]::InvariantCulture) | Should -Be '48725.8203'
        $loss = Get-GptLoss -Model $model -InputId (16833, 3626, 6100), (40, 1107, 588) -TargetId (3626, 6100, 345), (1107, 588, 11311)
        $loss.CrossEntropy.ToString('F4', [cultureinfo]::InvariantCulture) | Should -Be '10.7940'
        $loss.Perplexity.ToString('F0', [cultureinfo]::InvariantCulture) | Should -Be '48726'
    }

    It 'shows all of it' {
        $shown = $step | Out-String
        foreach ($number in '3.1061e-05', '-9.5042', '-10.7940', '10.7940', '48725.8', '16657, 339, 42826', '(2, 3, 50257)') {
            $shown | Should -Match ([regex]::Escape($number))
        }
    }

    It 'writes these ten tokens' {
        (Invoke-GptGenerate -Model $model 'Every effort moves you' -MaxToken 10).Text |
            Should -BeExactly " rentingetic wasn$([char]0x0645) refres RexMeCHicular stren"
    }

    AfterAll { $model.Dispose() }
}
