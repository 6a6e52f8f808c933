BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny
    $fixtures = Join-Path $PSScriptRoot '../Unit/Fixtures/Models'
    $cases = Join-Path $PSScriptRoot '../Unit/Fixtures/Cases'
}

Describe 'Import-GptModel' {
    It 'loads in another precision' {
        Export-GptModel -Model $model TestDrive:/i.safetensors
        $loaded = Import-GptModel TestDrive:/i.safetensors -Precision Int8
        $loaded.Precision | Should -Be 'Int8'
        $loaded.WeightBytes | Should -BeLessThan ($model.WeightBytes / 2)
    }

    It 'loads files by wildcard and from the pipeline' {
        $null = New-Item TestDrive:/two -ItemType Directory
        'a', 'b' | ForEach-Object { Export-GptModel -Model $model "TestDrive:/two/$_.safetensors" }
        (Import-GptModel TestDrive:/two/*.safetensors).Name | Should -Be 'a', 'b'
        (Get-ChildItem TestDrive:/two | Import-GptModel).Name | Should -Be 'a', 'b'
    }

    It 'reports a damaged file and goes on with the next' {
        Set-Content -Path TestDrive:/bad.safetensors -Value 'this is no model'
        Export-GptModel -Model $model TestDrive:/good.safetensors
        $loaded = Import-GptModel TestDrive:/bad.safetensors, TestDrive:/good.safetensors -ErrorAction SilentlyContinue -ErrorVariable wrong
        $loaded.Name | Should -Be 'good'
        $wrong.FullyQualifiedErrorId | Should -Be 'ModelFileInvalid,MLNetGpt.Cmdlets.ImportGptModelCommand'
        $wrong[0].TargetObject | Should -BeLike '*bad.safetensors'
    }

    It 'says that an empty file is empty' {
        $null = New-Item TestDrive:/zero.safetensors -ItemType File
        { Import-GptModel TestDrive:/zero.safetensors -ErrorAction Stop } | Should -Throw '*zero.safetensors*is empty.' -ErrorId 'ModelFileInvalid,*'
    }

    It 'computes with fewer threads, and says with -Verbose what it loaded' {
        Export-GptModel -Model $model TestDrive:/t.safetensors
        $told = $( $loaded = Import-GptModel TestDrive:/t.safetensors -ThreadCount 1 -Verbose ) 4>&1
        "$told" | Should -BeLike '*Loaded*t.safetensors*Float32*'
        (Get-GptLoss 'a b c d' $loaded).ExactSum | Should -BeExactly (Get-GptLoss 'a b c d' $model).ExactSum
    }

    It 'loads a folder and a file that other programs wrote' {
        $loaded = Import-GptModel "$fixtures/transformers"
        $loaded.Name | Should -Be 'transformers'
        $loaded.Format | Should -Be 'Hugging Face safetensors, F32'
        'low lower' | ConvertTo-GptToken -Model $loaded | Should -Not -BeNullOrEmpty
        (Get-Item "$fixtures/gguf/f32.gguf" | Import-GptModel).Format | Should -Be 'GGUF v3, F32'
    }

    It 'loads a package and a pipeline that ML.NET saved' {
        $loaded = Import-GptModel "$fixtures/own/package-1.gpt", "$fixtures/own/pipeline-1.zip" -ErrorAction Stop
        $loaded.Name | Should -Be 'package-1', 'pipeline-1'
        foreach ($each in $loaded) {
            [math]::Abs((Get-GptLoss -Model $each 'w1 w2 w3 w1').CrossEntropy - 2.0164923667907715) | Should -BeLessThan 1e-6
        }

        (Get-GptModelInfo "$fixtures/own/package-1.gpt", "$fixtures/own/pipeline-1.zip").VocabularySize | Should -Be $loaded.Config.VocabularySize
    }

    It 'refuses a model without a tokenizer of its vocabulary' {
        { Import-GptModel "$fixtures/openai" -ErrorAction Stop } | Should -Throw -ErrorId 'InputRefused,MLNetGpt.Cmdlets.ImportGptModelCommand'
    }

    It 'takes the tokenizer of another folder or file' {
        $null = New-Item TestDrive:/alone -ItemType Directory
        Export-GptModel -Model (Import-GptModel "$cases/hf-good") TestDrive:/alone/model.pth
        $loaded = Import-GptModel TestDrive:/alone/model.pth -HeadCount 4 -TokenizerPath "$cases/hf-good"
        $loss = 'Call me Ishmael. Some years ago.' | Get-GptLoss -Model $loaded
        [math]::Abs($loss.CrossEntropy - 6.773697194) | Should -BeLessThan 1e-6
        Import-GptModel TestDrive:/alone/model.pth -HeadCount 4 -TokenizerPath "$cases/hf-good/tokenizer.json" | Should -Not -BeNullOrEmpty
    }

    It 'ends where the tokenizer cannot be used' {
        { Import-GptModel "$cases/hf-good" -TokenizerPath "$cases/nanogpt" } | Should -Throw -ErrorId 'TokenizerInvalid,MLNetGpt.Cmdlets.ImportGptModelCommand'
        { Import-GptModel "$cases/hf-good" -TokenizerPath TestDrive:/none } | Should -Throw -ErrorId 'TokenizerUnreadable,MLNetGpt.Cmdlets.ImportGptModelCommand'
    }

    It 'warns of what it leaves aside' {
        $null = Import-GptModel "$cases/hf-leftover" -WarningVariable warned -WarningAction SilentlyContinue
        "$warned" | Should -BeLike '*multiple_choice_head*'
    }

    It 'uses a stored head only where it is asked for' {
        { Import-GptModel "$cases/hf-tied-but-differs" -ErrorAction Stop } | Should -Throw -ErrorId 'ModelFileInvalid,MLNetGpt.Cmdlets.ImportGptModelCommand'
        $loss = 'Call me Ishmael. Some years ago.' | Get-GptLoss -Model (Import-GptModel "$cases/hf-tied-but-differs" -UseStoredHead)
        [math]::Abs($loss.CrossEntropy - 6.719993855) | Should -BeLessThan 1e-6
    }

    It 'reports a missing file' {
        { Import-GptModel TestDrive:/none.safetensors -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound,MLNetGpt.Cmdlets.ImportGptModelCommand'
    }

    It 'completes files of models, and no other files' {
        Set-Content -Path TestDrive:/story.txt -Value 'x'
        Export-GptModel -Model $model TestDrive:/story.safetensors
        foreach ($path in "$TestDrive/story", 'TestDrive:/story') {
            $line = "Import-GptModel $path"
            (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be "$path.safetensors"
        }
    }

    It 'completes a name with brackets so that it is taken literally, and hidden folders after a dot' {
        Export-GptModel -Model $model "$TestDrive/zz[1].safetensors"
        $null = New-Item "$TestDrive/.cache" -ItemType Directory
        $line = "Import-GptModel $TestDrive/zz"
        $completed = (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText
        $completed | Should -Be "'$TestDrive/zz``[1``].safetensors'"
        (& ([scriptblock]::Create("Import-GptModel $completed"))).Name | Should -Be 'zz[1]'
        $line = "Import-GptModel '$TestDrive/zz``[1"
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be $completed
        $line = "Import-GptModel $TestDrive/.c"
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be "$TestDrive/.cache"
    }

    It 'takes a file with brackets in its name, and reports a pattern that nothing matches' {
        Export-GptModel -Model $model "$TestDrive/out [x].safetensors"
        foreach ($cmdlet in 'Import-GptModel', 'Get-GptModelInfo') {
            (& $cmdlet "$TestDrive/out [x].safetensors" -ErrorAction Stop).Name | Should -Be 'out [x]'
            ([pscustomobject]@{ Path = "$TestDrive/out [x].safetensors" } | & $cmdlet -ErrorAction Stop).Name | Should -Be 'out [x]'
            foreach ($pattern in "$TestDrive/none*.gguf", "$TestDrive/out [y].safetensors", "$TestDrive/out [z.safetensors") {
                & $cmdlet $pattern -ErrorAction SilentlyContinue -ErrorVariable missing | Should -BeNullOrEmpty
                $missing | Should -HaveCount 1
                $missing[0].FullyQualifiedErrorId | Should -BeLike 'PathNotFound,*'
                $missing[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
                $missing[0].TargetObject | Should -Be $pattern
            }
        }
    }
}
