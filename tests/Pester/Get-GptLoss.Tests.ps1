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

        It 'scores only the tokens of a text that has a context' {
            $loss = Get-GptLoss -Model $model ' moves you' -Context 'every effort'
            $loss.TokenCount, $loss.ByteCount | Should -Be 2, ' moves you'.Length
            $loss.Context | Should -Be 'every effort'
            $loss.Text | Should -Be ' moves you'
            $whole = Get-GptLoss -Model $model 'every effort moves you'
            $start = Get-GptLoss -Model $model 'every effort'
            [math]::Abs($whole.NegativeLogLikelihood - $start.NegativeLogLikelihood - $loss.NegativeLogLikelihood) | Should -BeLessThan 1e-5
            $tokens = Get-GptLoss -Model $model ' moves you' -Context 'every effort' -PerToken
            $tokens.Text -join '' | Should -Be ' moves you'
            $tokens[1].ContextCount | Should -Be 3
            [math]::Abs(($tokens | Measure-Object NegativeLogLikelihood -Sum).Sum - $loss.NegativeLogLikelihood) | Should -BeLessThan 1e-9
            $loss | Format-List | Out-String | Should -Match 'Context +: .*every effort'
        }

        It 'takes pairs from the pipeline, and gives each the same bits as alone' {
            $pairs = @(
                [pscustomobject]@{ Context = 'every effort'; Text = ' moves you' }
                [pscustomobject]@{ Text = 'I really like chocolate' }
                [pscustomobject]@{ Context = 'every effort'; Text = ' moves them, and others' }
                [pscustomobject]@{ Context = ''; Text = 'every' }
                [pscustomobject]@{ Context = 'the cat '; Text = 'sat' }
            )
            $losses = $pairs | Get-GptLoss -Model $model
            $losses | Should -HaveCount 5
            $losses.Index | Should -Be 0, 1, 2, 3, 4
            $losses[1].Context, $losses[1].IsGreedy | Should -Be $null, $null
            $losses[1].ExactSum | Should -BeExactly (Get-GptLoss -Model $model 'I really like chocolate').ExactSum
            $losses[4].ExactSum | Should -BeExactly (Get-GptLoss -Model $model ' sat' -Context 'the cat').ExactSum
            foreach ($i in 0, 2, 3, 4) {
                $losses[$i].IsGreedy | Should -BeOfType bool
                $losses[$i].ExactSum | Should -BeExactly (Get-GptLoss -Model $model $pairs[$i].Text -Context $pairs[$i].Context).ExactSum
            }
            # Losses are texts again: those without a context stay without one.
            ($losses | Get-GptLoss -Model $model).ExactSum | Should -BeExactly $losses.ExactSum
            $next = Get-GptNextToken -Model $model 'every effort' -Count 1
            (Get-GptLoss -Model $model $next.Text -Context 'every effort').IsGreedy | Should -BeTrue
        }

        It 'reports a text that adds nothing to its context and goes on' {
            $losses = '', ' moves you' | Get-GptLoss -Model $model -Context 'every effort' -ErrorVariable errors -ErrorAction SilentlyContinue
            $losses | Should -HaveCount 1
            $errors[0].FullyQualifiedErrorId | Should -Be 'InputRefused,MLNetGpt.Cmdlets.GetGptLossCommand'
            { Get-GptLoss -Model $model ' a' -Context (Get-Date) } | Should -Throw -ExpectedMessage '*System.DateTime, which is not text.'
            { Get-GptLoss -Model $model ' a' -Context 'b' -Stride 2 } |
                Should -Throw -ErrorId 'ParameterWithoutEffect,MLNetGpt.Cmdlets.GetGptLossCommand' -ExpectedMessage '-Stride has no effect with -Context.*'
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

    Context 'many texts' {
        BeforeAll {
            $lines = foreach ($i in 1..300) { "line $i says every effort moves you" + ' on' * ($i % 7) }
            $alone = foreach ($line in $lines) { Get-GptLoss -Model $model $line }
        }

        It 'gives the same bits, in order, for texts that are measured together' {
            $together = $lines | Get-GptLoss -Model $model
            $together.ExactSum | Should -BeExactly $alone.ExactSum
            $together.Text | Should -BeExactly $lines
            $together.Index | Should -Be (0..299)
            $together.TextLength | Should -Be ($lines | ForEach-Object Length)
            (Get-GptLoss -Model $model -Text $lines).ExactSum | Should -BeExactly $alone.ExactSum
        }

        It 'gives the tokens of each text with its index' {
            $tokens = $lines[0..20] | Get-GptLoss -Model $model -PerToken
            $groups = $tokens | Group-Object TextIndex
            $groups | Should -HaveCount 21
            foreach ($i in 0..20) {
                -join $groups[$i].Group.Text | Should -BeExactly $lines[$i].Substring('line'.Length)
                ($groups[$i].Group | Measure-Object NegativeLogLikelihood -Sum).Sum | Should -Be $alone[$i].NegativeLogLikelihood
            }
        }

        It 'writes the first before the second is read' {
            $read = [System.Collections.Generic.List[int]]::new()
            $first = 1..5 | ForEach-Object { $read.Add($_); "every effort $_" } | Get-GptLoss -Model $model | Select-Object -First 1
            $first.Index | Should -Be 0
            $read | Should -HaveCount 1
        }

        It 'writes what came before an error that ends the pipeline' {
            Set-Content -Path TestDrive:/there.txt -Value 'every effort moves you' -NoNewline
            $seen = [System.Collections.Generic.List[object]]::new()
            $paths = @('TestDrive:/there.txt') * 3 + 'TestDrive:/gone.txt'
            { Get-GptLoss -Model $model -LiteralPath $paths -ErrorAction Stop | ForEach-Object { $seen.Add($_) } } |
                Should -Throw -ErrorId 'PathNotFound,*'
            $seen.Index | Should -Be 0, 1, 2
        }

        It 'measures the others when one has a loss that is not a number' {
            Export-GptModel -Model $model TestDrive:/broken.safetensors
            $file = Join-Path (Get-Item TestDrive:/).FullName broken.safetensors
            $bytes = [System.IO.File]::ReadAllBytes($file)
            $header = 8 + [System.BitConverter]::ToInt64($bytes, 0)
            $tensors = [System.Text.Encoding]::UTF8.GetString($bytes, 8, $header - 8) | ConvertFrom-Json -AsHashtable
            $embedding = $tensors[@($tensors.Keys -match 'wte\.weight|tok_emb\.weight')[0]]
            $id = ConvertTo-GptToken ' chocolate' -IdOnly
            $row = $header + $embedding.data_offsets[0] + 4 * $id * $model.Config.EmbeddingWidth
            [System.BitConverter]::GetBytes([float]::NaN).CopyTo($bytes, $row)
            [System.IO.File]::WriteAllBytes($file, $bytes)

            $texts = 'every effort', 'moves you', 'I really like chocolate a lot', 'on and on'
            $losses = $texts | Get-GptLoss -Model $file -ErrorAction SilentlyContinue -ErrorVariable refused
            $losses.Index | Should -Be 0, 1, 3
            $refused | Should -HaveCount 1
            $refused[0].FullyQualifiedErrorId | Should -Be 'NotANumber,MLNetGpt.Cmdlets.GetGptLossCommand'
            $refused[0].TargetObject | Should -Be $texts[2]
        }

        It 'writes tokens of a long text before all of it is measured' {
            $text = 'every effort moves you and I really like chocolate ' * 2000
            $tokens = Get-GptLoss -Model $model $text -PerToken | Select-Object -First 3
            $tokens.Position | Should -Be 1, 2, 3
            $null = Get-GptLoss -Model $model $text -PerToken -OutVariable written | Select-Object -First 1
            $written | Should -HaveCount 1
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
            $tokens.TextIndex | Should -Be 0, 0, 0, 1, 1, 2, 2
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

    It 'refuses <name>, which would have no effect' -ForEach @(
        @{ name = '-Entropy without -PerToken'; more = @{ Entropy = $true }; parameter = 'Entropy' }
        @{ name = '-CandidateCount without -PerToken'; more = @{ CandidateCount = 3 }; parameter = 'CandidateCount' }
        @{ name = '-Stride with -Step'; more = @{ Step = $true; Stride = 2 }; parameter = 'Stride' }
        @{ name = '-WindowLength with -Step'; more = @{ Step = $true; WindowLength = 2 }; parameter = 'WindowLength' }
        @{ name = '-LastWindow with -Step'; more = @{ Step = $true; LastWindow = 'AtEnd' }; parameter = 'LastWindow' }
    ) {
        $refused = { Get-GptLoss -Model $model 'a b c d' @more } | Should -Throw -ErrorId 'ParameterWithoutEffect,*' -PassThru
        $refused.TargetObject | Should -Be $parameter
    }

    It 'stops within a second in <name>' -ForEach @(
        @{ name = 'encoding a long text'; text = 'a' * 3000000 }
        @{ name = 'a long text'; text = 'every effort moves you ' * 100000 }
    ) {
        $shell = [powershell]::Create()
        $null = $shell.AddScript({
            param($module, $model, $text)
            Import-Module $module
            Get-GptLoss -Model $model $text
        }).AddArgument((Get-Module MLNetGpt).Path).AddArgument($model).AddArgument($text)
        $running = $shell.BeginInvoke()
        Start-Sleep -Milliseconds 1500
        $running.IsCompleted | Should -BeFalse
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        $shell.Stop()
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 3
        $running.AsyncWaitHandle.WaitOne(20000) | Should -BeTrue
        $shell.Dispose()
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
        Get-GptLoss -Model $model 'every effort moves' | Out-String | Should -Match 'CrossEntropy\s+StdError\s+Perplexity\s+Bits/Byte'
        Get-GptLoss -Model $model 'every effort moves' -PerToken | Out-String | Should -Match "Probability\s+Loss\s+Bits\s+Rank\s+Text"
        "$(Get-GptLoss -Model $model 'every effort moves')" | Should -Match '^\d+\.\d{4} nats per token'
        'every effort moves', "a`e[31m red" | Get-GptLoss -Model $model | Format-Table | Out-String -Width 120 |
            Should -Match "'every effort moves'(.|\n)+'a\\u001b\[31m red'"
        Get-GptLoss -Model $model 'every effort moves' | Format-Wide | Out-String | Should -Match 'nats per token'
        Get-GptLoss -Model $model 'every effort moves' -Step | Out-String | Should -Match 'Negative mean\s+:'
    }
}
