BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -ContextLength 8 -EmbeddingWidth 16 -HeadCount 2 -LayerCount 1
    $text = 'every effort moves you. I really like chocolate. ' * 10
    $quick = @{ Text = $text; EvaluationInterval = 1000; EvaluationBatches = 1; LearningRate = 0.01 }
}

Describe 'Invoke-GptTraining' {
    It 'writes an evaluation before, on the way and after, and last the model' {
        $run = Invoke-GptTraining $model -Text $text -MaxSteps 6 -EvaluationInterval 3 -EvaluationBatches 1
        $run | Should -HaveCount 4
        $run[0..2] | Should -BeOfType 'MLNetGpt.Output.TrainingEvaluation'
        $run[3] | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        $run[0..2].Step | Should -Be 0, 3, 6
        $run[3].TrainingHistory.Step | Should -Be 0, 3, 6
        foreach ($evaluation in $run[0..2]) {
            $evaluation.TrainingLoss | Should -BeGreaterThan 0
            $evaluation.ValidationLoss | Should -BeGreaterThan 0
        }
    }

    It 'learns: the loss of the text falls, and the model that was given stays' {
        $before = (Get-GptLoss $model $text).CrossEntropy
        $trained = Invoke-GptTraining $model @quick -MaxSteps 30 -ModelOnly
        $trained | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        (Get-GptLoss $trained $text).CrossEntropy | Should -BeLessThan ($before - 2)
        (Get-GptLoss $model $text).CrossEntropy | Should -Be $before
    }

    It 'gives the same losses from the same seed, and others from another' {
        $losses = 1, 1, 2 | ForEach-Object { (Invoke-GptTraining $model @quick -MaxSteps 4 -Seed $_ -ModelOnly).TrainingHistory[-1].TrainingLoss }
        $losses[0] | Should -Be $losses[1]
        $losses[0] | Should -Not -Be $losses[2]
    }

    It 'learns from files in the pipeline' {
        Set-Content -Path TestDrive:/a.txt -Value $text
        Set-Content -Path TestDrive:/b.txt -Value $text
        $run = Get-ChildItem TestDrive:/*.txt | Invoke-GptTraining $model -MaxSteps 2 -EvaluationBatches 1
        $run[-1] | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
    }

    It 'trains nothing with -WhatIf' {
        Invoke-GptTraining $model -Text $text -MaxSteps 2 -CheckpointPath TestDrive:/w.safetensors -WhatIf | Should -BeNullOrEmpty
        'TestDrive:/w.safetensors' | Should -Not -Exist
    }

    It 'saves a checkpoint that measures as the model does' {
        $trained = Invoke-GptTraining $model @quick -MaxSteps 3 -CheckpointPath TestDrive:/c.safetensors -ModelOnly
        $saved = Import-GptModel TestDrive:/c.safetensors
        (Get-GptLoss $saved 'every effort').ExactSum | Should -BeExactly (Get-GptLoss $trained 'every effort').ExactSum
    }

    It 'asks for -Resume or -Force where the checkpoint is there, and goes on from it with -Resume' {
        $first = Invoke-GptTraining $model @quick -MaxSteps 20 -CheckpointPath TestDrive:/r.safetensors -ModelOnly
        { Invoke-GptTraining $model @quick -MaxSteps 1 -CheckpointPath TestDrive:/r.safetensors } | Should -Throw -ErrorId 'FileExists,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
        $resumed = Invoke-GptTraining $model @quick -MaxSteps 1 -CheckpointPath TestDrive:/r.safetensors -Resume
        $resumed[0].TrainingLoss | Should -Be $first.TrainingHistory[-1].TrainingLoss
        $anew = Invoke-GptTraining $model @quick -MaxSteps 1 -CheckpointPath TestDrive:/r.safetensors -Force
        $anew[0].TrainingLoss | Should -Be $first.TrainingHistory[0].TrainingLoss
    }

    It 'refuses a checkpoint of another model' {
        Export-GptModel (New-GptModel tiny -LayerCount 1) TestDrive:/other.safetensors
        { Invoke-GptTraining $model -Text $text -CheckpointPath TestDrive:/other.safetensors -Resume } | Should -Throw -ErrorId 'ModelFileInvalid,*'
    }

    It 'stops within a step on Ctrl+C and leaves a checkpoint' {
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddCommand('Invoke-GptTraining').AddParameter('Model', $model).AddParameter('Text', $text)
        $null = $shell.AddParameter('Epochs', 1000000).AddParameter('EvaluationInterval', 1000000).AddParameter('CheckpointPath', (Join-Path $TestDrive 's.safetensors'))
        $null = $shell.BeginInvoke()
        foreach ($i in 1..100) {
            Start-Sleep -Milliseconds 100
            if (Test-Path TestDrive:/s.safetensors) { break }
        }
        $first = (Get-Item TestDrive:/s.safetensors).LastWriteTimeUtc
        Start-Sleep -Milliseconds 500
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $stopping = $shell.BeginStop($null, $null)
        $stopping.AsyncWaitHandle.WaitOne(60000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        (Get-Item TestDrive:/s.safetensors).LastWriteTimeUtc | Should -BeGreaterThan $first -Because 'it is saved again when training is stopped'
        Import-GptModel TestDrive:/s.safetensors | Should -Not -BeNullOrEmpty
        $shell.Dispose()
    }

    It 'reports progress with loss, learning rate and time left' {
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddCommand('Invoke-GptTraining').AddParameter('Model', $model).AddParameter('Text', $text).AddParameter('MaxSteps', 60).AddParameter('EvaluationBatches', 1).AddParameter('EvaluationInterval', 1000)
        $null = $shell.Invoke()
        $records = $shell.Streams.Progress
        $records[0].Activity | Should -BeLike 'Training*'
        $records.StatusDescription -like '*loss*learning rate*tokens/s*' | Should -Not -BeNullOrEmpty
        $records[-1].RecordType | Should -Be 'Completed'
        $shell.Dispose()
    }

    It 'refuses <why> with the error TrainingRefused' -ForEach @(
        @{ why = 'a text of one token'; arguments = @{ Text = 'every' } }
        @{ why = 'no steps'; arguments = @{ Text = 'every effort moves you'; MaxSteps = 0 } }
        @{ why = 'a negative learning rate'; arguments = @{ Text = 'every effort moves you'; LearningRate = -1 } }
        @{ why = 'a final learning rate above the first'; arguments = @{ Text = 'every effort moves you'; LearningRate = 0.1; FinalLearningRate = 0.2 } }
        @{ why = 'a stride over the context'; arguments = @{ Text = 'every effort moves you'; Stride = 1000 } }
    ) {
        { Invoke-GptTraining $model @arguments } | Should -Throw -ErrorId 'TrainingRefused,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
    }

    It 'shows evaluations as a table' {
        Invoke-GptTraining $model @quick -MaxSteps 1 | Select-Object -First 2 | Out-String | Should -Match 'Step\s+Epoch\s+Tokens\s+TrainingLoss\s+ValidationLoss'
    }
}
