BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny
}

Describe 'Export-GptModel' {
    It 'gives back a model that measures the same' {
        Export-GptModel -Model $model TestDrive:/m.safetensors
        $loaded = Import-GptModel TestDrive:/m.safetensors
        $loaded | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        $loaded.Name | Should -Be 'm'
        $loaded.Source | Should -BeLike '*m.safetensors'
        $loaded.Config | Should -Be $model.Config
        (Get-GptLoss -Model $loaded 'every effort moves you').ExactSum | Should -BeExactly (Get-GptLoss -Model $model 'every effort moves you').ExactSum
    }

    It 'writes nothing to the pipeline, and the file with -PassThru' {
        $model | Export-GptModel -Path TestDrive:/p.safetensors | Should -BeNullOrEmpty
        $file = $model | Export-GptModel -Path TestDrive:/q.safetensors -PassThru
        $file | Should -BeOfType [System.IO.FileInfo]
        $file.Length | Should -BeGreaterThan ($model.ParameterCount * 4)
    }

    It 'halves the file with -DataType <_>' -ForEach 'Float16', 'BFloat16' {
        $full = Export-GptModel -Model $model TestDrive:/full.safetensors -PassThru -Force
        $half = Export-GptModel -Model $model TestDrive:/half.safetensors -DataType $_ -PassThru -Force
        [math]::Abs($half.Length / $full.Length - 0.5) | Should -BeLessThan 0.01
        $loss = Get-GptLoss -Model (Import-GptModel TestDrive:/half.safetensors) 'every effort moves you'
        [math]::Abs($loss.CrossEntropy - (Get-GptLoss -Model $model 'every effort moves you').CrossEntropy) | Should -BeLessThan 0.01
    }

    It 'refuses a weight beyond the range of half precision, or clamps it with -ClampToRange' {
        # One weight of a small model is replaced by 100000 in the file, whose numbers are single precision after a header.
        $path = (Export-GptModel -Model $model TestDrive:/far.safetensors -PassThru).FullName
        $bytes = [IO.File]::ReadAllBytes($path)
        [BitConverter]::GetBytes([float]100000).CopyTo($bytes, 8 + [BitConverter]::ToInt64($bytes, 0) + 400)
        [IO.File]::WriteAllBytes($path, $bytes)
        $far = Import-GptModel $path
        Set-Content -Path TestDrive:/there.gguf -Value 'old'

        Export-GptModel -Model $far TestDrive:/there.gguf -DataType Float16 -Force -ErrorAction SilentlyContinue -ErrorVariable refused
        "$refused" | Should -BeLike '*100000*'
        Get-Content TestDrive:/there.gguf | Should -Be 'old'

        Export-GptModel -Model $far TestDrive:/there.gguf -DataType Float16 -Force -ClampToRange
        (Get-GptLoss -Model (Import-GptModel TestDrive:/there.gguf) 'every effort moves you').CrossEntropy | Should -BeGreaterThan 0
    }

    It 'writes nothing with -WhatIf' {
        Export-GptModel -Model $model TestDrive:/w.safetensors -WhatIf
        'TestDrive:/w.safetensors' | Should -Not -Exist
    }

    It 'replaces a file only with -Force' {
        Set-Content -Path TestDrive:/there.safetensors -Value 'old'
        Export-GptModel -Model $model TestDrive:/there.safetensors -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused.FullyQualifiedErrorId | Should -Be 'FileExists,MLNetGpt.Cmdlets.ExportGptModelCommand'
        $refused[0].CategoryInfo.Category | Should -Be 'ResourceExists'
        Get-Content TestDrive:/there.safetensors -Raw | Should -BeLike 'old*'
        Export-GptModel -Model $model TestDrive:/there.safetensors -Force
        Import-GptModel TestDrive:/there.safetensors | Should -Not -BeNullOrEmpty
    }

    It 'ends where the folder is not there' {
        { Export-GptModel -Model $model TestDrive:/nowhere/m.safetensors } | Should -Throw -ErrorId 'FolderNotFound,*'
    }

    It 'writes <Format> by the extension of <Name>' -ForEach @(
        @{ Name = 'e.pth'; Format = 'PyTorch'; Begin = 'PK' }
        @{ Name = 'e.onnx'; Format = 'Onnx'; Begin = "$([char]8)$([char]8)" }
    ) {
        $file = Export-GptModel -Model $model "TestDrive:/$Name" -PassThru
        $file | Should -BeOfType [System.IO.FileInfo]
        $bytes = [System.IO.File]::ReadAllBytes($file.FullName)
        [System.Text.Encoding]::Latin1.GetString($bytes, 0, 2) | Should -Be $Begin
        $bytes.Length | Should -BeGreaterThan ($model.ParameterCount * 4)
    }

    It 'writes GGUF with blocks of eight bits' {
        $whole = Export-GptModel -Model $model TestDrive:/e.gguf -NoTokenizer -PassThru
        [System.Text.Encoding]::ASCII.GetString([System.IO.File]::ReadAllBytes($whole.FullName), 0, 4) | Should -Be 'GGUF'
        $blocks = Export-GptModel -Model $model TestDrive:/q.gguf -NoTokenizer -DataType Q8_0 -PassThru
        $blocks.Length / $whole.Length | Should -BeLessThan 0.4
    }

    It 'writes GGUF with blocks of four bits, and what has them stays as it is' {
        $blocks = Export-GptModel -Model $model TestDrive:/q8.gguf -DataType Q8_0 -PassThru
        $small = Export-GptModel -Model $model TestDrive:/q4.gguf -DataType Q4_0 -PassThru
        $small.Length | Should -BeLessThan $blocks.Length
        (Get-GptModelInfo $small.FullName).DataType | Should -BeLike '*Q4_0*'
        $loaded = Import-GptModel $small.FullName
        [math]::Abs((Get-GptLoss -Model $loaded 'every effort moves you').CrossEntropy - (Get-GptLoss -Model $model 'every effort moves you').CrossEntropy) |
            Should -BeLessThan 0.05
        $null = New-Item -ItemType Directory TestDrive:/again
        $again = Export-GptModel -Model $loaded TestDrive:/again/q4.gguf -DataType Q4_0 -PassThru
        (Get-FileHash $again).Hash | Should -Be (Get-FileHash $small).Hash
    }

    It 'takes -LiteralPath literally, with the model at position 0' {
        $file = Export-GptModel $model -LiteralPath "$TestDrive/m[1].gguf" -DataType Q4_0 -PassThru
        $file.Name | Should -Be 'm[1].gguf'
        $model | Export-GptModel -LiteralPath "$TestDrive/m[2].gguf"
        Test-Path -LiteralPath "$TestDrive/m[2].gguf" | Should -BeTrue
        { Export-GptModel -Model $model -LiteralPath "$TestDrive/m.abc" } | Should -Throw -ErrorId 'UnknownExtension,*'
    }

    It 'writes a Hugging Face folder by default, and another format only when told' {
        $folder = Export-GptModel -Model $model TestDrive:/hf -PassThru
        $folder | Should -BeOfType [System.IO.DirectoryInfo]
        'TestDrive:/hf/config.json' | Should -Exist
        'TestDrive:/hf/model.safetensors' | Should -Exist
        'TestDrive:/hf/tokenizer.json' | Should -Exist
        $file = Export-GptModel -Model $model TestDrive:/own -Format Checkpoint -PassThru
        (Import-GptModel -LiteralPath $file.FullName).Config | Should -Be $model.Config
    }

    It 'cuts a folder into shards of -ShardSize' {
        Export-GptModel -Model $model TestDrive:/shards -ShardSize 40000
        'TestDrive:/shards/model.safetensors.index.json' | Should -Exist
        'TestDrive:/shards/model.safetensors' | Should -Not -Exist
    }

    It 'replaces a folder only with -Force, and never one with something else in it' {
        Export-GptModel -Model $model TestDrive:/folder
        Export-GptModel -Model $model TestDrive:/folder -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused.FullyQualifiedErrorId | Should -Be 'FileExists,MLNetGpt.Cmdlets.ExportGptModelCommand'
        Export-GptModel -Model $model TestDrive:/folder -Force -NoTokenizer
        'TestDrive:/folder/tokenizer.json' | Should -Not -Exist
        Set-Content -Path TestDrive:/folder/thesis.txt -Value 'years of work'
        Export-GptModel -Model $model TestDrive:/folder -Force -ErrorAction SilentlyContinue -ErrorVariable lost
        $lost.FullyQualifiedErrorId | Should -Be 'WriteFailed,MLNetGpt.Cmdlets.ExportGptModelCommand'
        'TestDrive:/folder/thesis.txt' | Should -Exist
    }

    It 'refuses what a format cannot hold' {
        Export-GptModel -Model $model TestDrive:/r.onnx -DataType Q8_0 -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused.FullyQualifiedErrorId | Should -Be 'InputRefused,MLNetGpt.Cmdlets.ExportGptModelCommand'
        "$refused" | Should -Not -BeLike '*(Parameter*'
        'TestDrive:/r.onnx' | Should -Not -Exist
    }

    It 'refuses an extension that belongs to no format, unless a folder is meant' {
        foreach ($name in 'story.safetensor', 'story.bin', 'story.zip') {
            { Export-GptModel -Model $model "TestDrive:/$name" } | Should -Throw -ErrorId 'UnknownExtension,*'
            "TestDrive:/$name" | Should -Not -Exist
        }

        Export-GptModel -Model $model TestDrive:/gpt-1.5 -Format HuggingFace
        'TestDrive:/gpt-1.5/config.json' | Should -Exist
        Export-GptModel -Model $model TestDrive:/gpt-1.6/
        'TestDrive:/gpt-1.6/config.json' | Should -Exist
        Export-GptModel -Model $model TestDrive:/gpt-1.6 -Force
    }

    It 'refuses <arguments>, which the format would ignore' -ForEach @(
        @{ arguments = @{ Path = 'n.safetensors'; NoCache = $true }; says = '*-NoCache*Checkpoint*Onnx*' }
        @{ arguments = @{ Path = 'n.gguf'; ShardSize = 1000 }; says = '*-ShardSize*Gguf*HuggingFace*' }
        @{ arguments = @{ Path = 'n'; Format = 'PyTorch'; ShardSize = 1000 }; says = '*-ShardSize*PyTorch*HuggingFace*' }
        @{ arguments = @{ Path = 'n.gguf'; ClampToRange = $true }; says = '*-ClampToRange*Float32*' }
        @{ arguments = @{ Path = 'n.pth'; NoTokenizer = $true }; says = '*-NoTokenizer*PyTorch*never has a tokenizer*' }
    ) {
        $arguments = $arguments.Clone()
        $arguments.Path = "$TestDrive/$($arguments.Path)"
        { Export-GptModel -Model $model @arguments -WhatIf } | Should -Throw $says -ErrorId 'ParameterWithoutEffect,*'
    }

    It 'writes items of the file system with -PassThru, in every location' {
        $item = Export-GptModel -Model $model "$TestDrive/item.safetensors" -PassThru
        $item.PSPath | Should -BeLike '*FileSystem::*item.safetensors'
        ($item | Get-Content -AsByteStream -TotalCount 2).Count | Should -Be 2
        Push-Location Env:
        try {
            (Export-GptModel -Model $model "FileSystem::$TestDrive/item [1].safetensors" -PassThru).Name | Should -Be 'item [1].safetensors'
        }
        finally {
            Pop-Location
        }
    }

    It 'says with -Verbose what it wrote' {
        $told = Export-GptModel -Model $model TestDrive:/v.gguf -DataType Q8_0 -Verbose 4>&1
        "$told" | Should -BeLike '*Saved*v.gguf*Gguf*Q8_0*'
    }

    It 'writes a smaller graph with -NoCache' {
        $cached = Export-GptModel -Model $model TestDrive:/cached.onnx -PassThru
        $plain = Export-GptModel -Model $model TestDrive:/plain.onnx -NoCache -PassThru
        $plain.Length | Should -BeLessThan $cached.Length
    }
}
