BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $tasks = Resolve-Path (Join-Path $PSScriptRoot '../../samples/Data/tasks')
    $fixtures = Resolve-Path (Join-Path $PSScriptRoot '../Unit/Fixtures/Tasks')
    $model = New-GptModel tiny -ContextLength 64 -TiedHead:$false
    $cloze = Join-Path $tasks cloze.jsonl
}

Describe 'Measure-GptTask' {
    It 'writes the score of a task, with intervals' {
        $score = Measure-GptTask $cloze $model
        $score | Should -HaveCount 1
        $score.Task, $score.Source, $score.Model | Should -Be 'cloze', $cloze, $model.Name
        $score.QuestionCount, $score.AnsweredCount | Should -Be 200, 200
        $score.Accuracy | Should -Be ($score.RightCount / 200)
        $score.ChanceAccuracy | Should -Be 0.25
        $score.Lower | Should -BeLessThan $score.Accuracy
        $score.Upper | Should -BeGreaterThan $score.Accuracy
        $score.StandardError | Should -BeGreaterThan 0.01
        $score.BrierScore | Should -BeGreaterThan $score.BrierScoreLower
        $score.Perplexity | Should -BeLessThan $score.PerplexityUpper
        $score.Confidence | Should -Be 0.95
        $wide = Measure-GptTask -Path $cloze -Model $model -Confidence 0.99
        $wide.Accuracy | Should -Be $score.Accuracy
        $wide.Lower | Should -BeLessThan $score.Lower
        $wide.PerplexityUpper | Should -BeGreaterThan $score.PerplexityUpper
    }

    It 'takes files from the pipeline, each of which is a task' {
        $scores = Get-ChildItem $tasks | Measure-GptTask -Model $model
        $scores.Task | Should -Be 'agreement', 'cloze', 'last-word'
        $scores.Accuracy | Should -Be (Measure-GptTask -Path "$tasks/*.jsonl" -Model $model).Accuracy
        $scores[0].ChanceAccuracy | Should -Be 0.5
        $scores[2].ChanceAccuracy | Should -Be 0
        $scores[2].BrierScore | Should -BeNullOrEmpty
        (Measure-GptTask -LiteralPath $cloze -Model $model).Accuracy | Should -Be $scores[1].Accuracy
    }

    It 'uses the default model of the session' {
        try {
            Set-GptModel $model
            (Measure-GptTask $cloze).Model | Should -Be $model.Name
        }
        finally { Set-GptModel $null }
        { Measure-GptTask $cloze } | Should -Throw -ErrorId 'NoModel,MLNetGpt.Cmdlets.MeasureGptTaskCommand'
    }

    It 'writes what was answered to each question' {
        $score = Measure-GptTask $cloze $model
        $answers = Measure-GptTask $cloze $model -PerQuestion
        $answers | Should -HaveCount 200
        @($answers | Where-Object IsRight).Count | Should -Be $score.RightCount
        $first = $answers[0]
        $first.Index | Should -Be 0
        $first.Choice | Should -HaveCount 4
        $first.Context | Should -BeLike 'I think I see*'
        $first.Choice[$first.Answer] | Should -Be 'help'
        $first.LogLikelihood | Should -HaveCount 4
        ($first.Probability | Measure-Object -Sum).Sum | Should -BeGreaterThan 0.999999
        $best = 0..3 | Sort-Object { -$first.LogLikelihood[$_] } | Select-Object -First 1
        $first.Predicted | Should -Be $best
        $first | Format-List | Out-String | Should -Match "LogLikelihood +: -1\d\.\d{4}, "
    }

    It 'reads the layout of <file>' -ForEach @(
        @{ file = 'hellaswag.jsonl'; layout = 'HellaSwag'; count = 40 }
        @{ file = 'arc.jsonl'; layout = 'Arc'; count = 40 }
        @{ file = 'piqa.jsonl'; layout = 'Piqa'; count = 40 }
        @{ file = 'winogrande.jsonl'; layout = 'Winogrande'; count = 40 }
        @{ file = 'lambada.jsonl'; layout = 'Lambada'; count = 40 }
        @{ file = 'blimp.jsonl'; layout = 'Blimp'; count = 40 }
        @{ file = 'llama-hellaswag.txt'; layout = 'LlamaCppHellaSwag'; count = 240 }
        @{ file = 'llama-winogrande.csv'; layout = 'LlamaCppWinogrande'; count = 240 }
        @{ file = 'llama-multiple-choice.bin'; layout = 'LlamaCppMultipleChoice'; count = 240 }
    ) {
        $score = Measure-GptTask "$fixtures/$file" $model
        $score.QuestionCount | Should -Be $count
        (Measure-GptTask "$fixtures/$file" $model -Layout $layout).Perplexity | Should -Be $score.Perplexity
    }

    It 'measures as llama-perplexity on request' {
        $ours, $theirs = 'Harness', 'LlamaCpp' | ForEach-Object { Measure-GptTask "$fixtures/llama-winogrande.csv" $model -Convention $_ }
        $theirs.Perplexity | Should -BeLessThan $ours.Perplexity # without the last token
    }

    It 'measures texts' {
        Set-Content TestDrive:/texts.jsonl '{"document":"Every effort moves you"}', '{"document":"I really like chocolate"}'
        $score = Measure-GptTask TestDrive:/texts.jsonl $model
        $score.QuestionCount, $score.AnsweredCount | Should -Be 2, 0
        $score.Accuracy | Should -BeNullOrEmpty
        $losses = 'Every effort moves you', 'I really like chocolate' | Get-GptLoss -Model $model -PrependEndOfText | Measure-GptLoss
        $score.WordPerplexity | Should -Be $losses.WordPerplexity
        $score.BitsPerByte | Should -Be $losses.BitsPerByte
        $score | Format-List | Out-String | Should -Match 'WordPerplexity'
    }

    Context 'results' {
        It 'are saved in shards and merged' {
            1..3 | ForEach-Object {
                $part = Measure-GptTask $cloze $model -ResultFolder "$TestDrive/shards" -Shard $_ -ShardCount 3
                $part.ResultFile | Should -Exist
            }

            $whole = Measure-GptTask $cloze $model
            $merged = Measure-GptTask -ResultPath "$TestDrive/shards/*"
            foreach ($name in 'Accuracy', 'BrierScore', 'Perplexity', 'PerplexityUpper', 'QuestionCount') { $merged.$name | Should -Be $whole.$name -Because $name }
            $answers = Measure-GptTask -ResultPath "$TestDrive/shards/*" -PerQuestion
            $answers.Index | Should -Be (0..199)
        }

        It 'are refused if one is missing or damaged' {
            $null = Measure-GptTask $cloze $model -ResultFolder "$TestDrive/part" -Shard 1 -ShardCount 2
            { Measure-GptTask -ResultPath "$TestDrive/part/*" } | Should -Throw -ErrorId 'ResultsNotMerged,MLNetGpt.Cmdlets.MeasureGptTaskCommand'
            Set-Content TestDrive:/damaged.jsonl 'x'
            { Measure-GptTask -ResultPath TestDrive:/damaged.jsonl } | Should -Throw -ErrorId 'ResultFileInvalid,MLNetGpt.Cmdlets.MeasureGptTaskCommand'
        }
    }

    Context 'what it refuses' {
        It 'is <what>, for that file alone' -ForEach @(
            @{ what = 'a file without questions'; content = ''; id = 'TaskInvalid' }
            @{ what = 'an unknown layout'; content = '{"a":1}'; id = 'TaskInvalid' }
            @{ what = 'a wrong line'; content = '{"context":"a","choices":["b","c"],"answer":7}'; id = 'TaskInvalid' }
            @{ what = 'an empty continuation'; content = '{"context":"a","continuation":""}'; id = 'InputRefused' }
        ) {
            $bad = Join-Path $TestDrive bad.jsonl
            Set-Content $bad $content
            $scores = $bad, $cloze | Get-Item | Measure-GptTask -Model $model -ErrorVariable wrong -ErrorAction SilentlyContinue
            $scores.Task | Should -Be 'cloze'
            $wrong | Should -HaveCount 1
            $wrong[0].FullyQualifiedErrorId | Should -Be "$id,MLNetGpt.Cmdlets.MeasureGptTaskCommand"
        }

        It 'is a path that leads nowhere' {
            Measure-GptTask TestDrive:/none.jsonl $model -ErrorVariable wrong -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
            $wrong[0].FullyQualifiedErrorId | Should -BeLike 'PathNotFound,*'
        }

        It 'is <what>' -ForEach @(
            @{ what = 'a window beyond the context'; more = @{ WindowLength = 5000 }; id = 'OptionsRefused'; says = '*-WindowLength is 5000*' }
            @{ what = 'a shard without their number'; more = @{ Shard = 1 }; id = 'ParameterWithoutEffect'; says = '*-Shard*-ShardCount*' }
            @{ what = 'shards without a folder'; more = @{ Shard = 1; ShardCount = 2 }; id = 'ParameterWithoutEffect'; says = '*-ResultFolder*' }
            @{ what = 'a shard beyond their number'; more = @{ Shard = 3; ShardCount = 2; ResultFolder = 'x' }; id = 'InputRefused'; says = '*-Shard is 3*' }
        ) {
            { Measure-GptTask $cloze $model @more } | Should -Throw -ErrorId "$id,MLNetGpt.Cmdlets.MeasureGptTaskCommand" -ExpectedMessage $says
        }
    }

    It 'shows figures alike in every culture' {
        $score = Measure-GptTask $cloze $model
        $shown = foreach ($name in 'en-US', 'de-DE') {
            $culture = [cultureinfo]::CurrentCulture
            try {
                [cultureinfo]::CurrentCulture = $name
                $score | Out-String
                $score | Format-List | Out-String
            }
            finally { [cultureinfo]::CurrentCulture = $culture }
        }
        $shown[2..3] | Should -BeExactly $shown[0..1]
        $shown[0] | Should -Match '0\.\d{4} to 0\.\d{4}'
        $shown[1] | Should -Match 'Accuracy +: 0\.\d{4} \(95 % 0\.\d{4} to 0\.\d{4}\)'
    }

    It 'stops within a second' {
        1..60 | ForEach-Object { Get-Content $cloze } | Set-Content TestDrive:/long.jsonl
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddScript('param($f, $m) Measure-GptTask $f $m').AddArgument("$TestDrive/long.jsonl").AddArgument($model)
        $running = $shell.BeginInvoke()
        Start-Sleep -Milliseconds 1500
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        $shell.Stop()
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 3 # on a busy machine
        $running.AsyncWaitHandle.WaitOne(20000) | Should -BeTrue
        $shell.Dispose()
    }
}
