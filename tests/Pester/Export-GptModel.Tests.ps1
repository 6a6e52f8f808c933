BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny
}

Describe 'Export-GptModel' {
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
}
