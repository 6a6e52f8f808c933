BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    . (Join-Path $PSScriptRoot StopMidway.ps1)
    $model = New-GptModel tiny -ContextLength 8 -EmbeddingWidth 16 -HeadCount 2 -LayerCount 1
    $text = 'every effort moves you. I really like chocolate. ' * 10
    $quick = @{ Text = $text; EvaluationInterval = 1000; EvaluationBatch = 1; LearningRate = 0.01 }
}

Describe 'Invoke-GptTraining' {
    It 'writes the model alone, with the evaluations before, on the way and after' {
        $trained = Invoke-GptTraining -Model $model -Text $text -MaxStep 6 -EvaluationInterval 3 -EvaluationBatch 1
        $trained | Should -HaveCount 1
        $trained | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        $trained.TrainingHistory | Should -BeOfType 'MLNetGpt.Output.TrainingEvaluation'
        $trained.TrainingHistory.Step | Should -Be 0, 3, 6
        foreach ($evaluation in $trained.TrainingHistory) {
            $evaluation.TrainingLoss | Should -BeGreaterThan 0
            $evaluation.ValidationLoss | Should -BeGreaterThan 0
        }
    }

    It 'writes evaluations to the information stream as they come, in a line each' {
        $written = Invoke-GptTraining -Model $model -Text $text -MaxStep 6 -EvaluationInterval 3 -EvaluationBatch 1 6>&1 |
            Where-Object { $_ -is [System.Management.Automation.InformationRecord] }
        $written.MessageData | Should -BeOfType 'MLNetGpt.Output.TrainingEvaluation'
        $written.MessageData.Step | Should -Be 0, 3, 6
        $written[1].Tags | Should -Be 'GptTraining', 'TrainingEvaluation'
        "$($written[1])" | Should -Match '^Step 3, epoch \d+, 00:\d\d:\d\d: training loss \d+\.\d{4}, validation loss \d+\.\d{4}$'
    }

    It 'learns: the loss of the text falls, and the model that was given stays' {
        $before = (Get-GptLoss -Model $model $text).CrossEntropy
        $trained = Invoke-GptTraining -Model $model @quick -MaxStep 30
        $trained | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        (Get-GptLoss -Model $trained $text).CrossEntropy | Should -BeLessThan ($before - 2)
        (Get-GptLoss -Model $model $text).CrossEntropy | Should -Be $before
    }

    It 'gives the same losses from the same seed, and others from another' {
        $losses = 1, 1, 2 | ForEach-Object { (Invoke-GptTraining -Model $model @quick -MaxStep 4 -Seed $_).TrainingHistory[-1].TrainingLoss }
        $losses[0] | Should -Be $losses[1]
        $losses[0] | Should -Not -Be $losses[2]
    }

    It 'learns from files in the pipeline' {
        Set-Content -Path TestDrive:/a.txt -Value $text
        Set-Content -Path TestDrive:/b.txt -Value $text
        $trained = Get-ChildItem TestDrive:/*.txt | Invoke-GptTraining -Model $model -MaxStep 2 -EvaluationBatch 1
        $trained | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
    }

    It 'learns from a file with brackets in its name, and reports a path that leads to none' {
        [System.IO.File]::WriteAllText("$TestDrive/one.md", $text)
        [System.IO.File]::WriteAllText("$TestDrive/chapter [1].md", $text)
        $settings = @{ MaxStep = 1; EvaluationBatch = 1 }
        $both = Invoke-GptTraining -Model $model -Path "$TestDrive/one.md", "$TestDrive/chapter [1].md" @settings -ErrorAction Stop
        $both.TrainingHistory.ValidationLoss | Should -Be (Invoke-GptTraining -Model $model -Text $text, $text @settings).TrainingHistory.ValidationLoss
        $null = Invoke-GptTraining -Model $model -Path "$TestDrive/one.md", "$TestDrive/none*.md" @settings -ErrorAction SilentlyContinue -ErrorVariable missing
        $missing.FullyQualifiedErrorId | Should -Be 'PathNotFound,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
        { Invoke-GptTraining -Model $model -Path "$TestDrive/none*.md" @settings -ErrorAction SilentlyContinue } | Should -Throw -ErrorId 'TrainingRefused,*' -PassThru |
            ForEach-Object { $_.Exception.Message } | Should -BeLike '*no text*'
    }

    It 'trains nothing with -WhatIf' {
        Invoke-GptTraining -Model $model -Text $text -MaxStep 2 -CheckpointPath TestDrive:/w -WhatIf | Should -BeNullOrEmpty
        'TestDrive:/w' | Should -Not -Exist
    }

    It 'returns the model as it is, and its losses, without steps' {
        $same = Invoke-GptTraining -Model $model @quick -MaxStep 0
        (Get-GptLoss -Model $same 'every effort').ExactSum | Should -BeExactly (Get-GptLoss -Model $model 'every effort').ExactSum
        $same.TrainingHistory.Step | Should -Be 0
    }

    It 'saves a checkpoint that measures as the model does' {
        $trained = Invoke-GptTraining -Model $model @quick -MaxStep 3 -CheckpointPath TestDrive:/c
        $saved = Import-GptModel TestDrive:/c/checkpoint-3/model.safetensors
        (Get-GptLoss -Model $saved 'every effort').ExactSum | Should -BeExactly (Get-GptLoss -Model $trained 'every effort').ExactSum
    }

    It 'asks for -Resume or -Force where checkpoints are there, and begins anew with -Force' {
        $first = Invoke-GptTraining -Model $model @quick -MaxStep 4 -CheckpointPath TestDrive:/r
        { Invoke-GptTraining -Model $model @quick -MaxStep 1 -CheckpointPath TestDrive:/r } | Should -Throw -ErrorId 'FileExists,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
        $anew = Invoke-GptTraining -Model $model @quick -MaxStep 1 -CheckpointPath TestDrive:/r -Force
        $anew.TrainingHistory[0].TrainingLoss | Should -Be $first.TrainingHistory[0].TrainingLoss
        (Get-ChildItem TestDrive:/r).Name | Should -Be 'checkpoint-1'
    }

    It 'goes on from a checkpoint as if there had been no break' {
        $whole = Invoke-GptTraining -Model $model @quick -MaxStep 12
        $null = Invoke-GptTraining -Model $model @quick -MaxStep 5 -CheckpointPath TestDrive:/b -Resume
        $resumed = Invoke-GptTraining -Model $model @quick -MaxStep 12 -CheckpointPath TestDrive:/b -Resume
        (Get-GptLoss -Model $resumed $text).ExactSum | Should -BeExactly (Get-GptLoss -Model $whole $text).ExactSum
        $resumed.TrainingHistory[-1].TokenCount | Should -Be $whole.TrainingHistory[-1].TokenCount
    }

    It 'keeps the latest checkpoints' {
        $null = Invoke-GptTraining -Model $model @quick -MaxStep 9 -CheckpointPath TestDrive:/k -CheckpointInterval 2 -CheckpointCount 2
        (Get-ChildItem TestDrive:/k).Name | Sort-Object | Should -Be 'checkpoint-8', 'checkpoint-9'
    }

    It 'refuses a checkpoint of another model, and of another training' {
        $null = Invoke-GptTraining -Model $model @quick -MaxStep 1 -CheckpointPath TestDrive:/o
        $other = New-GptModel tiny -ContextLength 8 -EmbeddingWidth 8 -HeadCount 2 -LayerCount 1
        { Invoke-GptTraining -Model $other @quick -CheckpointPath TestDrive:/o -Resume } | Should -Throw -ErrorId 'TrainingRefused,*'
        { Invoke-GptTraining -Model $model @quick -BatchSize 5 -CheckpointPath TestDrive:/o -Resume } | Should -Throw -ErrorId 'TrainingRefused,*'
    }

    It 'refuses to resume with other settings of the optimizer, and names them' {
        $null = Invoke-GptTraining -Model $model @quick -MaxStep 1 -CheckpointPath TestDrive:/p
        { Invoke-GptTraining -Model $model @quick -WeightDecay 0.5 -CheckpointPath TestDrive:/p -Resume } | Should -Throw '*WeightDecay is 0.5 and was 0.1*' -ErrorId 'TrainingRefused,*'
    }

    It 'passes over a damaged checkpoint with a warning, and leaves alone what is not its own' {
        $null = New-Item TestDrive:/d/checkpoint-500/trainer_state.json -Force -Value 'another program'
        $null = Invoke-GptTraining -Model $model @quick -MaxStep 4 -CheckpointPath TestDrive:/d -CheckpointInterval 2
        Remove-Item TestDrive:/d/checkpoint-4/model.safetensors
        $resumed = Invoke-GptTraining -Model $model @quick -MaxStep 4 -CheckpointPath TestDrive:/d -Resume -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -HaveCount 1
        $warnings[0] | Should -BeLike '*checkpoint-4*'
        $resumed.TrainingHistory[-1].Step | Should -Be 4
        Get-Content TestDrive:/d/checkpoint-500/trainer_state.json | Should -Be 'another program'
    }

    It 'writes a sample after each epoch, and the history to a file' {
        $trained = Invoke-GptTraining -Model $model @quick -Epoch 2 -SamplePrompt 'every effort' -SampleToken 3 -HistoryPath TestDrive:/h.csv -InformationVariable written
        $samples = $written | Where-Object Tags -Contains 'TrainingSample'
        $samples | Should -HaveCount 2
        $samples[0].MessageData | Should -BeLike 'every effort*'
        $esc = [char]27
        $escaped = Invoke-GptTraining -Model $model @quick -Epoch 1 -SamplePrompt "a${esc}[2J`nb" -SampleToken 1 -InformationVariable shown
        @($shown | Where-Object Tags -Contains 'TrainingSample')[0].MessageData | Should -BeLike "a\u001b``[2J`nb*"
        $escaped.TrainingSamples[0] | Should -BeLike "a${esc}``[2J`nb*"
        $trained.TrainingSamples | Should -HaveCount 2
        $trained.TrainingSamples[0] | Should -BeLike 'every effort*'
        $trained.TrainingEnding | Should -Be 'Completed'
        $table = [System.IO.File]::ReadAllLines((Join-Path $TestDrive 'h.csv'))
        $table | Should -HaveCount ($trained.TrainingHistory.Count + 1)
        $table[0] | Should -BeLike 'step,epoch,*'
        $table[-1].Split(',')[4] | Should -Be $trained.TrainingHistory[-1].TrainingLoss.ToString('R', [cultureinfo]::InvariantCulture)
    }

    It 'stops when the validation loss no longer falls' {
        $trained = Invoke-GptTraining -Model $model -Text $text -Epoch 1000 -EvaluationInterval 1 -EvaluationBatch 1 -LearningRate 0.05 -Patience 2
        $trained.TrainingEnding | Should -Be 'StoppedEarly'
    }

    It 'takes names of weights to freeze, and refuses those that fit none or all' {
        { Invoke-GptTraining -Model $model @quick -MaxStep 1 -FreezeWeight 'block*' } | Should -Throw -ErrorId 'TrainingRefused,*'
        { Invoke-GptTraining -Model $model @quick -MaxStep 1 -FreezeWeight '*' } | Should -Throw -ErrorId 'TrainingRefused,*'
        $null = Invoke-GptTraining -Model $model @quick -MaxStep 2 -FreezeWeight 'tok_emb.*', 'pos_emb.*' -CheckpointPath TestDrive:/f
        $trained = Import-GptModel TestDrive:/f/checkpoint-2/model.safetensors
        (Get-GptLoss -Model $trained $text).CrossEntropy | Should -Not -Be (Get-GptLoss -Model $model $text).CrossEntropy
    }

    It 'takes all settings of a training' {
        $run = Invoke-GptTraining -Model $model -Text $text -MaxStep 4 -MaxDuration 1:00 -BatchSize 2 -BatchPerStep 2 -DropLastBatch -Stride 4 -WindowLength 8 -ValidationFraction 0.2 -LearningRate 0.01 `
            -FinalLearningRate 0.001 -LearningRateDecay Linear -WarmUpStep 1 -WeightDecay 0.05 -DecayMatricesOnly -GradientClipping 0 -LabelSmoothing 0.1 -OnDivergence SkipStep `
            -EvaluationInterval 2 -EvaluationBatch 1 -KeepBest -Seed 4 -Engine Managed -FreezeWeight 'pos_emb.*'
        $run.TrainingHistory.Step | Should -Be 0, 2, 4
        $run.TrainingHistory[-1].LearningRate | Should -BeLessOrEqual 0.0010000001
    }

    It 'says how to get the engine <_>, which this variant of the module does not have' -ForEach 'TorchSharp', 'PyTorchExact' {
        $thrown = { Invoke-GptTraining -Model $model @quick -MaxStep 1 -Engine $_ } |
            Should -Throw -ErrorId 'TorchSharpNotInstalled,MLNetGpt.Cmdlets.InvokeGptTrainingCommand' -PassThru
        $thrown.Exception.Message | Should -BeLike "*$_*build.ps1 Stage -WithTorchSharp*"
        $thrown.CategoryInfo.Category | Should -Be 'NotInstalled'
    }

    It 'stops within a step on Ctrl+C, and a checkpoint keeps all that was learned' {
        $folder = Join-Path $TestDrive 's'
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddCommand('Invoke-GptTraining').AddParameter('Model', $model).AddParameter('Text', $text)
        $null = $shell.AddParameter('Epoch', 1000000).AddParameter('EvaluationInterval', 1000000).AddParameter('CheckpointInterval', 20).AddParameter('CheckpointPath', $folder)
        $running = $shell.BeginInvoke()
        foreach ($i in 1..200) {
            Start-Sleep -Milliseconds 100
            if (Test-Path "$folder/checkpoint-20") { break }
        }
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $stopping = $shell.BeginStop($null, $null)
        $stopping.AsyncWaitHandle.WaitOne(60000) | Should -BeTrue
        $running.AsyncWaitHandle.WaitOne(20000) | Should -BeTrue
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $latest = (Get-ChildItem $folder).Name -replace 'checkpoint-' | ForEach-Object { [int]$_ } | Sort-Object | Select-Object -Last 1
        $resumed = Invoke-GptTraining -Model $model -Text $text -Epoch 1000000 -MaxStep ($latest + 1) -EvaluationInterval 1000000 -CheckpointPath $folder -Resume
        $resumed.TrainingHistory[-1].Step | Should -Be ($latest + 1)
        $shell.Dispose()
    }

    It 'stops within a second in the middle of encoding a long text' {
        Measure-StopTime 'param($m) Invoke-GptTraining ("a" * 6000000) -Model $m' @{ m = $model } | Should -BeLessThan 3 # on a busy machine
    }

    It 'reports progress with loss, learning rate and time left' {
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddCommand('Invoke-GptTraining').AddParameter('Model', $model).AddParameter('Text', $text).AddParameter('MaxStep', 60).AddParameter('EvaluationBatch', 1).AddParameter('EvaluationInterval', 1000)
        $null = $shell.Invoke()
        $records = $shell.Streams.Progress
        $records[0].Activity | Should -BeLike 'Training*'
        $records.StatusDescription -like '*loss*learning rate*tokens/s*' | Should -Not -BeNullOrEmpty
        $records[-1].RecordType | Should -Be 'Completed'
        $shell.Dispose()
    }

    It 'refuses <why> with the error TrainingRefused' -ForEach @(
        @{ why = 'a text of one token'; arguments = @{ Text = 'every' } }
        @{ why = 'no steps'; arguments = @{ Text = 'every effort moves you'; MaxStep = -1 } }
        @{ why = 'a negative learning rate'; arguments = @{ Text = 'every effort moves you'; LearningRate = -1 } }
        @{ why = 'a final learning rate above the first'; arguments = @{ Text = 'every effort moves you'; LearningRate = 0.1; FinalLearningRate = 0.2 } }
        @{ why = 'a stride over the context'; arguments = @{ Text = 'every effort moves you'; Stride = 1000 } }
    ) {
        { Invoke-GptTraining -Model $model @arguments } | Should -Throw -ErrorId 'TrainingRefused,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
    }

    It 'shows evaluations as a table' {
        (Invoke-GptTraining -Model $model @quick -MaxStep 1).TrainingHistory | Out-String | Should -Match 'Step\s+Epoch\s+Tokens\s+TrainingLoss\s+ValidationLoss'
    }

    It 'shows the hours of a training that takes more than a day' {
        $long = [pscustomobject]@{ PSTypeName = 'MLNetGpt.Output.TrainingEvaluation'; Elapsed = [timespan]'1.06:05:04' }
        $long | Out-String | Should -Match '30:05:04'
    }

    Context 'nothing that was trained is lost' {
        It 'finds out before the first step that the history cannot be written: <why>' -ForEach @(
            @{ why = 'a folder'; id = 'PathIsFolder'; path = 'history-folder' }
            @{ why = 'no such folder'; id = 'FolderNotFound'; path = 'none/history.csv' }
            @{ why = 'an existing file'; id = 'FileExists'; path = 'taken.csv' }
        ) {
            $null = New-Item -ItemType Directory TestDrive:/history-folder -Force
            Set-Content TestDrive:/taken.csv 'mine'
            { Invoke-GptTraining -Model $model @quick -MaxStep 1 -HistoryPath "TestDrive:/$path" -CheckpointPath TestDrive:/never } |
                Should -Throw -ErrorId "$id,MLNetGpt.Cmdlets.InvokeGptTrainingCommand"
            'TestDrive:/never' | Should -Not -Exist
            Get-Content TestDrive:/taken.csv | Should -Be 'mine'
        }

        It 'replaces a history with -Force, and with -Resume only a history' {
            Set-Content TestDrive:/old.csv 'mine'
            $null = Invoke-GptTraining -Model $model @quick -MaxStep 1 -HistoryPath TestDrive:/old.csv -CheckpointPath TestDrive:/hf -Force
            Get-Content TestDrive:/old.csv -TotalCount 1 | Should -BeLike 'step,epoch,*'
            $null = Invoke-GptTraining -Model $model @quick -MaxStep 2 -HistoryPath TestDrive:/old.csv -CheckpointPath TestDrive:/hf -Resume
            (Get-Content TestDrive:/old.csv)[-1] | Should -BeLike '2,*'
            Set-Content TestDrive:/notes.csv 'mine'
            { Invoke-GptTraining -Model $model @quick -MaxStep 2 -HistoryPath TestDrive:/notes.csv -CheckpointPath TestDrive:/hf -Resume } |
                Should -Throw -ErrorId 'FileExists,*'
        }

        It 'writes the model, and an error, where the history can no longer be written' {
            $folder = Join-Path $TestDrive 'vanishing'
            $null = New-Item -ItemType Directory $folder
            $trained = Invoke-GptTraining -Model $model @quick -MaxStep 3 -HistoryPath "$folder/h.json" -ErrorVariable failed -ErrorAction SilentlyContinue 6>&1 |
                ForEach-Object { if (Test-Path $folder) { Remove-Item $folder }; $_ } | Where-Object { $_.GetType().Name -eq 'LanguageModel' }
            $failed.FullyQualifiedErrorId | Should -Be 'HistoryFailed,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
            $trained.TrainingHistory[-1].Step | Should -Be 3
            [object]::ReferenceEquals($failed[0].TargetObject, $trained) | Should -BeTrue
        }

        It 'writes the model, and an error, where a checkpoint cannot be written' {
            $folder = Join-Path $TestDrive 'blocked'
            $trained = Invoke-GptTraining -Model $model @quick -MaxStep 3 -CheckpointPath $folder -ErrorVariable failed -ErrorAction SilentlyContinue 6>&1 |
                ForEach-Object { if (Test-Path $folder -PathType Container) { Remove-Item $folder -Recurse -Force; Set-Content $folder 'in the way' }; $_ } |
                Where-Object { $_.GetType().Name -eq 'LanguageModel' }
            $failed.FullyQualifiedErrorId | Should -Be 'CheckpointFailed,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
            $trained.TrainingHistory[-1].Step | Should -Be 3
        }

        It 'writes the model, and an error, where the loss diverges' {
            $diverging = @{ Text = $text; LearningRate = 1e30; GradientClipping = 0; MaxStep = 50; EvaluationInterval = 1000; EvaluationBatch = 1 }
            $trained = Invoke-GptTraining -Model $model @diverging -ErrorVariable failed -ErrorAction SilentlyContinue
            $failed.FullyQualifiedErrorId | Should -Be 'TrainingDiverged,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
            $trained.TrainingEnding | Should -Be 'Diverged'
            $thrown = { Invoke-GptTraining -Model $model @diverging -ErrorAction Stop } | Should -Throw -ErrorId 'TrainingDiverged,*' -PassThru
            $thrown.TargetObject | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        }
    }

    Context 'parameters' {
        It 'takes <value> as <seconds> seconds' -ForEach @(
            @{ value = 30; seconds = 30 }
            @{ value = 0.5; seconds = 0.5 }
            @{ value = '30'; seconds = 30 }
            @{ value = '00:05:00'; seconds = 300 }
            @{ value = [timespan]::FromMinutes(2); seconds = 120 }
        ) {
            $type = (Get-Command Invoke-GptTraining).ImplementingType
            $attribute = $type.GetProperty('MaxDuration').GetCustomAttributes($true) |
                Where-Object { $_ -is [System.Management.Automation.ArgumentTransformationAttribute] }
            $attribute.Transform($null, $value).TotalSeconds | Should -Be $seconds
        }

        It 'trains for seconds, and refuses what is no duration' {
            $trained = Invoke-GptTraining -Model $model @quick -MaxDuration 30 -MaxStep 2
            $trained.TrainingEnding | Should -Be 'Completed'
            { Invoke-GptTraining -Model $model @quick -MaxDuration 'soon' } | Should -Throw '*number of seconds*' -ErrorId 'ParameterArgumentTransformationError,*'
        }

        It 'refuses <why>, which would be ignored' -ForEach @(
            @{ why = '-Resume without -CheckpointPath'; arguments = @{ Resume = $true } }
            @{ why = '-Resume with -Force'; arguments = @{ Resume = $true; Force = $true; CheckpointPath = 'c' } }
            @{ why = '-Force alone'; arguments = @{ Force = $true } }
            @{ why = '-CheckpointInterval alone'; arguments = @{ CheckpointInterval = 5 } }
            @{ why = '-CheckpointCount alone'; arguments = @{ CheckpointCount = 2 } }
            @{ why = '-SampleToken alone'; arguments = @{ SampleToken = 5 } }
            @{ why = '-Patience without text to measure on'; arguments = @{ Patience = 2; ValidationFraction = 0 } }
            @{ why = '-KeepBest without text to measure on'; arguments = @{ KeepBest = $true; ValidationFraction = 0 } }
            @{ why = '-ThreadCount with libtorch'; arguments = @{ ThreadCount = 2; Engine = 'TorchSharp' } }
        ) {
            { Invoke-GptTraining -Model $model -Text $text -MaxStep 1 @arguments } |
                Should -Throw -ErrorId 'ParameterWithoutEffect,MLNetGpt.Cmdlets.InvokeGptTrainingCommand'
        }

        It 'warns where no sample was written' {
            $null = Invoke-GptTraining -Model $model @quick -MaxStep 1 -SamplePrompt 'every' -WarningVariable warnings -WarningAction SilentlyContinue
            $warnings | Should -BeLike '*No sample*'
        }

        It 'lets the learning rate fall to a tenth with -LearningRateDecay alone' {
            $trained = Invoke-GptTraining -Model $model @quick -MaxStep 4 -LearningRateDecay Linear
            $trained.TrainingHistory[-1].LearningRate | Should -BeLessThan 0.00100001
        }

        It 'checks <why> before -WhatIf says yes, in the names of PowerShell' -ForEach @(
            @{ why = 'a learning rate'; arguments = @{ LearningRate = -1 }; message = '-LearningRate is -1; it must be above 0 and finite.' }
            @{ why = 'a frozen weight'; arguments = @{ FreezeWeight = 'block*' }; message = "-FreezeWeight *'block``*'*" }
            @{ why = 'steps'; arguments = @{ MaxStep = -1 }; message = '-MaxStep is -1; it must be at least 0.' }
            @{ why = 'a stride'; arguments = @{ Stride = 1000 }; message = '*1000*' }
            @{ why = 'a window'; arguments = @{ WindowLength = 100000 }; message = '-WindowLength is 100000; it must be from 1 to *' }
        ) {
            $thrown = { Invoke-GptTraining -Model $model -Text $text @arguments -WhatIf } | Should -Throw -ErrorId 'TrainingRefused,*' -PassThru
            $thrown.Exception.Message | Should -BeLike $message
            $thrown.Exception.Message | Should -Not -Match "Parameter '"
        }

        It 'knows the names of other tools, and those that it had before' {
            $parameters = (Get-Command Invoke-GptTraining).Parameters
            $parameters['Epoch'].Aliases | Should -Contain 'Epochs'
            $parameters['MaxStep'].Aliases | Should -Contain 'max_steps'
            $parameters['BatchPerStep'].Aliases | Should -Contain 'GradientAccumulationSteps'
            (Invoke-GptTraining -Model $model @quick -MaxSteps 2 -Epochs 3).TrainingHistory[-1].Step | Should -Be 2
        }

        It 'completes names of weights' {
            $typed = 'Invoke-GptTraining -Model $model -FreezeWeight trf_blocks.0.att.W_q'
            (TabExpansion2 $typed $typed.Length).CompletionMatches.CompletionText | Should -Contain 'trf_blocks.0.att.W_query.weight'
        }

        It 'gives the same weights with any number of threads' {
            $sums = 1, 3 | ForEach-Object { (Get-GptLoss -Model (Invoke-GptTraining -Model $model @quick -MaxStep 3 -ThreadCount $_) $text).ExactSum }
            $sums[0] | Should -BeExactly $sums[1]
        }

        It 'says that a model was disposed of' {
            $gone = New-GptModel tiny
            $gone.Dispose()
            { Invoke-GptTraining -Model $gone -Text 'a b c' -MaxStep 1 } | Should -Throw -ErrorId 'ModelDisposed,*'
        }
    }

    Context '-AsJob' {
        It 'trains in the background, and Receive-Job returns the live model' {
            $job = Invoke-GptTraining -Model $model @quick -MaxStep 3 -AsJob
            $job | Should -BeOfType ([System.Management.Automation.Job])
            $null = $job | Wait-Job -Timeout 60
            $job.State | Should -Be 'Completed'
            (Get-Job -Id $job.Id).HasMoreData | Should -BeTrue
            $job.Information.MessageData | Should -BeOfType 'MLNetGpt.Output.TrainingEvaluation'
            $trained = $job | Receive-Job
            $trained | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
            $expected = Invoke-GptTraining -Model $model @quick -MaxStep 3
            (Get-GptLoss -Model $trained $text).ExactSum | Should -BeExactly (Get-GptLoss -Model $expected $text).ExactSum
            Remove-Job $job
        }

        It 'reads files and paths as the session sees them' {
            Set-Content TestDrive:/job.txt $text
            $job = Get-Item TestDrive:/job.txt | Invoke-GptTraining -Model $model -MaxStep 2 -EvaluationBatch 1 -HistoryPath TestDrive:/job.csv -CheckpointPath TestDrive:/job -AsJob
            $null = $job | Receive-Job -Wait -AutoRemoveJob
            'TestDrive:/job.csv' | Should -Exist
            'TestDrive:/job/checkpoint-2' | Should -Exist
        }

        It 'keeps all that was learned in a checkpoint when it is stopped' {
            $folder = Join-Path $TestDrive 'stopped'
            $job = Invoke-GptTraining -Model $model -Text $text -Epoch 1000000 -EvaluationInterval 1000000 -CheckpointInterval 20 -CheckpointPath $folder -AsJob
            foreach ($i in 1..200) {
                Start-Sleep -Milliseconds 100
                if (Test-Path "$folder/checkpoint-20") { break }
            }
            Stop-Job $job
            $job.State | Should -Be 'Stopped'
            Remove-Job $job
            $latest = (Get-ChildItem $folder).Name -replace 'checkpoint-' | ForEach-Object { [int]$_ } | Sort-Object | Select-Object -Last 1
            $resumed = Resume-GptTraining $folder -MaxStep ($latest + 1)
            $resumed.TrainingHistory[-1].Step | Should -Be ($latest + 1)
        }

        It 'fails with the error of the training' {
            $null = Invoke-GptTraining -Model $model @quick -MaxStep 1 -CheckpointPath TestDrive:/other
            $job = Invoke-GptTraining -Model $model -Text 'something else entirely, for another training' -MaxStep 2 -CheckpointPath TestDrive:/other -Resume -AsJob
            $null = $job | Wait-Job -Timeout 60
            $job.State | Should -Be 'Failed'
            $null = $job | Receive-Job -ErrorVariable failed -ErrorAction SilentlyContinue
            $failed[0].FullyQualifiedErrorId | Should -BeLike 'TrainingRefused,*'
            Remove-Job $job
        }

        It 'refuses bad settings at once, and starts nothing with -WhatIf' {
            { Invoke-GptTraining -Model $model -Text $text -LearningRate -1 -AsJob } | Should -Throw -ErrorId 'TrainingRefused,*'
            Invoke-GptTraining -Model $model -Text $text -AsJob -WhatIf | Should -BeNullOrEmpty
        }
    }
}
