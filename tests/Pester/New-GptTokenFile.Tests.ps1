BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    . (Join-Path $PSScriptRoot StopMidway.ps1)
    $model = New-GptModel tiny -ContextLength 8 -EmbeddingWidth 16 -HeadCount 2 -LayerCount 1
    $text = 'every effort moves you. I really like chocolate. ' * 10
}

Describe 'New-GptTokenFile' {
    It 'makes a file of texts, which trains as the texts do' {
        $file = $text, 'I really like chocolate' | New-GptTokenFile -DestinationPath TestDrive:/a.tokens
        $file | Should -BeOfType ([System.IO.FileInfo])
        $file.PSPath | Should -Not -BeNullOrEmpty
        $file.Length | Should -BeGreaterThan 1024
        $ofFile = Invoke-GptTraining -Model $model -TokenFile $file -MaxStep 3
        $ofTexts = Invoke-GptTraining -Model $model -Text $text, 'I really like chocolate' -MaxStep 3
        (Get-GptLoss -Model $ofFile $text).ExactSum | Should -BeExactly (Get-GptLoss -Model $ofTexts $text).ExactSum
    }

    It 'makes the same file of files as of their texts' {
        [System.IO.File]::WriteAllText("$TestDrive/1.txt", $text)
        [System.IO.File]::WriteAllText("$TestDrive/2.txt", 'more')
        $null = Get-ChildItem TestDrive:/?.txt | New-GptTokenFile -DestinationPath TestDrive:/files.tokens
        $null = New-GptTokenFile $text, 'more' -DestinationPath TestDrive:/texts.tokens -Model $model
        (Get-FileHash TestDrive:/files.tokens).Hash | Should -Be (Get-FileHash TestDrive:/texts.tokens).Hash
    }

    It 'takes rows with a property Text, and says how many tokens there are with -Verbose' {
        $said = [pscustomobject]@{ Id = 1; Text = 'every effort' } | New-GptTokenFile -DestinationPath TestDrive:/rows.tokens -Verbose 4>&1
        "$said" | Should -BeLike '*2 tokens of a vocabulary of 50,257*'
    }

    It 'replaces a file only with -Force, and writes nothing with -WhatIf' {
        Set-Content TestDrive:/old.tokens 'mine'
        { New-GptTokenFile 'a b' -DestinationPath TestDrive:/old.tokens } | Should -Throw -ErrorId 'FileExists,*'
        New-GptTokenFile 'a b' -DestinationPath TestDrive:/old.tokens -Force -WhatIf | Should -BeNullOrEmpty
        Get-Content TestDrive:/old.tokens | Should -Be 'mine'
        (New-GptTokenFile 'a b' -DestinationPath TestDrive:/old.tokens -Force).Length | Should -Be 1028
    }

    It 'refuses <why> with the error <id>' -ForEach @(
        @{ why = 'a folder'; id = 'PathIsFolder'; arguments = @{ Text = 'a'; DestinationPath = 'TestDrive:/' } }
        @{ why = 'no such folder'; id = 'FolderNotFound'; arguments = @{ Text = 'a'; DestinationPath = 'TestDrive:/none/a.tokens' } }
        @{ why = 'no text'; id = 'NoText'; arguments = @{ Path = 'TestDrive:/none*.txt'; DestinationPath = 'TestDrive:/b.tokens'; ErrorAction = 'SilentlyContinue' } }
    ) {
        { New-GptTokenFile @arguments } | Should -Throw -ErrorId "$id,MLNetGpt.Cmdlets.NewGptTokenFileCommand"
    }

    It 'names a file that is not valid, and leaves what was there' {
        Set-Content TestDrive:/kept.tokens 'mine'
        [System.IO.File]::WriteAllBytes("$TestDrive/latin.txt", [byte[]](0x61, 0xe9, 0x62))
        { New-GptTokenFile -Path TestDrive:/latin.txt -DestinationPath TestDrive:/kept.tokens -Force } | Should -Throw '*latin.txt*' -ErrorId 'TextInvalid,*'
        Get-Content TestDrive:/kept.tokens | Should -Be 'mine'
        New-GptTokenFile -Path TestDrive:/latin.txt -Encoding 1252 -DestinationPath TestDrive:/kept.tokens -Force | Should -Not -BeNullOrEmpty
    }

    It 'stops within a second in the middle of a long text, and leaves what was there' {
        Set-Content TestDrive:/stopped.tokens 'mine'
        [System.IO.File]::WriteAllText("$TestDrive/long.txt", 'a' * 6000000)
        $files = @{ from = "$TestDrive/long.txt"; to = "$TestDrive/stopped.tokens" }
        Measure-StopTime 'param($from, $to) New-GptTokenFile -Path $from -DestinationPath $to -Force' $files | Should -BeLessThan 3 # on a busy machine
        Measure-StopTime 'param($from, $to) New-GptTokenFile ("a" * 6000000) -DestinationPath $to -Force' $files | Should -BeLessThan 3
        Get-Content TestDrive:/stopped.tokens | Should -Be 'mine'
        Get-ChildItem TestDrive:/ -Filter 'stopped*' | Should -HaveCount 1
    }

    It 'counts one text and one token in the singular' {
        $said = New-GptTokenFile 'a' -DestinationPath TestDrive:/one.tokens -Verbose 4>&1
        "$said" | Should -BeLike '*1 token of a vocabulary*'
    }

    It 'reports progress' {
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddCommand('New-GptTokenFile').AddParameter('Text', $text).AddParameter('DestinationPath', (Join-Path $TestDrive 'progress.tokens'))
        $null = $shell.Invoke()
        $shell.Streams.Progress[0].StatusDescription | Should -BeLike '*documents*tokens'
        $shell.Streams.Progress[-1].RecordType | Should -Be 'Completed'
        $shell.Dispose()
    }
}
