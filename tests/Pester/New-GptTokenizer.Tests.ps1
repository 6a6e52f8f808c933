BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    . (Join-Path $PSScriptRoot StopMidway.ps1)
    $text = 'every effort moves you. I really like chocolate. ' * 10
    $story = Join-Path $PSScriptRoot '../../samples/Data/the-verdict.txt'
}

Describe 'New-GptTokenizer' {
    It 'learns a vocabulary that a model is made and trained with' {
        $file = New-GptTokenizer -Path $story -VocabularySize 600 -DestinationPath TestDrive:/tokenizer.json
        $file | Should -BeOfType ([System.IO.FileInfo])
        $model = New-GptModel tiny -TokenizerPath $file -ContextLength 16 -EmbeddingWidth 16 -HeadCount 2 -LayerCount 1
        $model.Config.VocabularySize | Should -Be 600
        $trained = Invoke-GptTraining -Model $model -Path $story -MaxStep 20 -LearningRate 0.01
        (Get-GptLoss -Model $trained 'It had always been his fate').CrossEntropy | Should -BeLessThan ([math]::Log(600))
        Export-GptModel -Model $trained TestDrive:/own.safetensors
        $tokens = 'every effort' | ConvertTo-GptToken -Model (Import-GptModel TestDrive:/own.safetensors)
        -join $tokens.Text | Should -BeExactly 'every effort'
    }

    It 'learns the same from texts, from rows and from files' {
        [System.IO.File]::WriteAllText("$TestDrive/1.txt", $text)
        $settings = @{ VocabularySize = 280; Force = $true }
        $hashes = @(
            $text | New-GptTokenizer -DestinationPath TestDrive:/a.json @settings
            [pscustomobject]@{ Text = $text } | New-GptTokenizer -DestinationPath TestDrive:/b.json @settings
            Get-ChildItem TestDrive:/1.txt | New-GptTokenizer -DestinationPath TestDrive:/c.json @settings
        ) | Get-FileHash
        $hashes.Hash | Select-Object -Unique | Should -HaveCount 1
    }

    It 'has the special tokens that it is given' {
        $null = New-GptTokenizer $text -DestinationPath TestDrive:/s.json -VocabularySize 280 -SpecialToken '<end>', '<sep>'
        $model = New-GptModel tiny -TokenizerPath TestDrive:/s.json
        ('a<sep><end>' | ConvertTo-GptToken -Model $model).Id[1, 2] | Should -Be 1, 0
        $null = New-GptTokenizer $text -DestinationPath TestDrive:/n.json -VocabularySize 256 -SpecialToken @()
        (Get-Content TestDrive:/n.json -Raw | ConvertFrom-Json -AsHashtable).added_tokens | Should -BeNullOrEmpty
    }

    It 'says how many tokens there are with -Verbose, and warns if there are fewer' {
        $said = New-GptTokenizer $text -DestinationPath TestDrive:/v.json -VocabularySize 1000 -Verbose 3>&1 4>&1
        "$said" | Should -BeLike '*instead of 1,000: no other pair occurs 2 times.*tokens*merges*'
    }

    It 'replaces a file only with -Force, and writes nothing with -WhatIf' {
        Set-Content TestDrive:/old.json 'mine'
        { New-GptTokenizer $text -DestinationPath TestDrive:/old.json } | Should -Throw -ErrorId 'FileExists,*'
        New-GptTokenizer $text -DestinationPath TestDrive:/old.json -Force -WhatIf | Should -BeNullOrEmpty
        Get-Content TestDrive:/old.json | Should -Be 'mine'
    }

    It 'refuses <why> with the error <id>' -ForEach @(
        @{ why = 'a vocabulary without room for the bytes'; id = 'InputRefused'; arguments = @{ VocabularySize = 256 }; message = '-VocabularySize is 256; it must be at least 257, for the bytes and the special tokens.' }
        @{ why = 'a frequency of 0'; id = 'InputRefused'; arguments = @{ MinimumFrequency = 0 }; message = '-MinimumFrequency is 0; it must be at least 1.' }
        @{ why = 'the same special token twice'; id = 'InputRefused'; arguments = @{ SpecialToken = 'a', 'a' }; message = "The special token 'a' is given twice." }
        @{ why = 'no such folder'; id = 'FolderNotFound'; arguments = @{ DestinationPath = 'TestDrive:/none/a.json' }; message = '*does not exist*' }
    ) {
        $all = @{ Text = 'a'; DestinationPath = 'TestDrive:/refused.json' }
        foreach ($key in $arguments.Keys) { $all[$key] = $arguments[$key] }
        { New-GptTokenizer @all } | Should -Throw $message -ErrorId "$id,MLNetGpt.Cmdlets.NewGptTokenizerCommand"
        'TestDrive:/refused.json' | Should -Not -Exist
    }

    It 'refuses a tokenizer file that is none when a model is made' {
        Set-Content TestDrive:/bad.json '{}'
        { New-GptModel tiny -TokenizerPath TestDrive:/bad.json } | Should -Throw -ErrorId 'TokenizerInvalid,*'
        { New-GptModel tiny -TokenizerPath TestDrive:/missing.json } | Should -Throw -ErrorId 'TokenizerUnreadable,*'
    }

    It 'stops within a second in the middle of a long text' {
        $random = [random]::new(1)
        [System.IO.File]::WriteAllText("$TestDrive/long.txt", -join (1..400000 | ForEach-Object { [char] $random.Next(97, 123) }))
        $files = @{ from = "$TestDrive/long.txt"; to = "$TestDrive/stopped.json" }
        Measure-StopTime 'param($from, $to) New-GptTokenizer -Path $from -DestinationPath $to -VocabularySize 100000' $files | Should -BeLessThan 3 # on a busy machine
        "$TestDrive/stopped.json" | Should -Not -Exist
    }
}
