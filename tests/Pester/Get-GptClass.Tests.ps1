BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -ContextLength 32 -EmbeddingWidth 16 -HeadCount 2 -LayerCount 1
    $rows = @(
        [pscustomobject]@{ Label = 'spam'; Text = 'Win a prize now' }
        [pscustomobject]@{ Label = 'ham'; Text = 'See you at noon' }
        [pscustomobject]@{ Label = 'spam'; Text = 'A free prize for you' }
        [pscustomobject]@{ Label = 'ham'; Text = 'The meeting is at noon' }
    )
    $quick = @{ LabelProperty = 'Label'; ValidationFraction = 0; EvaluationInterval = 1000; EvaluationBatch = 1 }
    $classifier = $rows | Invoke-GptTraining $model @quick -TrainedPart All -Epoch 60 -LearningRate 0.01
}

Describe 'Get-GptClass' {
    It 'predicts what a classifier has learned, text first and model second' {
        $classifier | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        $classifier.Label | Should -Be 'ham', 'spam'
        $classifier.TrainingHistory[-1].TrainingLoss | Should -BeLessThan 0.1
        $class = Get-GptClass 'Win a prize now' $classifier
        $class.Label | Should -Be 'spam'
        $class.Text | Should -Be 'Win a prize now'
        $class.Scores.Keys | Should -Be 'ham', 'spam'
        $class.Scores['spam'] | Should -Be $class.Probability
        $class.Score | Should -Be $class.Probability
        $class.Scores['ham'] + $class.Scores['spam'] | Should -BeGreaterThan 0.9999
        "$class" | Should -Match '^spam \(\d+\.\d %\)$'
    }

    It 'takes rows by property name, and gives the same bits together and alone' {
        $classes = $rows | Get-GptClass -Model $classifier
        $classes.Label | Should -Be $rows.Label
        $classes.Index | Should -Be 0, 1, 2, 3
        foreach ($class in $classes) { (Get-GptClass $class.Text $classifier).Probability | Should -Be $class.Probability }
    }

    It 'reads files' {
        Set-Content TestDrive:/mail.txt 'Win a prize now' -NoNewline
        $class = Get-ChildItem TestDrive:/mail.txt | Get-GptClass -Model $classifier
        $class.Source | Should -BeLike '*mail.txt'
        $class.Text | Should -BeNullOrEmpty
        $class.Probability | Should -Be (Get-GptClass 'Win a prize now' $classifier).Probability
    }

    It 'works with a classifier that was saved, by path and imported, and tells what it is' {
        $folder = Export-GptModel TestDrive:/filter $classifier -PassThru
        $expected = (Get-GptClass 'See you at noon' $classifier).Probability
        (Get-GptClass 'See you at noon' $folder.FullName).Probability | Should -Be $expected
        $loaded = Import-GptModel $folder.FullName
        $loaded.Label | Should -Be 'ham', 'spam'
        (Get-GptClass 'See you at noon' $loaded).Probability | Should -Be $expected
        (Get-GptModelInfo $folder.FullName).Label | Should -Be 'ham', 'spam'
        (Get-GptModelInfo $loaded).Label | Should -Be 'ham', 'spam'
        (Get-GptModelInfo $model).Label | Should -BeNullOrEmpty
    }

    It 'says that a text was truncated' {
        (Get-GptClass ('noon ' * 100) $classifier).IsTruncated | Should -BeTrue
        (Get-GptClass 'noon' $classifier).IsTruncated | Should -BeFalse
    }

    It 'shows a table' {
        $rows | Get-GptClass -Model $classifier | Format-Table | Out-String | Should -Match 'Label\s+Score\s+Tokens\s+Text'
    }

    It 'needs a classifier, and other cmdlets do not take one' {
        { Get-GptClass 'noon' $model } | Should -Throw -ErrorId 'ModelNotClassifier,MLNetGpt.Cmdlets.GetGptClassCommand'
        { Get-GptLoss 'noon' $classifier } | Should -Throw -ErrorId 'ModelIsClassifier,MLNetGpt.Cmdlets.GetGptLossCommand'
        { Export-GptModel TestDrive:/filter.gguf $classifier } | Should -Throw -ErrorId 'FormatNotSupported,*'
    }
}

Describe 'Invoke-GptTraining -LabelProperty' {
    It 'gives the same classifier from the same seed, and leaves the model as it was' {
        $before = (Get-GptLoss 'noon at noon' $model).CrossEntropy
        $losses = 1..2 | ForEach-Object { ($rows | Invoke-GptTraining $model @quick -MaxStep 2).TrainingHistory[-1].TrainingLoss }
        $losses[0] | Should -Be $losses[1]
        (Get-GptLoss 'noon at noon' $model).CrossEntropy | Should -Be $before
    }

    It 'takes hashtables and other names of properties' {
        $other = $rows | ForEach-Object { @{ Body = $_.Text; Kind = $_.Label } }
        $trained = $other | Invoke-GptTraining $model -LabelProperty kind -TextProperty Body -MaxStep 1 -ValidationFraction 0
        $trained.Label | Should -Be 'ham', 'spam'
    }

    It 'names the row and the property that is missing' {
        { $rows + [pscustomobject]@{ Label = 'ham' } | Invoke-GptTraining $model @quick } |
            Should -Throw -ErrorId 'TrainingRefused,*' -ExpectedMessage '*Row 4 has no property Text, which -TextProperty names; it has Label*'
    }

    It 'refuses what has no effect' {
        { $rows | Invoke-GptTraining $model @quick -Stride 3 } | Should -Throw -ErrorId 'ParameterWithoutEffect,*'
        { $rows | Invoke-GptTraining $model @quick -SamplePrompt a } | Should -Throw -ErrorId 'ParameterWithoutEffect,*'
    }

    It 'trains nothing with -WhatIf, and in the background as a job' {
        $rows | Invoke-GptTraining $model @quick -WhatIf | Should -BeNullOrEmpty
        $job = $rows | Invoke-GptTraining $model @quick -MaxStep 1 -AsJob
        ($job | Receive-Job -Wait -AutoRemoveJob).Label | Should -Be 'ham', 'spam'
    }
}
