BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $text = 'every effort moves you. I really like chocolate. ' * 10
    Export-GptModel TestDrive:/base.safetensors (New-GptModel tiny -ContextLength 32 -EmbeddingWidth 16 -HeadCount 2 -LayerCount 1)
    $base = (Get-Item TestDrive:/base.safetensors).FullName
    $model = Import-GptModel $base
    $quick = @{ Text = $text; EvaluationInterval = 1000; EvaluationBatch = 1; LearningRate = 0.01; MaxStep = 20; LoraRank = 4 }
    $tuned = Invoke-GptTraining -Model $model @quick -LoraAlpha 8 -AdapterPath TestDrive:/adapter
    $before = (Get-GptLoss $text $model).CrossEntropy
    $after = (Get-GptLoss $text $tuned).CrossEntropy
}

Describe 'Adapters' {
    It 'are trained instead of the weights' {
        $after | Should -BeLessThan ($before - 0.1)
        (Get-GptLoss $text $model).CrossEntropy | Should -Be $before
        $tuned.Adapter | Should -HaveCount 1
        $tuned.Adapter[0].ParameterCount | Should -BeLessThan $model.ParameterCount
        (Get-GptModelInfo $tuned).Adapter | Should -HaveCount 1
    }

    It 'are saved and loaded, also stacked' {
        'TestDrive:/adapter/adapter_config.json', 'TestDrive:/adapter/adapter_model.safetensors' | Should -Exist
        $loaded = Import-GptModel $base -AdapterPath TestDrive:/adapter
        (Get-GptLoss $text $loaded).CrossEntropy | Should -Be $after
        (Import-GptModel $base -AdapterPath TestDrive:/adapter, TestDrive:/adapter).Adapter | Should -HaveCount 2
        { Import-GptModel $base -AdapterPath TestDrive:/none -ErrorAction Stop } | Should -Throw -ErrorId 'FileUnreadable,*'
    }

    It 'are merged by Export-GptModel' {
        Export-GptModel TestDrive:/merged.safetensors $tuned
        $merged = Import-GptModel (Get-Item TestDrive:/merged.safetensors).FullName
        $merged.Adapter | Should -BeNullOrEmpty
        [math]::Abs((Get-GptLoss $text $merged).CrossEntropy - $after) | Should -BeLessThan 1e-4
    }

    It 'are not replaced without -Force, and their settings need a rank' {
        { Invoke-GptTraining -Model $model @quick -AdapterPath TestDrive:/adapter } | Should -Throw -ErrorId 'FileExists,*'
        { Invoke-GptTraining -Model $model -Text $text -LoraAlpha 8 } | Should -Throw -ErrorId 'ParameterWithoutEffect,*'
        { Invoke-GptTraining -Model $model -Text $text -AdapterPath TestDrive:/other } | Should -Throw -ErrorId 'ParameterWithoutEffect,*'
        { Invoke-GptTraining -Model $model -Text $text -LoraRank 0 } | Should -Throw -ErrorId 'TrainingRefused,*' -ExpectedMessage '*-LoraRank is 0*'
    }

    It 'make a classifier, which has them merged' {
        $rows = 'spam', 'ham' | ForEach-Object { [pscustomobject]@{ Label = $_; Text = "$_ $_" } }
        $settings = @{ LabelProperty = 'Label'; ValidationFraction = 0; LoraRank = 2; MaxStep = 5; Epoch = 5; LearningRate = 0.01 }
        $classifier = $rows | Invoke-GptTraining $model @settings
        $classifier.Label | Should -Be 'ham', 'spam'
        $classifier.Adapter | Should -BeNullOrEmpty
        $classifier.TrainingHistory[-1].TrainingLoss | Should -BeLessThan $classifier.TrainingHistory[0].TrainingLoss
        { $rows | Invoke-GptTraining $model @settings -TrainedPart Head } | Should -Throw -ErrorId 'ParameterWithoutEffect,*'
        { $rows | Invoke-GptTraining $model @settings -AdapterPath TestDrive:/c } | Should -Throw -ErrorId 'ParameterWithoutEffect,*'
    }
}
