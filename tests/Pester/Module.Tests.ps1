BeforeAll {
    $manifest = Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1'

    # Another version of what the module depends on, as another module could have brought it.
    $path = Join-Path $TestDrive 'Google.Protobuf.dll'
    $builder = [System.Reflection.Emit.PersistedAssemblyBuilder]::new([System.Reflection.AssemblyName]'Google.Protobuf, Version=1.2.3.4', [object].Assembly)
    $null = $builder.DefineDynamicModule('Google.Protobuf')
    $builder.Save($path)
    $null = [System.Runtime.Loader.AssemblyLoadContext]::Default.LoadFromAssemblyPath($path)

    $module = Import-Module $manifest -PassThru
}

Describe 'The module' {
    It 'has a valid manifest for PowerShell 7.6' {
        $tested = Test-ModuleManifest $manifest
        $tested.Name | Should -Be 'MLNetGpt'
        $tested.PowerShellVersion | Should -Be '7.6'
        $tested.CompatiblePSEditions | Should -Be 'Core'
    }

    It 'exports what the manifest lists, and nothing else' {
        $listed = (Test-ModuleManifest $manifest).ExportedCmdlets.Keys | Sort-Object
        $module.ExportedCmdlets.Keys | Sort-Object | Should -Be $listed
        $module.ExportedFunctions.Keys | Should -BeNullOrEmpty
        $module.ExportedAliases.Keys | Should -BeNullOrEmpty
        $module.ExportedVariables.Keys | Should -BeNullOrEmpty
    }

    It 'uses approved verbs and one prefix' {
        $approved = [System.Reflection.Assembly]::GetAssembly([psobject]).GetTypes() |
            Where-Object { $_.Name -like 'Verbs*' -and $_.IsPublic } |
            ForEach-Object { $_.GetFields().Name }
        foreach ($cmdlet in $module.ExportedCmdlets.Values) {
            $cmdlet.Verb | Should -BeIn $approved
            $cmdlet.Noun | Should -BeLike 'Gpt*'
        }
    }

    It 'declares the output type of every cmdlet' {
        foreach ($cmdlet in $module.ExportedCmdlets.Values) {
            $cmdlet.OutputType | Should -Not -BeNullOrEmpty -Because $cmdlet.Name
        }
    }

    It 'loads its dependencies into a context of its own, whatever else is loaded' {
        ConvertTo-GptToken 'a' -IdOnly | Should -Be 64
        $library = [System.AppDomain]::CurrentDomain.GetAssemblies() | Where-Object { $_.GetName().Name -eq 'MLNet.Gpt.Core' }
        $library | Should -HaveCount 1
        $context = [System.Runtime.Loader.AssemblyLoadContext]::GetLoadContext($library)
        $context.Name | Should -Be 'MLNetGpt'
        foreach ($name in 'Microsoft.ML.Tokenizers', 'Google.Protobuf') {
            $own = $context.LoadFromAssemblyName([System.Reflection.AssemblyName]$name)
            $own.Location | Should -Be (Join-Path $module.ModuleBase lib "$name.dll")
            $own.GetName().Version | Should -Not -Be '1.2.3.4'
        }
        [System.Runtime.Loader.AssemblyLoadContext]::Default.Assemblies.FullName -like 'Google.Protobuf, Version=1.2.3.4*' | Should -HaveCount 1
    }

    It 'refers to no library that another module could bring in another version' {
        $cmdlets = $module.ExportedCmdlets['New-GptModel'].ImplementingType.Assembly
        $cmdlets.GetReferencedAssemblies().Name | Where-Object { $_ -notlike 'System.*' } | Should -Be 'MLNet.Gpt.Core'
    }

    It 'comes without libtorch and ML.NET' {
        $files = (Get-ChildItem (Join-Path $module.ModuleBase lib)).Name
        $files | Should -Contain 'MLNet.Gpt.Core.dll'
        $files -like '*torch*' | Should -BeNullOrEmpty
        $files -like 'Microsoft.ML.Data*' | Should -BeNullOrEmpty
    }

    It 'comes with its license and the notice of what it carries' {
        (Get-ChildItem $module.ModuleBase).Name -like 'LICENSE*' | Should -HaveCount 1
        (Get-ChildItem $module.ModuleBase).Name -like 'NOTICE*' | Should -HaveCount 1
    }
}
