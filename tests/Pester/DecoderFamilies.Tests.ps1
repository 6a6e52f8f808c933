BeforeDiscovery {
    $families = @(
        @{ Preset = 'smollm2-135m'; Architecture = 'llama'; Sizes = @{ EmbeddingWidth = 48; HeadCount = 6; KeyValueHeadCount = 3 } }
        @{ Preset = 'qwen2.5-0.5b'; Architecture = 'qwen2'; Sizes = @{ EmbeddingWidth = 48; HeadCount = 6; KeyValueHeadCount = 3 } }
        @{ Preset = 'qwen3-0.6b'; Architecture = 'qwen3'; Sizes = @{ EmbeddingWidth = 48; HeadCount = 4; KeyValueHeadCount = 2; HeadSize = 32 } }
        @{ Preset = 'gemma2-2b'; Architecture = 'gemma2'; Sizes = @{ EmbeddingWidth = 48; HeadCount = 4; KeyValueHeadCount = 2; HeadSize = 16 } }
        @{ Preset = 'gemma3-270m'; Architecture = 'gemma3_text'; Sizes = @{ EmbeddingWidth = 48; HeadCount = 4; KeyValueHeadCount = 1; HeadSize = 16 } }
    )
}

Describe 'A model of <Architecture>' -ForEach $families {
    BeforeAll {
        Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
        $model = New-GptModel $Preset -LayerCount 2 -ContextLength 32 @Sizes -Seed 1
        $text = 'Every effort moves you'
        $loss = $text | Get-GptLoss -Model $model
    }

    It 'says what it is' {
        ($model | Get-GptModelInfo).Architecture | Should -Be $Architecture
    }

    It 'measures, predicts, generates and embeds' {
        $loss.TokenCount | Should -Be 3
        $loss.CrossEntropy | Should -BeGreaterThan 10
        $text | Get-GptNextToken -Model $model -Top 2 | Should -HaveCount 2
        (Invoke-GptGenerate $text -Model $model -MaxTokens 5 -Temperature 0).TokenCount | Should -Be 5
        ($text | Get-GptEmbedding -Model $model).Vector.Count | Should -Be 48
    }

    It 'keeps its loss to the last bit as <_>' -ForEach 'Hugging Face', 'GGUF', 'safetensors' {
        $path = Join-Path $TestDrive ($Architecture + @{ 'Hugging Face' = '-folder'; GGUF = '.gguf'; safetensors = '.safetensors' }[$_])
        $model | Export-GptModel -Path $path
        $read = Import-GptModel $path
        ($text | Get-GptLoss -Model $read).CrossEntropy | Should -Be $loss.CrossEntropy
        ($read | Get-GptModelInfo).Config | Should -Be ($model | Get-GptModelInfo).Config
    }

    It 'is refused by name in a format that cannot describe it' {
        { $model | Export-GptModel -Path (Join-Path $TestDrive 'model.onnx') -ErrorAction Stop } | Should -Throw '*cannot describe this decoder*'
    }

    It 'learns' {
        $path = Join-Path $TestDrive "$Architecture.txt"
        Set-Content $path ('The whale swam. ' * 40)
        $trained = Invoke-GptTraining -Model $model -Path $path -MaxStep 12 -BatchSize 4 -LearningRate 0.01
        ('The whale swam. The whale swam.' | Get-GptLoss -Model $trained).CrossEntropy | Should -BeLessThan 8
    }
}
