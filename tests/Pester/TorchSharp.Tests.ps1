# The module that is staged with libtorch. Its work is done in a new process: a process can hold only one variant of the module.
BeforeAll {
    . (Join-Path $PSScriptRoot NewProcess.ps1)
    $folder = Join-Path $PSScriptRoot '../../artifacts/module-torchsharp/MLNetGpt'
    $seen = Invoke-InNewProcess -ArgumentList $folder, $TestDrive, $PSScriptRoot {
        param($folder, $drive, $tests)
        . (Join-Path $tests StopMidway.ps1)
        Import-Module (Join-Path $folder MLNetGpt.psd1)
        $model = New-GptModel tiny -ContextLength 8 -EmbeddingWidth 16 -HeadCount 2 -LayerCount 1 -DropoutRate 0
        $text = 'every effort moves you. I really like chocolate. ' * 10
        $settings = @{ Text = $text; EvaluationBatch = 1; LearningRate = 0.01 }
        $seen = @{}

        function Get-LoadedLibrary { @([System.Diagnostics.Process]::GetCurrentProcess().Modules.ModuleName) -like '*torch_cpu*' }

        $null = Get-GptLoss -Model $model 'every effort'
        $null = Invoke-GptGenerate -Model $model 'every effort' -MaxToken 2
        $null = Invoke-GptTraining -Model $model @settings -MaxStep 1
        $seen.LibraryOfManaged = Get-LoadedLibrary
        $seen.AssemblyOfManaged = [System.AppDomain]::CurrentDomain.GetAssemblies().FullName -like '*TorchSharp*'

        $run = Invoke-GptTraining -Model $model -Text $text -MaxStep 4 -MaxDuration 1:00 -BatchSize 2 -BatchPerStep 2 -DropLastBatch -Stride 4 `
            -ValidationFraction 0.2 -LearningRate 0.01 -FinalLearningRate 0.001 -LearningRateDecay Linear -WarmUpStep 1 -WeightDecay 0.05 `
            -DecayMatricesOnly -GradientClipping 0 -LabelSmoothing 0.1 -OnDivergence SkipStep -EvaluationInterval 2 -EvaluationBatch 1 `
            -KeepBest -Seed 4 -Engine TorchSharp -FreezeWeight 'pos_emb.*'
        $seen.AllSettings = $run.TrainingHistory
        $seen.LibraryOfTorchSharp = Get-LoadedLibrary

        $seen.Last = 'Managed', 'TorchSharp' | ForEach-Object { (Invoke-GptTraining -Model $model @settings -MaxStep 6 -Engine $_).TrainingHistory[-1] }
        $seen.Exact = 1, 2 | ForEach-Object {
            , (Invoke-GptTraining -Model $model @settings -MaxStep 6 -EvaluationInterval 2 -Engine PyTorchExact).TrainingHistory
        }

        $seen.StopTime = Measure-StopTime 'param($m) Invoke-GptTraining ("a" * 6000000) -Model $m -Engine PyTorchExact' @{ m = $model }

        $whole = Invoke-GptTraining -Model $model @settings -MaxStep 8 -Engine TorchSharp
        $null = Invoke-GptTraining -Model $model @settings -MaxStep 3 -Engine TorchSharp -CheckpointPath $drive/b -Resume
        $resumed = Invoke-GptTraining -Model $model @settings -MaxStep 8 -Engine TorchSharp -CheckpointPath $drive/b -Resume
        $seen.WithoutBreak, $seen.Resumed = $whole, $resumed | ForEach-Object { "$((Get-GptLoss -Model $_ $text).ExactSum)" }
        foreach ($engine in 'TorchSharp', 'PyTorchExact') {
            $whole = Invoke-GptTraining -Model $model @settings -MaxStep 6 -Engine $engine
            $null = Invoke-GptTraining -Model $model @settings -MaxStep 3 -Engine $engine -CheckpointPath "$drive/$engine"
            $seen[$engine] = $whole, (Resume-GptTraining "$drive/$engine" -MaxStep 6) | ForEach-Object { "$((Get-GptLoss -Model $_ $text).ExactSum)" }
        }

        $seen
    }
}

Describe 'The module with TorchSharp' {
    It 'loads no libtorch to measure, to generate and to train with the managed engine' {
        $seen.LibraryOfManaged | Should -BeNullOrEmpty
        $seen.AssemblyOfManaged | Should -BeNullOrEmpty
    }

    It 'takes all settings of a training with the engine TorchSharp' {
        $seen.AllSettings.Step | Should -Be 0, 2, 4
        $seen.AllSettings[-1].LearningRate | Should -BeLessOrEqual 0.0010000001
        $seen.LibraryOfTorchSharp | Should -Not -BeNullOrEmpty
    }

    It 'gives nearly the same losses with the engines Managed and TorchSharp' {
        $seen.Last | Should -HaveCount 2
        [math]::Abs($seen.Last[0].TrainingLoss - $seen.Last[1].TrainingLoss) | Should -BeLessThan 1e-4
        [math]::Abs($seen.Last[0].ValidationLoss - $seen.Last[1].ValidationLoss) | Should -BeLessThan 1e-4
    }

    It 'evaluates as the book does with the engine PyTorchExact, and repeats its numbers' {
        $seen.Exact[0].Step | Should -Be 0, 1, 3, 5, 6
        $seen.Exact[0].TrainingLoss | Should -Be $seen.Exact[1].TrainingLoss
        $seen.Exact[0].ValidationLoss | Should -Be $seen.Exact[1].ValidationLoss
    }

    It 'stops within a second in the middle of encoding a text for the engine PyTorchExact' {
        $seen.StopTime | Should -BeLessThan 3 # on a busy machine
    }

    It 'goes on from a checkpoint of the engine TorchSharp as if there had been no break' {
        $seen.Resumed | Should -Not -BeNullOrEmpty
        $seen.Resumed | Should -BeExactly $seen.WithoutBreak
    }

    It 'resumes a training of the engine <_> from the folder alone' -ForEach 'TorchSharp', 'PyTorchExact' {
        $seen[$_] | Should -HaveCount 2
        $seen[$_][1] | Should -BeExactly $seen[$_][0]
    }

    It 'comes with the native libraries that it loads, and with no others of libtorch' {
        $native = (Get-ChildItem (Join-Path $folder lib)).Name -notlike '*.dll'
        $native -like '*torch_python*' | Should -BeNullOrEmpty
        $native -like '*test*' | Should -BeNullOrEmpty
    }
}
