BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -ContextLength 64 -EmbeddingWidth 32 -HeadCount 2 -LayerCount 1
    $rows = ConvertFrom-Json '[
        { "instruction": "Spell it.", "input": "Ocassion", "output": "Occasion" },
        { "instruction": "What is the capital of France?", "input": "", "output": "Paris." },
        { "instruction": "Say yes.", "output": "Yes" }
    ]'
    $quick = @{ ResponseProperty = 'output'; ValidationFraction = 0; EvaluationInterval = 1000; EvaluationBatch = 5 }
}

Describe 'Invoke-GptTraining -ResponseProperty' {
    It 'teaches a model to answer, which Invoke-GptGenerate -Template shows' {
        $tuned = $rows | Invoke-GptTraining $model @quick -Epoch 60 -LearningRate 0.01
        $tuned | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
        $answers = $rows | Invoke-GptGenerate -Model $tuned -Template Alpaca -MaxToken 10
        $answers.Text | Should -Be $rows.output
        $answers.FinishReason | Should -Be 'EndOfText', 'EndOfText', 'EndOfText'
        $answers.Prompt | Should -Be $rows.instruction
        (Invoke-GptGenerate 'Spell it.' $tuned -Template Alpaca -InputText Ocassion -MaxToken 10).Text | Should -Be 'Occasion'
    }

    It 'measures the loss that Measure-GptLoss measures, and that continuations have' {
        $template = "Q: {prompt}`nA: {response}"
        $tuned = $rows | Invoke-GptTraining $model @quick -MaxStep 3 -LearningRate 0.01 -Template $template
        $loss = $rows | Measure-GptLoss $tuned -ResponseProperty output -Template $template
        $loss.DocumentCount | Should -Be 3
        $loss.CrossEntropy - $tuned.TrainingHistory[-1].TrainingLoss | ForEach-Object { [math]::Abs($_) } | Should -BeLessThan 1e-6

        # The end of text is the only token that a continuation lacks.
        $one = @{ Prompt = 'Say yes.'; Response = 'Yes' } | Measure-GptLoss $tuned -ResponseProperty Response -Template $template
        $one.TokenCount | Should -Be 2
        $one.ByteCount | Should -Be 4
        $context = "Q: Say yes.`nA:"
        $word = Get-GptLoss ' Yes' $tuned -Context $context
        $end = Get-GptLoss '<|endoftext|>' $tuned -Context "$context Yes"
        [math]::Abs($one.NegativeLogLikelihood - $word.NegativeLogLikelihood - $end.NegativeLogLikelihood) | Should -BeLessThan 1e-5
    }

    It 'takes hashtables, other names of properties, and the rows as an argument' {
        $trained = Invoke-GptTraining $model -InputObject @(@{ q = 'a'; r = 'b' }) -PromptProperty q -ResponseProperty r -MaxStep 1 -ValidationFraction 0
        $trained | Should -BeOfType 'MLNetGpt.Output.LanguageModel'
    }

    It 'names the row that cannot be learned from' {
        { $rows + [pscustomobject]@{ instruction = 'a'; output = '' } | Invoke-GptTraining $model @quick } |
            Should -Throw -ErrorId 'TrainingRefused,*' -ExpectedMessage '*Example 3 has an empty response*'
        { $rows + [pscustomobject]@{ output = 'a' } | Invoke-GptTraining $model @quick } |
            Should -Throw -ErrorId 'TrainingRefused,*' -ExpectedMessage '*Row 3 has no property Instruction or Prompt, which -PromptProperty names; it has output*'
        { [pscustomobject]@{ prompt = 'long ' * 100; output = 'a' } | Invoke-GptTraining $model @quick } |
            Should -Throw -ExpectedMessage '*nothing is left of its response*'
        { $rows | Invoke-GptTraining $model @quick -Template alpacca } |
            Should -Throw -ErrorId 'TrainingRefused,*' -ExpectedMessage '*one of Alpaca, ChatML*'
        { Invoke-GptGenerate a $model -Template alpacca } | Should -Throw -ErrorId 'TemplateInvalid,*'
        { Invoke-GptGenerate a $model -InputText b } | Should -Throw -ErrorId 'ParameterWithoutEffect,*'
    }

    It 'resumes from its checkpoints, bit for bit' {
        $whole = $rows | Invoke-GptTraining $model @quick -MaxStep 4 -BatchSize 1
        $null = $rows | Invoke-GptTraining $model @quick -MaxStep 2 -BatchSize 1 -CheckpointPath TestDrive:/run
        $resumed = Resume-GptTraining TestDrive:/run -MaxStep 4
        ($rows | Measure-GptLoss $resumed -ResponseProperty output).ExactSum | Should -Be ($rows | Measure-GptLoss $whole -ResponseProperty output).ExactSum
    }

    It 'completes the names of templates' {
        (TabExpansion2 'Invoke-GptTraining -Template Ll').CompletionMatches.CompletionText | Should -Be 'Llama3'
    }
}
