BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -TiedHead:$false
    $tokens = Get-GptLoss -Model $model 'every <effort> moves you' -PerToken
}

Describe 'Export-GptLossReport' {
    It 'writes a page of its own with every token' {
        $tokens | Export-GptLossReport TestDrive:/r.html -Title 'A & B'
        $page = Get-Content TestDrive:/r.html -Raw
        $page | Should -BeLike '<!DOCTYPE html>*'
        $page | Should -Match '<title>A &amp; B</title>'
        $page | Should -Not -Match 'https?://'
        $page | Should -Not -Match '<(script|link|img)[^>]*(src|href)='
        foreach ($token in $tokens) {
            $page | Should -Match ([regex]::Escape(">$([System.Net.WebUtility]::HtmlEncode($token.Text))</span>"))
            $page | Should -Match "id $($token.Id),"
        }
        $loss = Get-GptLoss -Model $model 'every <effort> moves you'
        $page | Should -Match ([regex]::Escape($loss.CrossEntropy.ToString('F4', [cultureinfo]::InvariantCulture)))
    }

    It 'shows the whole text, the model and how it measured' {
        Get-GptLoss -Model $model '鲸鱼 moves you' -PerToken | Export-GptLossReport TestDrive:/whole.html
        $page = Get-Content TestDrive:/whole.html -Raw
        $div = [regex]::Match($page, '<div class="text".*?</div>', 'Singleline').Value
        [System.Net.WebUtility]::HtmlDecode(($div -replace '<[^>]*>', '')) | Should -Be '鲸鱼 moves you'
        $page | Should -Not -Match ([char]0xFFFD)
        $page | Should -Match ([regex]::Escape("Model: $($model.Name) with "))
        $page | Should -Match 'Measured \d{4}-\d\d-\d\d \d\d:\d\d UTC'
        $page | Should -Match 'the first token is not predicted'
        $page | Should -Match 'rank [\d,]+ of [\d,]+, id \d+, position 1, after 1 token\b'
    }

    It 'is well-formed' {
        $tokens | Export-GptLossReport TestDrive:/x.html
        $page = (Get-Content TestDrive:/x.html -Raw) -replace '<!DOCTYPE html>', '' -replace '<meta ([^>]*)>', '<meta $1/>'
        { [xml]$page } | Should -Not -Throw
    }

    Context 'two models' {
        BeforeAll {
            $other = New-GptModel tiny -TiedHead:$false -Seed 7
            $texts = 'every <effort> moves you', 'I like chocolate'
            Set-Content TestDrive:/one.txt $texts[0] -NoNewline
        }

        It 'are compared token by token' {
            $texts | Get-GptLoss -Model $model -PerToken | Export-GptLossReport TestDrive:/two.html -ReferenceModel $other
            $page = Get-Content TestDrive:/two.html -Raw
            $page | Should -Match ([regex]::Escape("Reference: $($other.Name)"))
            $page | Should -Match 'Where the models differ most'
            $loss = ($texts | Get-GptLoss -Model $other | Measure-GptLoss).CrossEntropy
            $page | Should -Match "<td>the reference</td><td>$($loss.ToString('F4', [cultureinfo]::InvariantCulture))</td>"
            { [xml]($page -replace '<!DOCTYPE html>', '' -replace '<meta ([^>]*)>', '<meta $1/>') } | Should -Not -Throw
        }

        It 'are compared in the windows of the tokens' {
            $how = @{ WindowLength = 3; PrependEndOfText = $true }
            $texts | Get-GptLoss -Model $model -PerToken @how | Export-GptLossReport TestDrive:/windows.html -ReferenceModel $other
            $loss = ($texts | Get-GptLoss -Model $other @how | Measure-GptLoss).CrossEntropy
            Get-Content TestDrive:/windows.html -Raw |
                Should -Match "<td>the reference</td><td>$($loss.ToString('F4', [cultureinfo]::InvariantCulture))</td>"
        }

        It 'that were measured before are compared by their results' {
            $null = Measure-GptLoss -Model $model -Path TestDrive:/one.txt -ResultFolder "$TestDrive/a" -PerToken
            $null = Measure-GptLoss -Model $other -Path TestDrive:/one.txt -ResultFolder "$TestDrive/b" -PerToken
            Export-GptLossReport TestDrive:/results.html -ResultPath "$TestDrive/a/*" -ReferenceResultPath "$TestDrive/b/*"
            Get-Content TestDrive:/results.html -Raw | Should -Match 'Where the models differ most'
            $null = Measure-GptLoss -Model $other -Path TestDrive:/one.txt -ResultFolder "$TestDrive/c" -PerToken -PrependEndOfText
            { Export-GptLossReport TestDrive:/results2.html -ResultPath "$TestDrive/a/*" -ReferenceResultPath "$TestDrive/c/*" } |
                Should -Throw -ErrorId 'ResultsNotMerged,*' -ExpectedMessage '*different options*'
        }

        It 'of different vocabularies are refused' {
            $words = Import-GptModel (Join-Path $PSScriptRoot '../Unit/Fixtures/Cases/hf-good')
            { $tokens | Export-GptLossReport TestDrive:/words.html -ReferenceModel $words } |
                Should -Throw -ErrorId 'ReferenceRefused,MLNetGpt.Cmdlets.ExportGptLossReportCommand' -ExpectedMessage '*vocabulary*'
        }
    }

    It 'draws the loss curve of a training' {
        $trained = Invoke-GptTraining -Model $model -Text ('every effort moves you ' * 40) -MaxStep 2 -EvaluationInterval 1 -EvaluationBatch 1
        $tokens | Export-GptLossReport TestDrive:/c.html -TrainingHistory $trained.TrainingHistory
        $page = Get-Content TestDrive:/c.html -Raw
        [regex]::Matches($page, '<title>(training|validation)</title>').Count | Should -Be 2
        $tokens | Export-GptLossReport TestDrive:/n.html
        Get-Content TestDrive:/n.html -Raw | Should -Not -Match '<title>(training|validation)</title>'
    }

    It 'shows tokens that were stored as <kind> like those that were not' -ForEach @(
        @{ kind = 'Clixml'; store = { $_ | Export-Clixml TestDrive:/stored.xml; Import-Clixml TestDrive:/stored.xml } }
        @{ kind = 'JSON'; store = { ConvertTo-Json -InputObject $_ -Depth 4 | ConvertFrom-Json } }
    ) {
        $made = 'every <effort> moves you', "鯨 swims" | Get-GptLoss -Model $model -PerToken -Entropy -CandidateCount 2
        $stored = @(, $made | ForEach-Object $store)
        $stored[0] | Should -Not -BeOfType MLNetGpt.Output.GptTokenLoss
        $made | Export-GptLossReport TestDrive:/made.html -Force
        $stored | Export-GptLossReport TestDrive:/stored.html -Force
        $pages = 'made', 'stored' | ForEach-Object {
            [regex]::Match((Get-Content "TestDrive:/$_.html" -Raw), '<div class="text".*</div>', 'Singleline').Value
        }
        $pages[0] | Should -Match 'Text 2'
        $pages[0] | Should -Match 'the first token, id 165'
        $pages[1] | Should -BeExactly $pages[0]
    }

    It 'refuses a stored token that lacks a property' {
        $stored = $tokens[0] | Select-Object -ExcludeProperty Bytes -Property *
        { $stored | Export-GptLossReport TestDrive:/lacking.html -ErrorAction Stop } | Should -Throw '*no property Bytes*'
    }

    It 'keeps texts apart' {
        'every effort', 'I really like' | Get-GptLoss -Model $model -PerToken | Export-GptLossReport TestDrive:/t.html
        $page = Get-Content TestDrive:/t.html -Raw
        [regex]::Matches($page, '<div class="text"').Count | Should -Be 2
        [regex]::Matches($page, '<tr><td><a href="#d[01]">').Count | Should -Be 2
    }

    It 'shows what the model expected, and that of no token it was not asked about' {
        $described = Get-GptLoss -Model $model 'every effort' -PerToken -CandidateCount 2 -Entropy
        $described | Export-GptLossReport TestDrive:/d.html
        $page = Get-Content TestDrive:/d.html -Raw
        foreach ($candidate in $described.Candidate) {
            $page | Should -Match ([regex]::Escape([System.Net.WebUtility]::HtmlEncode("'$($candidate.Text)'")))
        }
        $page | Should -Match 'entropy \d'
        $tokens | Export-GptLossReport TestDrive:/u.html
        Get-Content TestDrive:/u.html -Raw | Should -Not -Match 'entropy \d'
    }

    It 'reports on the result files of a corpus' {
        Set-Content -Path TestDrive:/one.txt -Value 'every effort moves you' -NoNewline
        Set-Content -Path TestDrive:/two.txt -Value 'I really like chocolate' -NoNewline
        $folder = Join-Path (Get-Item TestDrive:/).FullName results
        $loss = Measure-GptLoss -Model $model -Path TestDrive:/*.txt -ResultFolder $folder -PerToken
        Export-GptLossReport TestDrive:/c2.html -ResultPath "$folder/*.jsonl"
        $page = Get-Content TestDrive:/c2.html -Raw
        $page | Should -Match ([regex]::Escape($loss.CrossEntropy.ToString('F4', [cultureinfo]::InvariantCulture)))
        $page | Should -Match 'one.txt'
        $page | Should -Match '>\s*chocolate</span>'
    }

    It 'writes nothing with -WhatIf, replaces only with -Force, and passes the file on with -PassThru' {
        $tokens | Export-GptLossReport TestDrive:/w.html -WhatIf
        'TestDrive:/w.html' | Should -Not -Exist
        ($tokens | Export-GptLossReport TestDrive:/w.html -PassThru).Name | Should -Be 'w.html'
        { $tokens | Export-GptLossReport TestDrive:/w.html -ErrorAction Stop } | Should -Throw -ErrorId 'FileExists,MLNetGpt.Cmdlets.ExportGptLossReportCommand'
        { $tokens | Export-GptLossReport TestDrive:/w.html -Force -ErrorAction Stop } | Should -Not -Throw
    }

    It 'refuses to report on nothing' {
        { @() | Export-GptLossReport TestDrive:/e.html } | Should -Throw -ErrorId 'NoTokens,*'
    }
}
