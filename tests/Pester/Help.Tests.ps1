BeforeDiscovery {
    $module = Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1') -PassThru
    $cmdlets = $module.ExportedCmdlets.Keys | Sort-Object
}

BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $common = [System.Management.Automation.Cmdlet]::CommonParameters + [System.Management.Automation.Cmdlet]::OptionalCommonParameters
}

Describe 'The help of <_>' -ForEach $cmdlets {
    BeforeAll {
        $command = Get-Command $_
        $help = Get-Help $_ -Full
        $parameters = $command.Parameters.Keys | Where-Object { $_ -notin $common }
    }

    It 'has a synopsis and a description of its own' {
        $help.Synopsis | Should -Not -BeNullOrEmpty
        $help.Synopsis | Should -Not -BeLike "*$($command.Name)*"
        $help.Description.Text | Should -Not -BeNullOrEmpty
    }

    It 'describes every parameter, and no other' {
        $help.parameters.parameter.name | Sort-Object | Should -Be ($parameters | Sort-Object)
        foreach ($parameter in $help.parameters.parameter) {
            $parameter.description.Text | Should -Not -BeNullOrEmpty -Because $parameter.name
        }
    }

    It 'shows the values of every parameter that has a list of them, in the syntax and beside its text' {
        foreach ($parameter in $command.Parameters.Values | Where-Object Name -In $parameters) {
            $type = [nullable]::GetUnderlyingType($parameter.ParameterType) ?? $parameter.ParameterType
            if (-not $type.IsEnum) { continue }
            $values = [enum]::GetNames($type)
            $help.syntax | Out-String | Should -Match "(?s)-$($parameter.Name)[\]\s]+\{$(($values | ForEach-Object { [regex]::Escape($_) }) -join '\s+\|\s+')\}"
            ($help.parameters.parameter | Where-Object name -EQ $parameter.Name).description.Text -join ' ' | Should -Match "Values: $($values -join ', ')"
        }
    }

    It 'shows the default that the cmdlet has' {
        $instance = [System.Activator]::CreateInstance($command.ImplementingType)
        foreach ($parameter in $help.parameters.parameter) {
            $value = $command.ImplementingType.GetProperty($parameter.name).GetValue($instance)
            if ($value -is [enum] -or $value -is [string] -and $value) { $parameter.defaultValue | Should -Be "$value" -Because $parameter.name }
            if ($value -is [switch]) { $parameter.defaultValue | Should -Be False -Because $parameter.name }
            if ($value -is [int] -and $parameter.defaultValue -ne 'None') { $parameter.defaultValue | Should -Be $value -Because $parameter.name }
        }
    }

    It 'shows the syntax of every parameter set' {
        $help.syntax.syntaxItem | Should -HaveCount $command.ParameterSets.Count
    }

    It 'has examples, with code that names the cmdlet and parses' {
        $help.examples.example | Should -Not -BeNullOrEmpty
        foreach ($example in $help.examples.example) {
            $errors = $null
            $null = [System.Management.Automation.Language.Parser]::ParseInput($example.code, [ref]$null, [ref]$errors)
            $errors | Should -BeNullOrEmpty
            $example.code | Should -Match $command.Name
        }
    }

    It 'names what goes in and what comes out' {
        $help.inputTypes.inputType.type.name | Should -Not -BeNullOrEmpty
        $help.returnValues.returnValue.type.name | Should -Not -BeNullOrEmpty
    }
}

Describe 'A default' {
    It 'of <cmdlet> -<parameter> is <value>' -ForEach @(
        @{ cmdlet = 'New-GptModel'; parameter = 'Seed'; value = '123' }
        @{ cmdlet = 'New-GptModel'; parameter = 'Preset'; value = 'gpt2' }
        @{ cmdlet = 'New-GptModel'; parameter = 'LayerCount'; value = 'None' }
        @{ cmdlet = 'Import-GptModel'; parameter = 'Precision'; value = 'Float32' }
        @{ cmdlet = 'Invoke-GptTraining'; parameter = 'Epoch'; value = '10' }
        @{ cmdlet = 'Get-GptLoss'; parameter = 'WindowLength'; value = 'None' }
    ) {
        (Get-Help $cmdlet -Parameter $parameter).defaultValue | Should -Be $value
    }
}

Describe 'The about topic' {
    It 'names every cmdlet' {
        $text = Get-Help about_MLNetGpt | Out-String
        foreach ($name in (Get-Module MLNetGpt).ExportedCmdlets.Keys) {
            $text | Should -Match $name
        }
    }
}
