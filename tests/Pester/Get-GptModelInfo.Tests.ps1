BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -TiedHead:$false
    $fixtures = Join-Path $PSScriptRoot '../Unit/Fixtures/Models'
}

Describe 'Get-GptModelInfo' {
    It 'tells sizes, and parameters by part that add up' {
        $info = $model | Get-GptModelInfo
        $info | Should -BeOfType 'MLNetGpt.Output.GptModelInfo'
        $info.LayerCount | Should -Be 2
        $info.VocabularySize | Should -Be 50257
        $info.ParameterCount | Should -Be $model.ParameterCount
        ($info.Part | Measure-Object ParameterCount -Sum).Sum | Should -Be $model.ParameterCount
        ($info.Part | Where-Object Name -EQ 'Output head').ParameterCount | Should -Be (50257 * 32)
        $info.Part.Name | Should -Contain 'Attention'
    }

    It 'has no output head of its own where it is tied' {
        (Get-GptModelInfo (New-GptModel tiny)).Part.Name | Should -Not -Contain 'Output head'
    }

    It 'reads a file without loading it' {
        Export-GptModel -Model $model TestDrive:/m.safetensors -DataType BFloat16
        $info = Get-GptModelInfo TestDrive:/m.safetensors
        $info.Config | Should -Be $model.Config
        $info.Format | Should -Be 'MLNet.Gpt safetensors'
        $info.DataType | Should -Be 'BF16'
        $info.Bytes | Should -Be ($model.ParameterCount * 2)
        $info.Source | Should -BeLike '*m.safetensors'
        (Get-Item TestDrive:/m.safetensors | Get-GptModelInfo).Name | Should -Be 'm'
    }

    It 'reads <Model>, which other programs wrote' -ForEach @(
        @{ Model = 'hf'; Format = 'Hugging Face safetensors'; DataType = 'F32' }
        @{ Model = 'hf-sharded'; Format = 'Hugging Face safetensors'; DataType = 'BF16 + F16' }
        @{ Model = 'hf-bin'; Format = 'Hugging Face PyTorch'; DataType = 'F16' }
        @{ Model = 'openai'; Format = 'TensorFlow checkpoint'; DataType = 'F32' }
        @{ Model = 'gguf/f32.gguf'; Format = 'GGUF v3'; DataType = 'F32' }
    ) {
        $info = Get-GptModelInfo "$fixtures/$Model"
        $info.Format | Should -Be $Format
        $info.DataType | Should -Be $DataType
        $info.LayerCount | Should -Be 2
        ($info.Part | Measure-Object ParameterCount -Sum).Sum | Should -Be $info.ParameterCount
    }

    It 'asks for the number of heads where a file does not tell it' {
        { Get-GptModelInfo "$fixtures/book/model.pth" -ErrorAction Stop } | Should -Throw -ErrorId 'InputRefused,MLNetGpt.Cmdlets.GetGptModelInfoCommand'
        (Get-GptModelInfo "$fixtures/book/model.pth" -HeadCount 2).HeadCount | Should -Be 2
    }

    It 'reports a file that is no model' {
        Set-Content -Path TestDrive:/bad.safetensors -Value 'this is no model'
        { Get-GptModelInfo TestDrive:/bad.safetensors -ErrorAction Stop } | Should -Throw -ErrorId 'ModelFileInvalid,MLNetGpt.Cmdlets.GetGptModelInfoCommand'
    }

    It 'shows a list' {
        $model | Get-GptModelInfo | Out-String | Should -Match 'Parameters\s+:'
    }

    It 'shows biases, windows and caps where a model has them' {
        $shown = $model | Get-GptModelInfo | Out-String
        $shown | Should -Match 'Biases\s+: query, key, value; attention output; feed-forward'
        $shown | Should -Not -Match 'Window|Soft caps'
        $sizes = @{ EmbeddingWidth = 32; HeadCount = 2; KeyValueHeadCount = 1; HeadSize = 16; LayerCount = 2; ContextLength = 16 }
        $shown = New-GptModel gemma2-2b @sizes | Get-GptModelInfo | Out-String
        $shown | Should -Match 'Biases\s+: none'
        $shown | Should -Match 'Window\s+: 4096, except in one layer of 2'
        $shown | Should -Match 'Soft caps\s+: attention 50, logits 30'
    }
}
