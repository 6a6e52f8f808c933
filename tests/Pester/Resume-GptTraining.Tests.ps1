BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -ContextLength 8 -EmbeddingWidth 16 -HeadCount 2 -LayerCount 1
    $text = 'every effort moves you. I really like chocolate. ' * 10
    $settings = @{
        BatchSize = 3; BatchPerStep = 2; LearningRate = 0.01; FinalLearningRate = 0.001; LearningRateDecay = 'Linear'; WarmUpStep = 2; WeightDecay = 0.05
        LabelSmoothing = 0.1; ValidationFraction = 0.2; EvaluationInterval = 2; EvaluationBatch = 1; KeepBest = $true; Seed = 4; FreezeWeight = 'pos_emb.*'
        SamplePrompt = 'every'; SampleToken = 2; Epoch = 3
    }
}

Describe 'Resume-GptTraining' {
    It 'continues as if there had been no break, from the folder alone' {
        $whole = Invoke-GptTraining -Model $model -Text $text, 'more' @settings
        Invoke-GptTraining -Model $model -Text $text, 'more' @settings -CheckpointPath TestDrive:/a 6>&1 | Select-Object -First 2 | Should -HaveCount 2
        (Get-ChildItem TestDrive:/a -Directory).Name | Should -Contain 'checkpoint-2'
        (Get-ChildItem TestDrive:/a -Directory).Name | Should -Not -Contain "checkpoint-$($whole.TrainingHistory[-1].Step)"
        $resumed = Resume-GptTraining TestDrive:/a
        (Get-GptLoss -Model $resumed $text).ExactSum | Should -BeExactly (Get-GptLoss -Model $whole $text).ExactSum
        $resumed.TrainingHistory.Step | Should -Be $whole.TrainingHistory.Step
        $resumed.TrainingSamples | Should -Be $whole.TrainingSamples
        $resumed.Name | Should -Be $model.Name
    }

    It 'trains a training longer that has ended, again and again' {
        $whole = Invoke-GptTraining -Model $model -Text $text -MaxStep 9
        $null = Invoke-GptTraining -Model $model -Text $text -MaxStep 3 -CheckpointPath TestDrive:/l
        (Resume-GptTraining TestDrive:/l -MaxStep 6).TrainingHistory[-1].Step | Should -Be 6
        $resumed = Resume-GptTraining TestDrive:/l -MaxStep 9
        (Get-GptLoss -Model $resumed $text).ExactSum | Should -BeExactly (Get-GptLoss -Model $whole $text).ExactSum
    }

    It 'writes the model at once where nothing is left to do' {
        $trained = Invoke-GptTraining -Model $model -Text $text -MaxStep 3 -CheckpointPath TestDrive:/n
        $again = Resume-GptTraining TestDrive:/n
        (Get-GptLoss -Model $again $text).ExactSum | Should -BeExactly (Get-GptLoss -Model $trained $text).ExactSum
    }

    It 'reads the token file of the training, also where it has moved' {
        $null = New-GptTokenFile $text -DestinationPath TestDrive:/t.tokens
        $null = Invoke-GptTraining -Model $model -TokenFile TestDrive:/t.tokens -MaxStep 2 -CheckpointPath TestDrive:/t
        (Resume-GptTraining TestDrive:/t -MaxStep 3).TrainingHistory[-1].Step | Should -Be 3
        Move-Item TestDrive:/t.tokens TestDrive:/moved.tokens
        { Resume-GptTraining TestDrive:/t -MaxStep 4 } | Should -Throw -ErrorId 'PathNotFound,*'
        (Resume-GptTraining TestDrive:/t -MaxStep 4 -TokenFile TestDrive:/moved.tokens).TrainingHistory[-1].Step | Should -Be 4
        $null = New-GptTokenFile ($text + 'other') -DestinationPath TestDrive:/other.tokens
        { Resume-GptTraining TestDrive:/t -MaxStep 5 -TokenFile TestDrive:/other.tokens } | Should -Throw '*SHA-256*' -ErrorId 'TrainingRefused,*'
    }

    It 'takes the folder from the pipeline, writes the history, and runs as a job' {
        $null = Invoke-GptTraining -Model $model -Text $text -MaxStep 2 -CheckpointPath TestDrive:/p
        $resumed = Get-Item TestDrive:/p | Resume-GptTraining -MaxStep 3 -HistoryPath TestDrive:/p.csv
        $resumed.TrainingHistory[-1].Step | Should -Be 3
        'TestDrive:/p.csv' | Should -Exist
        $job = Resume-GptTraining TestDrive:/p -MaxStep 4 -HistoryPath TestDrive:/p.csv -AsJob
        ($job | Receive-Job -Wait -AutoRemoveJob).TrainingHistory[-1].Step | Should -Be 4
        (Get-Content TestDrive:/p.csv)[-1] | Should -BeLike '4,*'
    }

    It 'changes nothing with -WhatIf' {
        $null = Invoke-GptTraining -Model $model -Text $text -MaxStep 2 -CheckpointPath TestDrive:/w
        $before = (Get-ChildItem TestDrive:/w -Force).Name
        Resume-GptTraining TestDrive:/w -MaxStep 5 -WhatIf | Should -BeNullOrEmpty
        (Get-ChildItem TestDrive:/w -Force).Name | Should -Be $before
    }

    It 'refuses <why> with the error <id>' -ForEach @(
        @{ why = 'a folder without a training'; id = 'PathNotFound'; arguments = @{ CheckpointPath = 'TestDrive:/' } }
        @{ why = 'no steps'; id = 'TrainingRefused'; arguments = @{ CheckpointPath = 'TestDrive:/e'; MaxStep = -1 } }
        @{ why = 'a token file where the tokens are kept'; id = 'ParameterWithoutEffect'; arguments = @{ CheckpointPath = 'TestDrive:/e'; TokenFile = 'x' } }
        @{ why = '-Force alone'; id = 'ParameterWithoutEffect'; arguments = @{ CheckpointPath = 'TestDrive:/e'; Force = $true } }
    ) {
        if (-not (Test-Path TestDrive:/e)) { $null = Invoke-GptTraining -Model $model -Text $text -MaxStep 1 -CheckpointPath TestDrive:/e }
        { Resume-GptTraining @arguments } | Should -Throw -ErrorId "$id,MLNetGpt.Cmdlets.ResumeGptTrainingCommand"
    }

    It 'says what is damaged' {
        $null = Invoke-GptTraining -Model $model -Text $text -MaxStep 1 -CheckpointPath TestDrive:/x
        [System.IO.File]::WriteAllText((Join-Path $TestDrive 'x/.training.json'), '{')
        { Resume-GptTraining TestDrive:/x } | Should -Throw '*damaged*' -ErrorId 'ModelFileInvalid,*'
    }
}
