BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny
}

Describe 'Export-GptModel and Import-GptModel' {
    It 'gives back a model that measures the same' {
        Export-GptModel $model TestDrive:/m.safetensors
        $loaded = Import-GptModel TestDrive:/m.safetensors
        $loaded | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        $loaded.Name | Should -Be 'm'
        $loaded.Source | Should -BeLike '*m.safetensors'
        $loaded.Config | Should -Be $model.Config
        (Get-GptLoss $loaded 'every effort moves you').ExactSum | Should -BeExactly (Get-GptLoss $model 'every effort moves you').ExactSum
    }

    It 'writes nothing to the pipeline, and the file with -PassThru' {
        $model | Export-GptModel -Path TestDrive:/p.safetensors | Should -BeNullOrEmpty
        $file = $model | Export-GptModel -Path TestDrive:/q.safetensors -PassThru
        $file | Should -BeOfType [System.IO.FileInfo]
        $file.Length | Should -BeGreaterThan ($model.ParameterCount * 4)
    }

    It 'halves the file with -DataType <_>' -ForEach 'Float16', 'BFloat16' {
        $full = Export-GptModel $model TestDrive:/full.safetensors -PassThru -Force
        $half = Export-GptModel $model TestDrive:/half.safetensors -DataType $_ -PassThru -Force
        [math]::Abs($half.Length / $full.Length - 0.5) | Should -BeLessThan 0.01
        $loss = Get-GptLoss (Import-GptModel TestDrive:/half.safetensors) 'every effort moves you'
        [math]::Abs($loss.CrossEntropy - (Get-GptLoss $model 'every effort moves you').CrossEntropy) | Should -BeLessThan 0.01
    }

    It 'writes nothing with -WhatIf' {
        Export-GptModel $model TestDrive:/w.safetensors -WhatIf
        'TestDrive:/w.safetensors' | Should -Not -Exist
    }

    It 'replaces a file only with -Force' {
        Set-Content -Path TestDrive:/there.safetensors -Value 'old'
        Export-GptModel $model TestDrive:/there.safetensors -ErrorAction SilentlyContinue -ErrorVariable refused
        $refused.FullyQualifiedErrorId | Should -Be 'FileExists,MLNetGpt.Cmdlets.ExportGptModelCommand'
        $refused[0].CategoryInfo.Category | Should -Be 'ResourceExists'
        Get-Content TestDrive:/there.safetensors -Raw | Should -BeLike 'old*'
        Export-GptModel $model TestDrive:/there.safetensors -Force
        Import-GptModel TestDrive:/there.safetensors | Should -Not -BeNullOrEmpty
    }

    It 'ends where the folder is not there' {
        { Export-GptModel $model TestDrive:/nowhere/m.safetensors } | Should -Throw -ErrorId 'FolderNotFound,*'
    }

    It 'loads in another precision' {
        Export-GptModel $model TestDrive:/i.safetensors
        $loaded = Import-GptModel TestDrive:/i.safetensors -Precision Int8
        $loaded.Precision | Should -Be 'Int8'
        $loaded.WeightBytes | Should -BeLessThan ($model.WeightBytes / 2)
    }

    It 'loads files by wildcard and from the pipeline' {
        $null = New-Item TestDrive:/two -ItemType Directory
        'a', 'b' | ForEach-Object { Export-GptModel $model "TestDrive:/two/$_.safetensors" }
        (Import-GptModel TestDrive:/two/*.safetensors).Name | Should -Be 'a', 'b'
        (Get-ChildItem TestDrive:/two | Import-GptModel).Name | Should -Be 'a', 'b'
    }

    It 'reports a damaged file and goes on with the next' {
        Set-Content -Path TestDrive:/bad.safetensors -Value 'this is no model'
        Export-GptModel $model TestDrive:/good.safetensors
        $loaded = Import-GptModel TestDrive:/bad.safetensors, TestDrive:/good.safetensors -ErrorAction SilentlyContinue -ErrorVariable wrong
        $loaded.Name | Should -Be 'good'
        $wrong.FullyQualifiedErrorId | Should -Be 'ModelFileInvalid,MLNetGpt.Cmdlets.ImportGptModelCommand'
        $wrong[0].TargetObject | Should -BeLike '*bad.safetensors'
    }

    It 'reports a missing file' {
        { Import-GptModel TestDrive:/none.safetensors -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound,MLNetGpt.Cmdlets.ImportGptModelCommand'
    }

    It 'completes files of models, and no other files' {
        Set-Content -Path TestDrive:/story.txt -Value 'x'
        Export-GptModel $model TestDrive:/story.safetensors
        foreach ($path in "$TestDrive/story", 'TestDrive:/story') {
            $line = "Import-GptModel $path"
            (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be "$path.safetensors"
        }
    }
}
