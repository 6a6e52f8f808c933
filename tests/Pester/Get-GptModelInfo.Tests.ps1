BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny -TiedHead $false
}

Describe 'Get-GptModelInfo' {
    It 'tells sizes, and parameters by part that add up' {
        $info = $model | Get-GptModelInfo
        $info | Should -BeOfType 'MLNetGpt.Output.GptModelInfo'
        $info.LayerCount | Should -Be 2
        $info.VocabularySize | Should -Be 50257
        $info.ParameterCount | Should -Be $model.ParameterCount
        ($info.Part | Measure-Object ParameterCount -Sum).Sum | Should -Be $model.ParameterCount
        ($info.Part | Where-Object Name -EQ 'Output head').ParameterCount | Should -Be (50257 * 32)
        $info.Part.Name | Should -Contain 'Attention'
    }

    It 'has no output head of its own where it is tied' {
        (Get-GptModelInfo -Model (New-GptModel tiny)).Part.Name | Should -Not -Contain 'Output head'
    }

    It 'reads a file without loading it' {
        Export-GptModel $model TestDrive:/m.safetensors -DataType BFloat16
        $info = Get-GptModelInfo TestDrive:/m.safetensors
        $info.Config | Should -Be $model.Config
        $info.Format | Should -BeLike '*BFloat16*'
        $info.Bytes | Should -Be ($model.ParameterCount * 2)
        $info.Source | Should -BeLike '*m.safetensors'
        (Get-Item TestDrive:/m.safetensors | Get-GptModelInfo).Name | Should -Be 'm'
    }

    It 'reports a file that is no model' {
        Set-Content -Path TestDrive:/bad.safetensors -Value 'this is no model'
        { Get-GptModelInfo TestDrive:/bad.safetensors -ErrorAction Stop } | Should -Throw -ErrorId 'ModelFileInvalid,MLNetGpt.Cmdlets.GetGptModelInfoCommand'
    }

    It 'shows a list' {
        $model | Get-GptModelInfo | Out-String | Should -Match 'Parameters\s+:'
    }
}
