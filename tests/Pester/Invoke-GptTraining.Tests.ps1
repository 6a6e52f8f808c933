BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -ContextLength 8 -EmbeddingWidth 16 -HeadCount 2 -LayerCount 1
    $text = 'every effort moves you. I really like chocolate. ' * 10
    $quick = @{ Text = $text; EvaluationInterval = 1000; EvaluationBatches = 1; LearningRate = 0.01 }
}

Describe 'Invoke-GptTraining' {
    It 'writes an evaluation before, on the way and after, and last the model' {
        $run = Invoke-GptTraining -Model $model -Text $text -MaxSteps 6 -EvaluationInterval 3 -EvaluationBatches 1
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
        $before = (Get-GptLoss -Model $model $text).CrossEntropy
        $trained = Invoke-GptTraining -Model $model @quick -MaxSteps 30 -ModelOnly
        $trained | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        (Get-GptLoss -Model $trained $text).CrossEntropy | Should -BeLessThan ($before - 2)
        (Get-GptLoss -Model $model $text).CrossEntropy | Should -Be $before
    }

    It 'gives the same losses from the same seed, and others from another' {
        $losses = 1, 1, 2 | ForEach-Object { (Invoke-GptTraining -Model $model @quick -MaxSteps 4 -Seed $_ -ModelOnly).TrainingHistory[-1].TrainingLoss }
        $losses[0] | Should -Be $losses[1]
        $losses[0] | Should -Not -Be $losses[2]
    }

    It 'learns from files in the pipeline' {
        Set-Content -Path TestDrive:/a.txt -Value $text
        Set-Content -Path TestDrive:/b.txt -Value $text
        $run = Get-ChildItem TestDrive:/*.txt | Invoke-GptTraining -Model $model -MaxSteps 2 -EvaluationBatches 1
        $run[-1] | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
    }

    It 'learns from a file with brackets in its name, and reports a path that leads to none' {
        [System.IO.File]::WriteAllText("$TestDrive/one.md", $text)
        [System.IO.File]::WriteAllText("$TestDrive/chapter [1].md", $text)
        $settings = @{ MaxSteps = 1; EvaluationBatches = 1; ModelOnly = $true }
        $both = Invoke-GptTraining -Model $model -Path "$TestDrive/one.md", "$TestDrive/chapter [1].md" @settings -ErrorAction Stop
        $both.TrainingHistory.ValidationLoss | Should -Be (Invoke-GptTraining -Model $model -Text $text, $text @settings).TrainingHistory.ValidationLoss
        $null = Invoke-GptTraining -Model $model -Path "$TestDrive/one.md", "$TestDrive/none*.md" @settings -ErrorAction SilentlyContinue -ErrorVariable missing
        $missing.FullyQualifiedErrorId | Should -Be 'PathNotFound,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
        { Invoke-GptTraining -Model $model -Path "$TestDrive/none*.md" @settings -ErrorAction SilentlyContinue } | Should -Throw -ErrorId 'TrainingRefused,*' -PassThru |
            ForEach-Object { $_.Exception.Message } | Should -BeLike '*no text*'
    }

    It 'trains nothing with -WhatIf' {
        Invoke-GptTraining -Model $model -Text $text -MaxSteps 2 -CheckpointPath TestDrive:/w -WhatIf | Should -BeNullOrEmpty
        'TestDrive:/w' | Should -Not -Exist
    }

    It 'saves a checkpoint that measures as the model does' {
        $trained = Invoke-GptTraining -Model $model @quick -MaxSteps 3 -CheckpointPath TestDrive:/c -ModelOnly
        $saved = Import-GptModel TestDrive:/c/checkpoint-3/model.safetensors
        (Get-GptLoss -Model $saved 'every effort').ExactSum | Should -BeExactly (Get-GptLoss -Model $trained 'every effort').ExactSum
    }

    It 'asks for -Resume or -Force where checkpoints are there, and begins anew with -Force' {
        $first = Invoke-GptTraining -Model $model @quick -MaxSteps 4 -CheckpointPath TestDrive:/r -ModelOnly
        { Invoke-GptTraining -Model $model @quick -MaxSteps 1 -CheckpointPath TestDrive:/r } | Should -Throw -ErrorId 'FileExists,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
        $anew = Invoke-GptTraining -Model $model @quick -MaxSteps 1 -CheckpointPath TestDrive:/r -Force
        $anew[0].TrainingLoss | Should -Be $first.TrainingHistory[0].TrainingLoss
        (Get-ChildItem TestDrive:/r).Name | Should -Be 'checkpoint-1'
    }

    It 'goes on from a checkpoint as if there had been no break' {
        $whole = Invoke-GptTraining -Model $model @quick -MaxSteps 12 -ModelOnly
        $null = Invoke-GptTraining -Model $model @quick -MaxSteps 5 -CheckpointPath TestDrive:/b -Resume
        $resumed = Invoke-GptTraining -Model $model @quick -MaxSteps 12 -CheckpointPath TestDrive:/b -Resume -ModelOnly
        (Get-GptLoss -Model $resumed $text).ExactSum | Should -BeExactly (Get-GptLoss -Model $whole $text).ExactSum
        $resumed.TrainingHistory[-1].TokenCount | Should -Be $whole.TrainingHistory[-1].TokenCount
    }

    It 'keeps the latest checkpoints' {
        $null = Invoke-GptTraining -Model $model @quick -MaxSteps 9 -CheckpointPath TestDrive:/k -CheckpointInterval 2 -CheckpointCount 2
        (Get-ChildItem TestDrive:/k).Name | Sort-Object | Should -Be 'checkpoint-8', 'checkpoint-9'
    }

    It 'refuses a checkpoint of another model, and of another training' {
        $null = Invoke-GptTraining -Model $model @quick -MaxSteps 1 -CheckpointPath TestDrive:/o
        $other = New-GptModel tiny -ContextLength 8 -EmbeddingWidth 8 -HeadCount 2 -LayerCount 1
        { Invoke-GptTraining -Model $other @quick -CheckpointPath TestDrive:/o -Resume } | Should -Throw -ErrorId 'TrainingRefused,*'
        { Invoke-GptTraining -Model $model @quick -BatchSize 5 -CheckpointPath TestDrive:/o -Resume } | Should -Throw -ErrorId 'TrainingRefused,*'
    }

    It 'refuses to resume with other settings of the optimizer, and names them' {
        $null = Invoke-GptTraining -Model $model @quick -MaxSteps 1 -CheckpointPath TestDrive:/p
        { Invoke-GptTraining -Model $model @quick -WeightDecay 0.5 -CheckpointPath TestDrive:/p -Resume } | Should -Throw '*WeightDecay is 0.5 and was 0.1*' -ErrorId 'TrainingRefused,*'
    }

    It 'passes over a damaged checkpoint with a warning, and leaves alone what is not its own' {
        $null = New-Item TestDrive:/d/checkpoint-500/trainer_state.json -Force -Value 'another program'
        $null = Invoke-GptTraining -Model $model @quick -MaxSteps 4 -CheckpointPath TestDrive:/d -CheckpointInterval 2
        Remove-Item TestDrive:/d/checkpoint-4/model.safetensors
        $resumed = Invoke-GptTraining -Model $model @quick -MaxSteps 4 -CheckpointPath TestDrive:/d -Resume -ModelOnly -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -HaveCount 1
        $warnings[0] | Should -BeLike '*checkpoint-4*'
        $resumed.TrainingHistory[-1].Step | Should -Be 4
        Get-Content TestDrive:/d/checkpoint-500/trainer_state.json | Should -Be 'another program'
    }

    It 'writes a sample after each epoch, and the history to a file' {
        $trained = Invoke-GptTraining -Model $model @quick -Epochs 2 -SamplePrompt 'every effort' -SampleTokens 3 -HistoryPath TestDrive:/h.csv -ModelOnly -InformationVariable written
        $written | Should -HaveCount 2
        $written[0].Tags | Should -Be 'TrainingSample'
        $trained.TrainingSamples | Should -HaveCount 2
        $trained.TrainingSamples[0] | Should -BeLike 'every effort*'
        $trained.TrainingEnding | Should -Be 'Completed'
        $table = [System.IO.File]::ReadAllLines((Join-Path $TestDrive 'h.csv'))
        $table | Should -HaveCount ($trained.TrainingHistory.Count + 1)
        $table[0] | Should -BeLike 'step,epoch,*'
        $table[-1].Split(',')[4] | Should -Be $trained.TrainingHistory[-1].TrainingLoss.ToString('R', [cultureinfo]::InvariantCulture)
    }

    It 'stops when the validation loss no longer falls' {
        $trained = Invoke-GptTraining -Model $model -Text $text -Epochs 1000 -EvaluationInterval 1 -EvaluationBatches 1 -LearningRate 0.05 -Patience 2 -ModelOnly
        $trained.TrainingEnding | Should -Be 'StoppedEarly'
    }

    It 'takes names of weights to freeze, and refuses those that fit none or all' {
        { Invoke-GptTraining -Model $model @quick -MaxSteps 1 -FreezeWeight 'block*' } | Should -Throw -ErrorId 'TrainingRefused,*'
        { Invoke-GptTraining -Model $model @quick -MaxSteps 1 -FreezeWeight '*' } | Should -Throw -ErrorId 'TrainingRefused,*'
        $null = Invoke-GptTraining -Model $model @quick -MaxSteps 2 -FreezeWeight 'tok_emb.*', 'pos_emb.*' -CheckpointPath TestDrive:/f
        $trained = Import-GptModel TestDrive:/f/checkpoint-2/model.safetensors
        (Get-GptLoss -Model $trained $text).CrossEntropy | Should -Not -Be (Get-GptLoss -Model $model $text).CrossEntropy
    }

    It 'takes all settings of a training' {
        $run = Invoke-GptTraining -Model $model -Text $text -MaxSteps 4 -MaxDuration 1:00 -BatchSize 2 -BatchesPerStep 2 -DropLastBatch -Stride 4 -ValidationFraction 0.2 -LearningRate 0.01 `
            -FinalLearningRate 0.001 -LearningRateDecay Linear -WarmUpSteps 1 -WeightDecay 0.05 -DecayMatricesOnly -GradientClipping 0 -LabelSmoothing 0.1 -OnDivergence SkipStep `
            -EvaluationInterval 2 -EvaluationBatches 1 -KeepBest -Seed 4 -Engine Managed -FreezeWeight 'pos_emb.*'
        $run[-1].TrainingHistory.Step | Should -Be 0, 2, 4
        $run[-1].TrainingHistory[-1].LearningRate | Should -BeLessOrEqual 0.0010000001
    }

    It 'says how to get the engine <_>, which this variant of the module does not have' -ForEach 'TorchSharp', 'PyTorchExact' {
        $thrown = { Invoke-GptTraining -Model $model @quick -MaxSteps 1 -Engine $_ } |
            Should -Throw -ErrorId 'TorchSharpNotInstalled,MLNetGpt.Cmdlets.InvokeGptTrainingCommand' -PassThru
        $thrown.Exception.Message | Should -BeLike "*$_*build.ps1 Stage -WithTorchSharp*"
        $thrown.CategoryInfo.Category | Should -Be 'NotInstalled'
    }

    It 'stops within a step on Ctrl+C, and a checkpoint keeps all that was learned' {
        $folder = Join-Path $TestDrive 's'
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddCommand('Invoke-GptTraining').AddParameter('Model', $model).AddParameter('Text', $text)
        $null = $shell.AddParameter('Epochs', 1000000).AddParameter('EvaluationInterval', 1000000).AddParameter('CheckpointInterval', 20).AddParameter('CheckpointPath', $folder)
        $null = $shell.BeginInvoke()
        foreach ($i in 1..200) {
            Start-Sleep -Milliseconds 100
            if (Test-Path "$folder/checkpoint-20") { break }
        }
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $stopping = $shell.BeginStop($null, $null)
        $stopping.AsyncWaitHandle.WaitOne(60000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $latest = (Get-ChildItem $folder).Name -replace 'checkpoint-' | ForEach-Object { [int]$_ } | Sort-Object | Select-Object -Last 1
        $resumed = Invoke-GptTraining -Model $model -Text $text -Epochs 1000000 -MaxSteps ($latest + 1) -EvaluationInterval 1000000 -CheckpointPath $folder -Resume -ModelOnly
        $resumed.TrainingHistory[-1].Step | Should -Be ($latest + 1)
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
        { Invoke-GptTraining -Model $model @arguments } | Should -Throw -ErrorId 'TrainingRefused,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
    }

    It 'shows evaluations as a table' {
        Invoke-GptTraining -Model $model @quick -MaxSteps 1 | Select-Object -First 2 | Out-String | Should -Match 'Step\s+Epoch\s+Tokens\s+TrainingLoss\s+ValidationLoss'
    }
}
