BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    . (Join-Path $PSScriptRoot StopMidway.ps1)
    $model = New-GptModel tiny -TiedHead:$false
}

Describe 'Get-GptNextToken' {
    It 'writes the most probable tokens, best first' {
        $tokens = Get-GptNextToken -Model $model 'Every effort moves'
        $tokens | Should -HaveCount 5
        $tokens | Should -BeOfType 'MLNetGpt.Output.GptNextToken'
        $tokens.TokenRank | Should -Be 1, 2, 3, 4, 5
        $tokens.Prompt | Should -Be (@('Every effort moves') * 5)
        foreach ($i in 1..4) { $tokens[$i].Probability | Should -BeLessOrEqual $tokens[$i - 1].Probability }
    }

    It 'gives probabilities that sum to 1 over the vocabulary' {
        $sum = (Get-GptNextToken -Model $model 'Every effort moves' -Count 100000 | Measure-Object Probability -Sum).Sum
        [math]::Abs($sum - 1) | Should -BeLessThan 1e-5
    }

    It 'names first what greedy generation writes first' {
        $best = Get-GptNextToken -Model $model 'Every effort moves' -Count 1
        (Invoke-GptGenerate -Model $model 'Every effort moves' -MaxToken 1).Id | Should -Be $best.Id
    }

    It 'agrees with the steps of the loss about the most probable token' {
        $step = Get-GptLoss -Model $model 'Every effort moves you' -Step
        (Get-GptNextToken -Model $model 'Every effort moves' -Count 1).Id | Should -Be $step.PredictedId[0][-1]
    }

    It 'takes texts and files from the pipeline' {
        Set-Content -Path TestDrive:/prompt.txt -Value 'Every effort' -NoNewline
        $fromText = 'Every effort', 'I really' | Get-GptNextToken -Model $model -Count 1
        $fromText.Prompt | Should -Be 'Every effort', 'I really'
        (Get-Item TestDrive:/prompt.txt | Get-GptNextToken -Model $model -Count 1).Id | Should -Be $fromText[0].Id
    }

    It 'reports a text of no token and goes on' {
        $tokens = '', 'Every' | Get-GptNextToken -Model $model -Count 1 -ErrorAction SilentlyContinue -ErrorVariable refused
        $tokens | Should -HaveCount 1
        $refused.FullyQualifiedErrorId | Should -Be 'InputRefused,MLNetGpt.Cmdlets.GetGptNextTokenCommand'
    }

    It 'refuses a count of 0' {
        { Get-GptNextToken -Model $model 'a' -Count 0 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }

    It 'shows candidates as a table' {
        Get-GptNextToken -Model $model 'Every effort' | Out-String | Should -Match 'Rank\s+Id\s+Probability\s+Text'
    }

    It 'stops within a second in the middle of a long text' {
        Measure-StopTime 'param($m) Get-GptNextToken ("a" * 6000000) -Model $m' @{ m = $model } | Should -BeLessThan 3 # on a busy machine
    }
}
