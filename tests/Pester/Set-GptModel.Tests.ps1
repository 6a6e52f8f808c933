BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny
    $file = Join-Path $TestDrive 'small [1].safetensors'
    $model | Export-GptModel $file
    $expected = (Get-GptLoss 'every effort moves you' $model).ExactSum
}

AfterAll { Set-GptModel $null }

Describe 'Set-GptModel' {
    BeforeEach { Set-GptModel $null }

    It 'sets what cmdlets use without -Model' {
        Set-GptModel $model
        (Get-GptModel).Name | Should -Be $model.Name
        (Get-GptLoss 'every effort moves you').ExactSum | Should -Be $expected
        ('every effort moves you' | Get-GptLoss).ExactSum | Should -Be $expected
        ('every effort' | Get-GptNextToken -Count 1).TokenRank | Should -Be 1
        (Invoke-GptGenerate 'every effort' -MaxToken 2).TokenCount | Should -Be 2
        ('every effort moves you' | ConvertTo-GptToken).Count | Should -Be 4
    }

    It 'takes a path and a model from the pipeline' {
        Set-GptModel $file
        (Get-GptLoss 'every effort moves you').ExactSum | Should -Be $expected
        ($model | Set-GptModel -PassThru).Name | Should -Be $model.Name
    }

    It 'is shared with other runspaces' {
        Set-GptModel $model
        $module = (Get-Module MLNetGpt).Path
        $sums = 1..2 | ForEach-Object -Parallel { Import-Module $using:module; (Get-GptLoss 'every effort moves you').ExactSum }
        $sums | Should -Be @($expected, $expected)
    }

    It 'clears the default' {
        Set-GptModel $model
        Set-GptModel $null
        Get-GptModel | Should -BeNullOrEmpty
        { Get-GptLoss 'a b' } | Should -Throw -ErrorId 'NoModel,*'
    }

    It 'only says so with -WhatIf' {
        Set-GptModel $model -WhatIf
        Get-GptModel | Should -BeNullOrEmpty
    }
}

Describe '-Model' {
    It 'takes a path, a file, and a model by position' {
        (Get-GptLoss 'every effort moves you' $file).ExactSum | Should -Be $expected
        (Get-GptLoss 'every effort moves you' -Model (Get-Item -LiteralPath $file)).ExactSum | Should -Be $expected
        (Get-GptLoss 'every effort moves you' $model).ExactSum | Should -Be $expected
        ('every effort moves you' | Get-GptLoss $model).ExactSum | Should -Be $expected
    }

    It 'loads a path once, and again when the file has changed' {
        $copy = Join-Path $TestDrive 'changing.safetensors'
        Copy-Item -LiteralPath $file $copy
        $verbose = Get-GptLoss 'a b' $copy -Verbose 4>&1 | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] }
        "$verbose" | Should -BeLike '*Loaded*changing*'
        $verbose = Get-GptLoss 'a b' $copy -Verbose 4>&1 | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] }
        "$verbose" | Should -Not -BeLike '*Loaded*'
        New-GptModel tiny -Seed 5 | Export-GptModel $copy -Force
        (Get-GptLoss 'every effort moves you' $copy).ExactSum | Should -Be (Get-GptLoss 'every effort moves you' (New-GptModel tiny -Seed 5)).ExactSum
    }

    It 'has a default in every cmdlet' {
        $PSDefaultParameterValues = @{}
        $PSDefaultParameterValues['*-Gpt*:Model'] = $model
        (Get-GptLoss 'every effort moves you').ExactSum | Should -Be $expected
        ('every effort moves you' | Get-GptLoss | Measure-GptLoss).ExactSum | Should -Be $expected
        (Get-GptModelInfo -LiteralPath $file).LayerCount | Should -Be 2
        (Get-GptModelInfo $model).LayerCount | Should -Be 2
        Export-GptModel (Join-Path $TestDrive 'default.gguf')
        New-GptModel tiny -Seed 6 | Export-GptModel (Join-Path $TestDrive 'piped.gguf')
        (Import-GptModel (Join-Path $TestDrive 'piped.gguf') | Get-GptModelInfo).LayerCount | Should -Be 2
        (Get-GptLoss 'a b' (Join-Path $TestDrive 'piped.gguf')).CrossEntropy | Should -Not -Be (Get-GptLoss 'a b').CrossEntropy
        (Invoke-GptGenerate 'every' -MaxToken 1).TokenCount | Should -Be 1
    }

    It 'refuses what is no model' {
        { Get-GptLoss 'a b' 'nowhere.safetensors' } | Should -Throw '*nowhere.safetensors*does not exist*'
        { Get-GptLoss $model 'a b' } | Should -Throw '*comes after the text*'
        { Get-GptLoss 'a b' -Model 3 } | Should -Throw '*System.Int32 is not a model*'
        { Get-GptLoss 'a b' -Model ($model, $model) } | Should -Throw '*list of 2 items*'
        $clixml = Join-Path $TestDrive 'model.xml'
        $model | Export-Clixml $clixml
        $copy = Import-Clixml $clixml
        { Get-GptLoss 'a b' -Model $copy } | Should -Throw '*does not pass between processes*'
        foreach ($attempt in { $copy | Get-GptModelInfo -ErrorAction Stop }, { Get-GptModelInfo $copy }, { Get-GptModelInfo -InputObject $copy },
            { $copy | Import-GptModel -ErrorAction Stop }, { $copy | Set-GptModel -ErrorAction Stop }) {
            $attempt | Should -Throw '*does not pass between processes*'
        }
    }

    It 'refuses a model that was disposed of' {
        $gone = New-GptModel tiny
        $gone.Dispose()
        $said = { Get-GptLoss 'a b' -Model $gone } | Should -Throw -ErrorId 'ModelDisposed,*' -PassThru
        "$said" | Should -BeExactly "The model 'tiny (seed 123)' was disposed of; load or make it again."
        { Get-GptNextToken 'a b' -Model $gone } | Should -Throw -ErrorId 'ModelDisposed,*'
        { Invoke-GptGenerate 'a b' -Model $gone } | Should -Throw -ErrorId 'ModelDisposed,*'
        { Invoke-GptTraining 'a b c' -Model $gone } | Should -Throw -ErrorId 'ModelDisposed,*'
        { Get-GptModelInfo $gone } | Should -Throw -ErrorId 'ModelDisposed,*'
        { 'a b c' | ConvertTo-GptToken | ConvertFrom-GptToken -Model $gone } | Should -Throw -ErrorId 'ModelDisposed,*'
        { ConvertTo-GptToken 'a b c' -Model $gone } | Should -Throw -ErrorId 'ModelDisposed,*'
        { $gone | Export-GptModel (Join-Path $TestDrive 'gone.gguf') -ErrorAction Stop } | Should -Throw -ErrorId 'ModelDisposed,*'
        { $gone | Set-GptModel -ErrorAction Stop } | Should -Throw -ErrorId 'ModelDisposed,*'
    }

    It 'reports a file that is damaged' {
        $bad = Join-Path $TestDrive 'bad.gguf'
        Set-Content $bad 'nothing'
        { Get-GptLoss 'a b' $bad } | Should -Throw -ErrorId 'ModelFileInvalid,*'
    }
}
