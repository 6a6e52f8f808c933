BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
}

Describe 'New-GptModel' {
    It 'makes a model of a preset with the vocabulary of its tokenizer' {
        $model = New-GptModel tiny
        $model | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        $model.Config.LayerCount | Should -Be 2
        $model.Config.EmbeddingWidth | Should -Be 32
        $model.Config.VocabularySize | Should -Be 50257
        $model.Precision | Should -Be 'Float32'
        $model.TrainingHistory | Should -BeNullOrEmpty
    }

    It 'takes sizes of its own' {
        $model = New-GptModel tiny -ContextLength 24 -EmbeddingWidth 48 -HeadCount 6 -LayerCount 3 -DropoutRate 0.25 -QkvBias:$false -TiedHead:$false
        $model.Config.ContextLength | Should -Be 24
        $model.Config.EmbeddingWidth | Should -Be 48
        $model.Config.HeadCount | Should -Be 6
        $model.Config.LayerCount | Should -Be 3
        $model.Config.DropoutRate | Should -Be 0.25
        $model.Config.HasQkvBias | Should -BeFalse
        $model.Config.HasTiedHead | Should -BeFalse
    }

    It 'takes switches as the preset has them, on, or off' {
        (New-GptModel tiny).Config.HasTiedHead | Should -BeTrue
        (New-GptModel tiny -TiedHead).Config.HasTiedHead | Should -BeTrue
        $preset = @{ Preset = 'lecture'; EmbeddingWidth = 24; LayerCount = 1 }
        (New-GptModel @preset).Config.HasTiedHead | Should -BeFalse
        (New-GptModel @preset -TiedHead -QkvBias).Config.HasTiedHead | Should -BeTrue
        (New-GptModel @preset -TiedHead -QkvBias).Config.HasQkvBias | Should -BeTrue
        (New-GptModel tiny -QkvBias:$false).Config.HasQkvBias | Should -BeFalse
    }

    It 'holds the weights in another precision and computes with fewer threads' {
        $full = New-GptModel tiny
        $model = New-GptModel tiny -Precision BFloat16 -ThreadCount 1
        $model.Precision | Should -Be 'BFloat16'
        $model.WeightBytes | Should -BeLessThan $full.WeightBytes
        [math]::Abs((Get-GptLoss 'a b c d' $model).CrossEntropy - (Get-GptLoss 'a b c d' $full).CrossEntropy) | Should -BeLessThan 0.01
        (Get-GptLoss 'a b c d' (New-GptModel tiny -ThreadCount 1)).ExactSum | Should -BeExactly (Get-GptLoss 'a b c d' $full).ExactSum
        { New-GptModel tiny -ThreadCount 0 } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*'
    }

    It 'says with -Verbose what it makes' {
        $told = New-GptModel tiny -Seed 7 -Verbose 4>&1 | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] }
        "$told" | Should -BeLike '*1,634,208 parameters*seed 7*Float32*'
    }

    It 'draws the same weights from the same seed and others from another' {
        $losses = 1, 1, 2 | ForEach-Object { (New-GptModel tiny -Seed $_ | ForEach-Object { Get-GptLoss -Model $_ 'every effort moves you' }).CrossEntropy }
        $losses[0] | Should -Be $losses[1]
        $losses[0] | Should -Not -Be $losses[2]
    }

    It 'refuses <why> with the error InvalidModelConfiguration' -ForEach @(
        @{ why = 'a width that is not divisible by the heads'; arguments = @{ Preset = 'tiny'; EmbeddingWidth = 30; HeadCount = 4 }; says = '-EmbeddingWidth 30*-HeadCount 4*' }
        @{ why = 'a size of 0'; arguments = @{ Preset = 'tiny'; LayerCount = 0 }; says = '-LayerCount is 0*' }
        @{ why = 'a dropout of 1'; arguments = @{ Preset = 'tiny'; DropoutRate = 1 }; says = '-DropoutRate is 1*' }
        @{ why = 'an unknown preset'; arguments = @{ Preset = 'gpt5' }; says = '*gpt5*gpt2-large*' }
    ) {
        $thrown = { New-GptModel @arguments } | Should -Throw -ErrorId 'InvalidModelConfiguration,MLNetGpt.Cmdlets.NewGptModelCommand' -PassThru
        $thrown.CategoryInfo.Category | Should -Be 'InvalidArgument'
        $thrown.TargetObject | Should -Be $arguments.Preset
        $thrown.Exception.Message | Should -BeLike $says
        $thrown.Exception.Message | Should -Not -Match 'Parameter ''|Actual value'
    }

    It 'completes the names of presets' {
        $line = 'New-GptModel gpt2-'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be 'gpt2-medium', 'gpt2-large', 'gpt2-xl'
        $line = 'New-GptModel -Preset '
        $all = (TabExpansion2 $line $line.Length).CompletionMatches
        $all.CompletionText | Should -Contain 'lecture'
        ($all | Where-Object CompletionText -EQ 'gpt2').ToolTip | Should -BeLike 'gpt2, 12 layers, width 768*'
    }

    It 'shows a model as a row' {
        New-GptModel tiny | Out-String | Should -Match 'Name\s+Parameters\s+Layers'
    }
}
