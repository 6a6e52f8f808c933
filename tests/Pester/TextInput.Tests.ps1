BeforeDiscovery {
    $textCmdlets = @(
        @{ cmdlet = 'Get-GptLoss'; type = 'GetGptLossCommand'; more = @{}; figure = 'ExactSum' }
        @{ cmdlet = 'Get-GptNextToken'; type = 'GetGptNextTokenCommand'; more = @{ Count = 1 }; figure = 'LogProbability' }
        @{ cmdlet = 'ConvertTo-GptToken'; type = 'ConvertToGptTokenCommand'; more = @{}; figure = 'Id' }
        @{ cmdlet = 'Get-GptEmbedding'; type = 'GetGptEmbeddingCommand'; more = @{}; figure = 'Vector' }
        @{ cmdlet = 'Show-GptLoss'; type = 'ShowGptLossCommand'; more = @{}; figure = 'Length' }
        @{ cmdlet = 'Invoke-GptGenerate'; type = 'InvokeGptGenerateCommand'; more = @{ MaxToken = 2 }; figure = 'FullText' }
    )
    $fileCmdlets = $textCmdlets[0..3]
}

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = Import-GptModel (Join-Path $PSScriptRoot '../Unit/Fixtures/Cases/hf-good')
    $texts = 'Call me Ishmael.', 'Some years ago.'
    $rows = $texts | ForEach-Object { [pscustomobject]@{ Id = 1; Text = $_ } }
}

Describe 'The text of an object' {
    It 'is its property Text: the loss is that of an independent implementation' {
        $losses = $rows | Get-GptLoss -Model $model
        $losses.TokenCount | Should -Be 15, 14
        [math]::Abs($losses[0].CrossEntropy - 6.51040096282959) | Should -BeLessThan 1e-6
        [math]::Abs($losses[1].CrossEntropy - 6.97249371664865) | Should -BeLessThan 1e-6
    }

    It 'is its property Text in <cmdlet>, from the pipeline and as an argument' -ForEach $textCmdlets {
        $expected = ($texts | & $cmdlet -Model $model @more).$figure
        $parameter = $cmdlet -eq 'Invoke-GptGenerate' ? 'Prompt' : 'Text'
        ($rows | & $cmdlet -Model $model @more).$figure | Should -Be $expected
        ($texts | ForEach-Object { @{ Text = $_ } } | & $cmdlet -Model $model @more).$figure | Should -Be $expected
        $arguments = @{ $parameter = $rows }
        (& $cmdlet -Model $model @arguments @more).$figure | Should -Be $expected
    }

    It 'is its property Prompt in Invoke-GptGenerate' {
        $texts | ForEach-Object { [pscustomobject]@{ Prompt = $_; Text = 'other' } } | Invoke-GptGenerate -Model $model -MaxToken 1 |
            ForEach-Object Prompt | Should -Be $texts
    }

    It 'is what Invoke-GptTraining learns from' {
        $settings = @{ MaxStep = 1; EvaluationBatch = 1; BatchSize = 1; ValidationFraction = 0; ErrorAction = 'Stop' }
        $long = $texts | ForEach-Object { $_ * 8 }
        $expected = ($long | Invoke-GptTraining -Model $model @settings).TrainingHistory.TrainingLoss
        $trained = $long | ForEach-Object { [pscustomobject]@{ Id = 1; Text = $_ } } | Invoke-GptTraining -Model $model @settings
        $trained.TrainingHistory.TrainingLoss | Should -Be $expected
    }

    It 'is not its name as a string in <cmdlet>: <what> is refused by type and properties, and the next has its turn' -ForEach @(
        foreach ($entry in $textCmdlets) {
            $entry + @{ what = 'an object without Text'; given = [pscustomobject]@{ Body = 'a'; Id = 3 }; says = '*PSCustomObject*no property*Body, Id*' }
            $entry + @{ what = 'a hashtable without Text'; given = @{ Body = 'a' }; says = '*Hashtable*no key*Body*' }
            $entry + @{ what = 'a number'; given = 42; says = '*Int32*42*' }
            $entry + @{ what = 'an object whose Text is null'; given = [pscustomobject]@{ Text = $null }; says = '*Text*null*' }
            $entry + @{ what = 'an object whose Text is a number'; given = [pscustomobject]@{ Text = 7 }; says = '*Int32*7*' }
        }
    ) {
        $expected = ($texts | & $cmdlet -Model $model @more).$figure
        $output = $texts[0], $given, $texts[1] | & $cmdlet -Model $model @more -ErrorAction SilentlyContinue -ErrorVariable wrong
        $output.$figure | Should -Be $expected
        $wrong | Should -HaveCount 1
        $wrong[0].FullyQualifiedErrorId | Should -Be "ParameterArgumentTransformationError,MLNetGpt.Cmdlets.$type"
        $wrong[0].CategoryInfo.Category | Should -Be 'InvalidData'
        $wrong[0].Exception.Message | Should -BeLike $says
    }

    It 'is refused of a file as the argument of <cmdlet>, which would be its path' -ForEach $textCmdlets {
        Set-Content -Path TestDrive:/argument.txt -Value 'a'
        { & $cmdlet (Get-Item TestDrive:/argument.txt) -Model $model @more } | Should -Throw -ErrorId "ParameterArgumentTransformationError,MLNetGpt.Cmdlets.$type"
    }

    It 'is a string as it is, whatever properties it has' {
        Set-Content -Path TestDrive:/lines.txt -Value $texts
        (Get-Content TestDrive:/lines.txt | Get-GptLoss -Model $model).TokenCount | Should -Be 15, 14
    }
}

Describe 'The path of a text' {
    BeforeAll {
        $folder = Join-Path $TestDrive texts
        $null = New-Item $folder -ItemType Directory
        [System.IO.File]::WriteAllText("$folder/one.txt", $texts[0])
        [System.IO.File]::WriteAllText("$folder/chapter [1].txt", $texts[1])
    }

    It 'may be that of a file with brackets in its name, in <cmdlet>' -ForEach $fileCmdlets {
        $expected = ($texts | & $cmdlet -Model $model @more).$figure
        (& $cmdlet -Model $model -Path "$folder/one.txt", "$folder/chapter [1].txt" @more -ErrorAction Stop).$figure | Should -Be $expected
        (& $cmdlet -Model $model -LiteralPath "$folder/one.txt", "$folder/chapter [1].txt" @more -ErrorAction Stop).$figure | Should -Be $expected
        (& $cmdlet -Model $model -Path "$folder/one.txt", "$folder/chapter ``[1``].txt" @more -ErrorAction Stop).$figure | Should -Be $expected
    }

    It 'is bound by name from the properties of an object, in <cmdlet>' -ForEach $fileCmdlets {
        $expected = ($texts | & $cmdlet -Model $model @more).$figure
        $files = "$folder/one.txt", "$folder/chapter [1].txt"
        ($files | ForEach-Object { [pscustomobject]@{ FullName = $_ } } | & $cmdlet -Model $model @more).$figure | Should -Be $expected
        ($files | ForEach-Object { [pscustomobject]@{ Path = $_ } } | & $cmdlet -Model $model @more).$figure | Should -Be $expected
        ($files | ForEach-Object { Get-Item -LiteralPath $_ } | & $cmdlet -Model $model @more).$figure | Should -Be $expected
        ([pscustomobject]@{ Text = $texts[0]; FullName = 'none.txt' } | & $cmdlet -Model $model @more).$figure | Should -Be ($texts[0] | & $cmdlet -Model $model @more).$figure
    }

    It 'is refused as <what> in <cmdlet>, and the next has its turn' -ForEach @(
        foreach ($entry in $fileCmdlets) {
            $entry + @{ what = 'a pattern that nothing matches'; path = 'texts/none*.txt'; id = 'PathNotFound'; category = 'ObjectNotFound' }
            $entry + @{ what = 'a name in brackets that nothing matches'; path = 'texts/chapter [2].txt'; id = 'PathNotFound'; category = 'ObjectNotFound' }
            $entry + @{ what = 'a folder'; path = 'texts'; id = 'PathIsFolder'; category = 'InvalidArgument' }
            $entry + @{ what = 'a variable of the environment'; path = 'Env:/PATH'; id = 'PathNotFile'; category = 'InvalidArgument' }
        }
    ) {
        $bad = $path -like 'Env:*' ? $path : "$TestDrive/$path"
        $output = & $cmdlet -Model $model -Path $bad, "$folder/one.txt" @more -ErrorAction SilentlyContinue -ErrorVariable wrong
        $output.$figure | Should -Be ($texts[0] | & $cmdlet -Model $model @more).$figure
        $wrong | Should -HaveCount 1
        $wrong[0].FullyQualifiedErrorId | Should -Be "$id,MLNetGpt.Cmdlets.$type"
        $wrong[0].CategoryInfo.Category | Should -Be $category
        $wrong[0].TargetObject | Should -Be $bad
    }
}

Describe 'The encoding of a file' {
    BeforeDiscovery {
        $encodings = @(
            @{ name = 'ansi'; bytes = 1252 }
            @{ name = 1252; bytes = 1252 }
            @{ name = '1252'; bytes = 1252 }
            @{ name = 'windows-1252'; bytes = 1252 }
            @{ name = [System.Text.Encoding]::Latin1; bytes = 1252 }
            @{ name = 'unicode'; bytes = 1200 }
            @{ name = 'BigEndianUnicode'; bytes = 1201 }
            @{ name = 'utf32'; bytes = 12000 }
            @{ name = 'bigendianutf32'; bytes = 12001 }
            @{ name = 'utf8NoBOM'; bytes = 65001 }
        )
    }

    BeforeAll {
        $sentence = "Die Gr$([char]0xF6)$([char]0xDF)e des Caf$([char]0xE9)s: 25 $([char]0xB0)C."
        $expected = Get-GptLoss -Model $model $sentence

        function Save([string]$name, [int]$page) {
            # .NET knows Latin-1, which has the bytes of Windows-1252 here, without a provider of code pages.
            $encoding = $page -eq 1252 ? [System.Text.Encoding]::Latin1 : [System.Text.Encoding]::GetEncoding($page)
            [System.IO.File]::WriteAllBytes("$TestDrive/$name", $encoding.GetBytes($sentence))
            "$TestDrive/$name"
        }
    }

    It 'may be <name>' -ForEach $encodings {
        $file = Save "e.txt" $bytes
        $loss = Get-GptLoss -Model $model -Path $file -Encoding $name -ErrorAction Stop
        $loss.TokenCount | Should -Be 30
        [math]::Abs($loss.CrossEntropy - 6.662978) | Should -BeLessThan 1e-6
        $loss.ExactSum | Should -BeExactly $expected.ExactSum
        (Get-Item $file | Get-GptLoss -Model $model -Encoding $name).ExactSum | Should -BeExactly $expected.ExactSum
        (Measure-GptLoss -Model $model -Path $file -Encoding $name).ExactSum | Should -BeExactly $expected.ExactSum
        (Get-Item $file | Measure-GptLoss -Model $model -Encoding $name -ByLine).ExactSum | Should -BeExactly $expected.ExactSum
        ConvertTo-GptToken -Model $model -Path $file -Encoding $name | ConvertFrom-GptToken -Model $model | Should -BeExactly $sentence
        (Get-GptNextToken -Model $model -Path $file -Encoding $name -Count 1).Prompt | Should -BeExactly $sentence
    }

    It 'is that of its byte order mark, whatever -Encoding says' {
        [System.IO.File]::WriteAllText("$TestDrive/mark.txt", $sentence, [System.Text.Encoding]::Unicode)
        (Get-GptLoss -Model $model -Path "$TestDrive/mark.txt").ExactSum | Should -BeExactly $expected.ExactSum
        (Get-GptLoss -Model $model -Path "$TestDrive/mark.txt" -Encoding ansi).ExactSum | Should -BeExactly $expected.ExactSum
    }

    It 'is what a training reads' {
        [System.IO.File]::WriteAllBytes("$TestDrive/t.txt", [System.Text.Encoding]::Latin1.GetBytes($sentence * 8))
        $settings = @{ MaxStep = 1; EvaluationBatch = 1; BatchSize = 1; ValidationFraction = 0 }
        (Invoke-GptTraining -Model $model -Path "$TestDrive/t.txt" -Encoding ansi @settings).TrainingHistory.TrainingLoss |
            Should -Be (Invoke-GptTraining -Model $model -Text ($sentence * 8) @settings).TrainingHistory.TrainingLoss
    }

    It 'is wrong for <what>: the file is named with the offset and left out, by <cmdlet>' -ForEach @(
        foreach ($cmdlet in 'Get-GptLoss', 'Get-GptNextToken', 'ConvertTo-GptToken', 'Measure-GptLoss', 'Invoke-GptTraining') {
            @{ cmdlet = $cmdlet; what = 'a byte that is no UTF-8'; bytes = 1252; says = '*bad.txt*offset 6*' }
            @{ cmdlet = $cmdlet; what = 'UTF-16 without a mark'; bytes = 1200; says = '*bad.txt*UTF-16*-Encoding*' }
        }
    ) {
        $bad = Save 'bad.txt' $bytes
        [System.IO.File]::WriteAllText("$TestDrive/good.txt", $sentence * 8)
        $more = $cmdlet -eq 'Invoke-GptTraining' ? @{ MaxStep = 1; EvaluationBatch = 1 } : @{}
        $alone = & $cmdlet -Model $model -Path "$TestDrive/good.txt" @more
        $output = & $cmdlet -Model $model -Path $bad, "$TestDrive/good.txt" @more -ErrorAction SilentlyContinue -ErrorVariable wrong
        @($output).Count | Should -Be @($alone).Count
        $wrong | Should -HaveCount 1
        $wrong[0].FullyQualifiedErrorId | Should -BeLike 'TextInvalid,*'
        $wrong[0].CategoryInfo.Category | Should -Be 'InvalidData'
        $wrong[0].TargetObject | Should -Be $bad
        $wrong[0].Exception.Message | Should -BeLike $says
    }

    It 'is refused where no encoding has that name, and for a text' {
        { Get-GptLoss -Model $model -Path x.txt -Encoding latin9000 } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        { Get-GptLoss -Model $model -Text 'a text' -Encoding ansi } | Should -Throw -ErrorId 'AmbiguousParameterSet,*'
    }

    It 'is completed by name' {
        $line = 'Measure-GptLoss -Model $model -Path x.txt -Encoding u'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Be 'unicode', 'utf32', 'utf8', 'utf8BOM', 'utf8NoBOM'
    }
}
