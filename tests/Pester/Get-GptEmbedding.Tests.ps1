BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -ContextLength 16
    $texts = 'Every effort moves you', 'I really like chocolate', 'The whale rose'
    $long = $texts * 8 -join '. '
}

Describe 'Get-GptEmbedding' {
    It 'writes a vector as wide as the model for each text' {
        $embeddings = $texts | Get-GptEmbedding -Model $model
        $embeddings | Should -HaveCount 3
        $embeddings.Text | Should -Be $texts
        $embeddings.Index | Should -Be 0, 1, 2
        $embeddings.TokenCount | Should -Be ($texts | ForEach-Object { @(ConvertTo-GptToken $_ -IdOnly).Count })
        foreach ($embedding in $embeddings) {
            $embedding.Vector | Should -HaveCount $model.Config.EmbeddingWidth
            , $embedding.Vector | Should -BeOfType 'System.Single[]'
            $embedding.Source | Should -BeNullOrEmpty
        }
    }

    It 'gives the same bits to a text alone, among others, and on another number of threads' {
        $together = $texts + $long | Get-GptEmbedding -Model $model
        $single = New-GptModel tiny -ContextLength 16 -ThreadCount 1
        foreach ($embedding in $together) {
            (Get-GptEmbedding -Model $model $embedding.Text).Vector | Should -Be $embedding.Vector
            (Get-GptEmbedding -Model $single $embedding.Text).Vector | Should -Be $embedding.Vector
        }
    }

    It 'normalizes to a length of 1' {
        $plain = Get-GptEmbedding -Model $model $texts[0]
        $unit = Get-GptEmbedding -Model $model $texts[0] -Normalize
        ($unit.Vector | ForEach-Object { $_ * $_ } | Measure-Object -Sum).Sum | Should -BeGreaterThan 0.99999
        ($unit.Vector | ForEach-Object { $_ * $_ } | Measure-Object -Sum).Sum | Should -BeLessThan 1.00001
        [math]::Abs($plain.CosineSimilarity($unit) - 1) | Should -BeLessThan 1e-6
    }

    It 'takes the state of the last token, which sees those before it' {
        $last = Get-GptEmbedding -Model $model 'Every effort moves you' -Pooling Last
        $last.Vector | Should -Not -Be (Get-GptEmbedding -Model $model 'Every effort moves you').Vector
        $last.Vector | Should -Not -Be (Get-GptEmbedding -Model $model 'I effort moves you' -Pooling Last).Vector
        (Get-GptEmbedding -Model $model 'I' -Pooling Last).Vector | Should -Be (Get-GptEmbedding -Model $model 'I').Vector
    }

    It 'truncates no text: each token of one that is longer than the context counts' {
        $embedding = Get-GptEmbedding -Model $model $long
        $embedding.TokenCount | Should -BeGreaterThan 32
        $embedding.Vector | Should -Not -Be (Get-GptEmbedding -Model $model "$long!").Vector
        $embedding.Vector | Should -Not -Be (Get-GptEmbedding -Model $model "Now, $long").Vector
    }

    It 'compares vectors by the cosine' {
        $first, $second = $texts[0..1] | Get-GptEmbedding -Model $model
        $dot = $a = $b = 0.0
        for ($i = 0; $i -lt $first.Vector.Count; $i++) {
            $dot += $first.Vector[$i] * $second.Vector[$i]
            $a += $first.Vector[$i] * $first.Vector[$i]
            $b += $second.Vector[$i] * $second.Vector[$i]
        }
        [math]::Abs($first.CosineSimilarity($second) - $dot / [math]::Sqrt($a * $b)) | Should -BeLessThan 1e-9
        $first.CosineSimilarity($second.Vector) | Should -Be $first.CosineSimilarity($second)
        $first.CosineSimilarity((($second | ConvertTo-Json | ConvertFrom-Json).Vector)) | Should -BeGreaterThan -1
        { $first.CosineSimilarity([single[]](1, 2)) } | Should -Throw '*2 numbers*'
    }

    It 'takes objects, files and special tokens as other cmdlets do' {
        $expected = ($texts | Get-GptEmbedding -Model $model).Vector
        ($texts | ForEach-Object { [pscustomobject]@{ Text = $_ } } | Get-GptEmbedding -Model $model).Vector | Should -Be $expected
        (Get-GptEmbedding $texts $model).Vector | Should -Be $expected
        ($texts | Get-GptEmbedding $model).Vector | Should -Be $expected
        0..2 | ForEach-Object { Set-Content "TestDrive:/$_.txt" $texts[$_] -NoNewline }
        $files = Get-ChildItem TestDrive:/*.txt | Get-GptEmbedding -Model $model
        $files.Vector | Should -Be $expected
        $files.Source | Split-Path -Leaf | Should -Be '0.txt', '1.txt', '2.txt'
        (Get-GptEmbedding -Model $model -Path TestDrive:/*.txt).Vector | Should -Be $expected
        (Get-GptEmbedding -Model $model '<|endoftext|>').TokenCount | Should -Be 1
        (Get-GptEmbedding -Model $model '<|endoftext|>' -SpecialToken Literal).TokenCount | Should -Be 7
    }

    It 'reports what has no token, in its place, and goes on' {
        $output = $texts[0], '', $texts[1] | Get-GptEmbedding -Model $model -ErrorAction SilentlyContinue -ErrorVariable wrong
        $output.Index | Should -Be 0, 2
        $wrong | Should -HaveCount 1
        $wrong[0].FullyQualifiedErrorId | Should -Be 'InputRefused,MLNetGpt.Cmdlets.GetGptEmbeddingCommand'
        { Get-GptEmbedding 'a text' } | Should -Throw -ErrorId 'NoModel,MLNetGpt.Cmdlets.GetGptEmbeddingCommand'
    }

    It 'is shown as a table, with the beginning of the vector, alike in every culture' {
        $embedding = Get-GptEmbedding -Model $model "moves`n`e[31m you"
        $shown = foreach ($name in 'en-US', 'de-DE') {
            $culture = [cultureinfo]::CurrentCulture
            try {
                [cultureinfo]::CurrentCulture = $name
                $embedding | Out-String
            }
            finally { [cultureinfo]::CurrentCulture = $culture }
        }
        $shown[1] | Should -BeExactly $shown[0]
        $shown[0] | Should -Match ([regex]::Escape($embedding.Vector[0].ToString('F4', [cultureinfo]::InvariantCulture)))
        $shown[0] | Should -Match ([regex]::Escape('\n\u001b[31m'))
    }

    It 'stops within a second in a long text' {
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddScript('param($m, $t) Get-GptEmbedding $t $m').AddArgument((New-GptModel tiny -LayerCount 8)).AddArgument($long * 4000)
        $running = $shell.BeginInvoke()
        Start-Sleep -Milliseconds 1500
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        $shell.Stop()
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 3 # on a busy machine
        $running.AsyncWaitHandle.WaitOne(20000) | Should -BeTrue
        $shell.Dispose()
    }
}
