BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -TiedHead:$false
}

Describe 'Get-GptLoss' {
    Context 'texts' {
        It 'measures every token but the first' {
            $loss = Get-GptLoss -Model $model 'every effort moves you'
            $loss | Should -BeOfType 'MLNetGpt.Output.GptLoss'
            $loss.TokenCount | Should -Be 3
            $loss.ByteCount | Should -Be ' effort moves you'.Length
            $loss.DocumentCount | Should -Be 1
            $loss.VocabularySize | Should -Be 50257
        }

        It 'is near guessing for a model without training' {
            $loss = Get-GptLoss -Model $model 'every effort moves you'
            [math]::Abs($loss.CrossEntropy - [math]::Log(50257)) | Should -BeLessThan 1
            $loss.UniformCrossEntropy | Should -Be ([math]::Log(50257))
        }

        It 'gives perplexity, bits per token and bits per byte of the same sum' {
            $loss = Get-GptLoss -Model $model 'every effort moves you'
            $bits = $loss.NegativeLogLikelihood / [math]::Log(2)
            $loss.CrossEntropy | Should -Be ($loss.NegativeLogLikelihood / 3)
            [math]::Abs($loss.Perplexity / [math]::Exp($loss.CrossEntropy) - 1) | Should -BeLessThan 1e-12
            [math]::Abs($loss.BitsPerToken * 3 / $bits - 1) | Should -BeLessThan 1e-12
            [math]::Abs($loss.BitsPerByte * 17 / $bits - 1) | Should -BeLessThan 1e-12
        }

        It 'gives one object for each text from the pipeline' {
            $losses = 'every effort moves you', 'I really like chocolate' | Get-GptLoss -Model $model
            $losses | Should -HaveCount 2
            $losses[0].CrossEntropy | Should -Be (Get-GptLoss -Model $model 'every effort moves you').CrossEntropy
            $losses[1].CrossEntropy | Should -Be (Get-GptLoss -Model $model -Text 'I really like chocolate').CrossEntropy
        }

        It 'predicts the first token as well with -PrependEndOfText' {
            $loss = Get-GptLoss -Model $model 'every effort' -PrependEndOfText
            $loss.TokenCount | Should -Be 2
            $loss.ByteCount | Should -Be 12
        }

        It 'has nothing to predict in <what>' -ForEach @(
            @{ what = 'an empty text'; text = '' }
            @{ what = 'a text of one token'; text = 'every' }
        ) {
            $loss = Get-GptLoss -Model $model $text
            $loss.TokenCount | Should -Be 0
            [double]::IsNaN($loss.CrossEntropy) | Should -BeTrue
        }

        It 'scores each token of a text longer than the context once' {
            $text = 'every effort moves you ' * 20
            $count = @(ConvertTo-GptToken $text).Count
            $count | Should -BeGreaterThan ($model.Config.ContextLength * 2)
            (Get-GptLoss -Model $model $text).TokenCount | Should -Be ($count - 1)
        }
    }

    Context 'files' {
        BeforeAll {
            Set-Content -Path TestDrive:/one.txt -Value 'every effort moves you' -NoNewline
            Set-Content -Path TestDrive:/two.txt -Value 'I really like chocolate' -NoNewline
        }

        It 'measures a file as its text, and names it' {
            $loss = Get-GptLoss -Model $model -Path TestDrive:/one.txt
            $loss.CrossEntropy | Should -Be (Get-GptLoss -Model $model 'every effort moves you').CrossEntropy
            $loss.Source | Should -BeLike '*one.txt'
        }

        It 'takes wildcards, and files from the pipeline' {
            Get-GptLoss -Model $model -Path TestDrive:/*.txt | Should -HaveCount 2
            Get-ChildItem TestDrive:/ | Get-GptLoss -Model $model | Should -HaveCount 2
        }

        It 'reports a missing file and goes on' {
            $losses = Get-GptLoss -Model $model -LiteralPath TestDrive:/none.txt, TestDrive:/one.txt -ErrorAction SilentlyContinue -ErrorVariable missing
            $losses | Should -HaveCount 1
            $missing.FullyQualifiedErrorId | Should -Be 'PathNotFound,MLNetGpt.Cmdlets.GetGptLossCommand'
        }
    }

    Context 'tokens' {
        It 'writes each predicted token with probability, surprisal and rank' {
            $tokens = Get-GptLoss -Model $model 'every effort moves you' -PerToken
            $tokens | Should -HaveCount 3
            $tokens | Should -BeOfType 'MLNetGpt.Output.GptTokenLoss'
            $tokens.Text | Should -BeExactly ' effort', ' moves', ' you'
            $tokens.Id | Should -Be 3626, 6100, 345
            $tokens.Position | Should -Be 1, 2, 3
            foreach ($token in $tokens) {
                $token.TokenRank | Should -BeGreaterThan 0
                [math]::Abs($token.Probability - [math]::Exp(-$token.NegativeLogLikelihood)) | Should -BeLessThan 1e-15
                [math]::Abs($token.Bits - $token.NegativeLogLikelihood / [math]::Log(2)) | Should -BeLessThan 1e-12
            }
        }

        It 'adds up to the loss of the text' {
            $sum = (Get-GptLoss -Model $model 'every effort moves you' -PerToken | Measure-Object NegativeLogLikelihood -Sum).Sum
            [math]::Abs($sum - (Get-GptLoss -Model $model 'every effort moves you').NegativeLogLikelihood) | Should -BeLessThan 1e-9
        }

        It 'gives entropy and candidates where they are asked for' {
            $plain = Get-GptLoss -Model $model 'every effort moves you' -PerToken
            $tokens = Get-GptLoss -Model $model 'every effort moves you' -PerToken -Entropy -CandidateCount 3
            $tokens.NegativeLogLikelihood | Should -Be $plain.NegativeLogLikelihood
            $plain[0].Entropy | Should -BeNullOrEmpty
            $plain[0].Candidate | Should -HaveCount 0
            foreach ($token in $tokens) {
                $token.Entropy | Should -BeGreaterThan 0
                $token.Entropy | Should -BeLessThan ([math]::Log(50257))
                $token.Candidate | Should -HaveCount 3
                $token.Candidate[0].Probability | Should -BeGreaterThan $token.Candidate[1].Probability
            }
            $tokens[1].Start | Should -Be 12
            $tokens.TextLength | Should -Be 7, 6, 4
            $tokens.ContextCount | Should -Be 1, 2, 3
        }

        It 'shows tokens more of the text with a smaller stride, and scores each once' {
            $text = 'every effort moves you ' * 40
            $length = $model.Config.ContextLength
            $strided = Get-GptLoss -Model $model $text -PerToken -Stride 3
            $strided | Should -HaveCount (Get-GptLoss -Model $model $text).TokenCount
            ($strided | Select-Object -Skip $length | Measure-Object ContextCount -Minimum).Minimum | Should -BeGreaterThan ($length - 3)
            { Get-GptLoss -Model $model $text -Stride ($length + 1) } | Should -Throw -ErrorId 'OptionsRefused,*'
        }

        It 'never cuts a character' {
            $text = "x $([char]::ConvertFromUtf32(0x1F600)) y"
            $tokens = Get-GptLoss -Model $model $text -PerToken -PrependEndOfText
            -join $tokens.Text | Should -BeExactly $text
            [System.Text.Encoding]::UTF8.GetString([byte[]]$tokens.Bytes) | Should -BeExactly $text
            -join $tokens.Token | Should -BeExactly 'x <F0><9F><98><80> y'
            foreach ($i in 1..($tokens.Count - 1)) { $tokens[$i].ByteStart | Should -Be ($tokens[$i - 1].ByteStart + $tokens[$i - 1].Bytes.Count) }
            $tokens | Out-String | Should -Match '<F0>'
        }

        It 'agrees with the steps about the probabilities of the targets' {
            $tokens = Get-GptLoss -Model $model 'every effort moves you' -PerToken
            $step = Get-GptLoss -Model $model 'every effort moves you' -Step
            foreach ($i in 0..2) {
                [math]::Abs($step.TargetProbability[0][$i] / $tokens[$i].Probability - 1) | Should -BeLessThan 1e-4
            }
        }
    }

    Context 'ids' {
        It 'measures rows of ids as the texts that they are' {
            $ids = ConvertTo-GptToken 'every effort moves you' -IdOnly
            $loss = Get-GptLoss -Model $model -InputId $ids[0..2] -TargetId $ids[1..3]
            $loss.CrossEntropy | Should -Be (Get-GptLoss -Model $model 'every effort moves you').CrossEntropy
            $loss.ByteCount | Should -Be 17
        }

        It 'measures several rows of different length together' {
            $loss = Get-GptLoss -Model $model -InputId (16833, 3626), (40, 1107, 588) -TargetId (3626, 6100), (1107, 588, 11311)
            $loss.TokenCount | Should -Be 5
            $loss.DocumentCount | Should -Be 2
        }

        It 'counts the positions of each row anew' {
            $tokens = Get-GptLoss -Model $model -InputId (1, 2, 3), (4, 5), (6, 7) -TargetId (2, 3, 4), (5, 6), (7, 8) -PerToken
            $tokens.Position | Should -Be 1, 2, 3, 1, 2, 1, 2
            $tokens.ContextCount | Should -Be 1, 2, 3, 1, 2, 1, 2
            $tokens.Start[3, 5] | Should -Be 0, 0
            $tokens | Export-GptLossReport TestDrive:/rows.html
            [regex]::Matches((Get-Content TestDrive:/rows.html -Raw), '<div class="text"').Count | Should -Be 3
        }

        It 'refuses <why> with the error InputRefused' -ForEach @(
            @{ why = 'inputs and targets of different shape'; in = (1, 2, 3); target = (1, 2) }
            @{ why = 'an id outside the vocabulary'; in = (1, 2, 50257); target = (1, 2, 3) }
            @{ why = 'a negative target'; in = (1, 2, 3); target = (1, 2, -1) }
        ) {
            { Get-GptLoss -Model $model -InputId $in -TargetId $target -ErrorAction Stop } | Should -Throw -ErrorId 'InputRefused,MLNetGpt.Cmdlets.GetGptLossCommand'
        }

        It 'refuses steps of rows of different length' {
            { Get-GptLoss -Model $model -InputId (1, 2), (1, 2, 3) -TargetId (1, 2), (1, 2, 3) -Step -ErrorAction Stop } | Should -Throw -ErrorId 'InputRefused,*'
        }
    }

    It 'refuses -PerToken together with -Step' {
        { Get-GptLoss -Model $model 'a b' -PerToken -Step } | Should -Throw -ErrorId 'PerTokenAndStep,*'
    }

    It 'refuses steps of one token, and goes on with the next text' {
        $steps = 'every', 'every effort' | Get-GptLoss -Model $model -Step -ErrorAction SilentlyContinue -ErrorVariable refused
        $steps | Should -HaveCount 1
        $refused.TargetObject | Should -Be 'every'
    }

    It 'needs a model' {
        { Get-GptLoss -Model $null -Text 'a' } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }

    It 'reports a model that was disposed' {
        $gone = New-GptModel tiny
        $gone.Dispose()
        { Get-GptLoss -Model $gone 'every effort' } | Should -Throw -ErrorId 'ModelDisposed,*'
    }

    It 'shows losses, tokens and steps readably' {
        Get-GptLoss -Model $model 'every effort moves' | Out-String | Should -Match 'CrossEntropy\s+Perplexity\s+Bits/Byte'
        Get-GptLoss -Model $model 'every effort moves' -PerToken | Out-String | Should -Match "Probability\s+Loss\s+Bits\s+Rank\s+Text"
        Get-GptLoss -Model $model 'every effort moves' -Step | Out-String | Should -Match 'Negative mean\s+:'
    }
}
