# Runs every example of the help pages, of docs/powershell.md and of about_MLNetGpt as it is written, each in a new folder with the files that it names.
BeforeDiscovery {
    $module = Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1') -PassThru
    $examples = @(
        foreach ($cmdlet in $module.ExportedCmdlets.Keys | Sort-Object) {
            foreach ($example in (Get-Help $cmdlet -Examples).examples.example) {
                @{ page = $cmdlet; title = $example.title -replace '^\W*Example ' -replace '\W+$'; code = $example.code }
            }
        }

        $page = [System.IO.File]::ReadAllText((Join-Path $PSScriptRoot '../../docs/powershell.md'))
        foreach ($block in [regex]::Matches($page, '(?ms)^## ([^\r\n]+)(?:(?!^## ).)*?^```powershell\r?\n(.*?)^```')) {
            @{ page = 'docs/powershell.md'; title = $block.Groups[1].Value; code = $block.Groups[2].Value }
        }

        # In the topic, code is what is indented by eight. The other variant of the module is left out: TorchSharp.Tests.ps1 imports it.
        $topic = [System.IO.File]::ReadAllText("$($module.ModuleBase)/en-US/about_MLNetGpt.help.txt")
        foreach ($block in [regex]::Matches($topic, '(?m)^( {8}\S.*\r?\n(\r?\n(?= {8}))?)+')) {
            $code = $block.Value -replace '(?m)^ {8}'
            if ($code -notlike '*build.ps1*') { @{ page = 'about_MLNetGpt'; title = ($code -split '\r?\n')[0]; code = $code } }
        }
    )
}

BeforeAll {
    $manifest = (Resolve-Path (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')).Path
    Import-Module $manifest
    . (Join-Path $PSScriptRoot NewProcess.ps1)
    $repository = (Resolve-Path (Join-Path $PSScriptRoot ../..)).Path
    $story = (Get-Content "$repository/samples/Data/the-verdict.txt" -Raw).Substring(0, 6000)

    # Small models and short trainings in place of large ones, for whatever an example leaves to the default.
    $small = @{
        'New-GptModel:EmbeddingWidth' = 16
        'New-GptModel:HeadCount' = 2
        'New-GptModel:LayerCount' = 1
        'Invoke-GptTraining:BatchSize' = 1
        'Invoke-GptTraining:MaxStep' = 2
        'Invoke-GptTraining:EvaluationBatch' = 1
    }

    # The model that examples call $model. It was trained, and has the context that they count on.
    $model = New-GptModel gpt2 -ContextLength 512 -EmbeddingWidth 16 -HeadCount 2 -LayerCount 1
    $model = Invoke-GptTraining -Model $model -Text $story -BatchSize 1 -MaxStep 2 -EvaluationBatch 1 -WarningAction SilentlyContinue

    # What to make in the folder of an example: the name that its code has, and how. What it writes itself is not made.
    $files = [ordered]@{
        'story.txt' = { Set-Content story.txt $story }
        '*.txt' = { 1..2 | ForEach-Object { Set-Content "$_.txt" $story.Substring(0, 3000) } }
        'lines.txt' = { Set-Content lines.txt 'Every effort moves you.', 'I really like chocolate.' }
        'other.txt' = { Set-Content other.txt 'Every effort moves you.' }
        'train.txt' = { Set-Content train.txt $story }
        'test.txt' = { Set-Content test.txt $story.Substring(0, 1000) }
        'corpus' = { $null = New-Item -ItemType Directory corpus/more; 'corpus/1.txt', 'corpus/2.txt', 'corpus/more/3.txt' | ForEach-Object { Set-Content $_ $story.Substring(0, 900) } }
        '.csv' = { 'rows.csv', 'reviews.csv' | ForEach-Object { Set-Content $_ ('Id,Text', '1,Every effort moves you', '2,I really like chocolate') } }
        'mails.csv' = { Set-Content mails.csv ('Label,Text', 'spam,Win a prize now', 'ham,See you at noon', 'spam,A free prize', 'ham,The meeting moved to noon') }
        'instructions.json' = {
            ConvertTo-Json @(
                @{ instruction = 'Spell this word correctly.'; input = 'Ocassion'; output = 'Occasion' }
                @{ instruction = 'What is the capital of France?'; input = ''; output = 'Paris.' }
            ) | Set-Content instructions.json
        }
        './spam-filter' = {
            $rows = @{ Text = 'Win a prize now'; Label = 'spam' }, @{ Text = 'See you at noon'; Label = 'ham' }
            $rows | Invoke-GptTraining $model -LabelProperty Label -MaxStep 1 -ValidationFraction 0 | Export-GptModel ./spam-filter
        }
        'samples/Data' = { $null = New-Item -ItemType Directory samples/Data; Copy-Item -Recurse $repository/samples/Data/the-verdict.txt, $repository/samples/Data/tasks samples/Data }
        'results/*' = { $null = Measure-GptLoss -Model $model -Path story.txt -ResultFolder results -PerToken }
        '.safetensors' = { 'story', 'gpt2' | ForEach-Object { Export-GptModel -Model $model "$_.safetensors" } }
        '.gguf' = { Export-GptModel -Model $model story.gguf }
        './gpt2' = { Export-GptModel -Model $model ./gpt2 -Format HuggingFace }
        'model.pth' = { Export-GptModel -Model (New-GptModel tiny -EmbeddingWidth 16 -HeadCount 4 -LayerCount 1) model.pth }
        'out/ckpt.pt' = {
            $null = New-Item -ItemType Directory out
            Copy-Item "$repository/tests/Unit/Fixtures/Cases/nanogpt/biasless.pt" out/ckpt.pt
        }
        './my-tokenizer' = { Copy-Item -Recurse "$repository/tests/Unit/Fixtures/Cases/hf-good" my-tokenizer }
        ' run' = { $null = Invoke-GptTraining -Model $model -Path story.txt -MaxStep 2 -BatchSize 1 -EvaluationBatch 1 -CheckpointPath run }
    }

    function New-ExampleFolder([string] $code) {
        $folder = (New-Item -ItemType Directory "$TestDrive/$([guid]::NewGuid())").FullName
        Push-Location $folder
        try {
            Set-Content story.txt $story
            foreach ($name in $files.Keys) {
                $written = $code -match "(Export-GptModel .*|-CheckpointPath |-DestinationPath |-ResultFolder )$([regex]::Escape($name.Trim()))"
                if ($code.Contains($name) -and -not $written) { . $files[$name] }
            }
        }
        finally { Pop-Location }
        $folder
    }
}

Describe 'The examples' {
    It 'of <page> run as written: <title>' -ForEach $examples {
        $folder = New-ExampleFolder $code
        if ($code -match 'PyTorchExact|TorchSharp|Enter-GptPrompt') {
            # The engines of libtorch are in the other variant of the module; a prompt reads the keyboard of a process of its own.
            $variant = $code -match 'Enter-GptPrompt' ? $manifest : "$repository/artifacts/module-torchsharp/MLNetGpt/MLNetGpt.psd1"
            $null = Invoke-InNewProcess -ArgumentList $variant, $folder, $small, $code -InputLine 'Every effort', '' {
                param($variant, $folder, $small, $code)
                Import-Module $variant
                Set-Location $folder
                $PSDefaultParameterValues = @{} + $small
                $null = & ([scriptblock]::Create($code))
            }
            return
        }

        Push-Location $folder
        try {
            $PSDefaultParameterValues = $small
            $ErrorActionPreference = 'Stop'
            & ([scriptblock]::Create($code)) 6>$null 3>$null | Out-String | Out-Null
        }
        finally {
            Pop-Location
            Set-GptModel $null
        }
    }
}
