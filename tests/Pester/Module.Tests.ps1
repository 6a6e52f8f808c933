BeforeAll {
    $manifest = Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1'

    # Another version of what the module depends on, as another module could have brought it.
    $path = Join-Path $TestDrive 'Google.Protobuf.dll'
    $builder = [System.Reflection.Emit.PersistedAssemblyBuilder]::new([System.Reflection.AssemblyName]'Google.Protobuf, Version=1.2.3.4', [object].Assembly)
    $null = $builder.DefineDynamicModule('Google.Protobuf')
    $builder.Save($path)
    $null = [System.Runtime.Loader.AssemblyLoadContext]::Default.LoadFromAssemblyPath($path)

    $module = Import-Module $manifest -PassThru
    . (Join-Path $PSScriptRoot NewProcess.ps1)
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
        (Get-ChildItem $module.ModuleBase -File).Name -like 'LICENSE*' | Should -HaveCount 1
        (Get-ChildItem $module.ModuleBase).Name -like 'NOTICE*' | Should -HaveCount 1
    }

    It 'carries nothing that is of one platform only' {
        foreach ($file in Get-ChildItem $module.ModuleBase -Recurse -File -Include *.dll, *.so, *.dylib, *.exe) {
            $reader = [System.Reflection.PortableExecutable.PEReader]::new([System.IO.File]::OpenRead($file.FullName))
            try {
                $reader.HasMetadata | Should -BeTrue -Because $file.Name
                $reader.PEHeaders.CorHeader.Flags.HasFlag([System.Reflection.PortableExecutable.CorFlags]::ILOnly) | Should -BeTrue -Because $file.Name
                $reader.PEHeaders.CorHeader.ManagedNativeHeaderDirectory.Size | Should -Be 0 -Because $file.Name
            }
            finally { $reader.Dispose() }
        }
    }

    It 'names every library of others in its notice' {
        $notice = Get-Content (Join-Path $module.ModuleBase NOTICE.md) -Raw
        foreach ($library in Get-ChildItem (Join-Path $module.ModuleBase lib) -Filter *.dll | Where-Object Name -NotLike 'MLNet.Gpt.*') {
            $notice | Should -Match ([regex]::Escape($library.BaseName))
        }
    }
}

Describe 'The module that was imported by its path' {
    BeforeAll {
        $folder = Join-Path $TestDrive 'my modules'
        $null = New-Item -ItemType Directory $folder
        Copy-Item $module.ModuleBase $folder -Recurse
        $copy = Join-Path $folder MLNetGpt MLNetGpt.psd1
        $expected = @(ConvertTo-GptToken 'Every effort moves you' -IdOnly)
    }

    It 'is found by ForEach-Object -Parallel, Start-ThreadJob and Start-Job, and forgotten when it is removed' {
        $found = Invoke-InNewProcess -ArgumentList $copy, $folder {
            param($copy, $folder)
            $text = 'Every effort moves you'
            $before = $env:PSModulePath
            Import-Module $copy
            Import-Module $copy -Force
            [pscustomobject]@{
                Parallel = @($text | ForEach-Object -Parallel { ConvertTo-GptToken $_ -IdOnly })
                ThreadJob = @(Start-ThreadJob { ConvertTo-GptToken $using:text -IdOnly } | Receive-Job -Wait -AutoRemoveJob)
                Job = @(Start-Job { ConvertTo-GptToken $using:text -IdOnly } | Receive-Job -Wait -AutoRemoveJob)
                Times = @($env:PSModulePath -split [System.IO.Path]::PathSeparator -eq $folder).Count
                Restored = & { Remove-Module MLNetGpt; $env:PSModulePath -eq $before }
            }
        }
        $found.Parallel | Should -Be $expected
        $found.ThreadJob | Should -Be $expected
        $found.Job | Should -Be $expected
        $found.Times | Should -Be 1
        $found.Restored | Should -BeTrue
    }
}

Describe 'The module from a gallery' -Tag Slow {
    BeforeAll {
        # A user's folder of this test's own for modules and the list of galleries; Windows has no such setting.
        $userHome = "$TestDrive/home"
        $data = $env:XDG_DATA_HOME
        $env:XDG_DATA_HOME = "$(New-Item -ItemType Directory "$userHome/.local/share")"
        $name = "MLNetGpt-$([guid]::NewGuid())"
        $expected = (Get-GptLoss 'Every effort moves you' -Model (New-GptModel tiny)).CrossEntropy
        Invoke-InNewProcess -ArgumentList $module.ModuleBase, "$(New-Item -ItemType Directory "$TestDrive/gallery")", $name {
            param($module, $gallery, $name)
            $ProgressPreference = 'SilentlyContinue'
            Register-PSResourceRepository -Name $name -Uri $gallery -Trusted
            Publish-PSResource -Path $module -Repository $name
        }
    }

    AfterAll {
        Invoke-InNewProcess -ArgumentList $name { param($name) Unregister-PSResourceRepository -Name $name }
        $env:XDG_DATA_HOME = $data
    }

    It 'is saved, and found by name in a new process' {
        $used = Invoke-InNewProcess -ArgumentList $name, "$(New-Item -ItemType Directory "$TestDrive/saved")" {
            param($name, $saved)
            $ProgressPreference = 'SilentlyContinue'
            Save-PSResource -Name MLNetGpt -Repository $name -Path $saved -TrustRepository
            $env:PSModulePath = $saved, $env:PSModulePath -join [System.IO.Path]::PathSeparator
            $loss = Get-GptLoss 'Every effort moves you' -Model (New-GptModel tiny)
            [pscustomobject]@{ Folder = (Get-Module MLNetGpt).ModuleBase; Loss = $loss.CrossEntropy; Saved = $saved }
        }
        $used.Folder | Should -BeLike "$($used.Saved)*"
        $used.Loss | Should -Be $expected
    }

    # On Windows this would be the real folder of the user.
    It 'is installed for the user, found by name in a new process, and uninstalled' -Skip:$IsWindows {
        $installed = Invoke-InNewProcess -ArgumentList $name, $userHome {
            param($name, $userHome)
            $ProgressPreference = 'SilentlyContinue'
            $env:HOME = $userHome # which Install-PSResource reads
            Install-PSResource -Name MLNetGpt -Repository $name -Scope CurrentUser -TrustRepository
            Get-InstalledPSResource MLNetGpt | Select-Object Name, Version, InstalledLocation, LicenseUri, ProjectUri
        }
        "$($installed.Version)" | Should -Be "$($module.Version)"
        $installed.InstalledLocation | Should -BeLike "$env:XDG_DATA_HOME*"

        $used = Invoke-InNewProcess {
            $loss = Get-GptLoss 'Every effort moves you' -Model (New-GptModel tiny)
            [pscustomobject]@{ Folder = (Get-Module MLNetGpt).ModuleBase; Loss = $loss.CrossEntropy; Help = (Get-Help Get-GptLoss).Synopsis }
        }
        $used.Folder | Should -BeLike "$env:XDG_DATA_HOME*"
        $used.Loss | Should -Be $expected
        $used.Help | Should -Be (Get-Help Get-GptLoss).Synopsis

        Invoke-InNewProcess -ArgumentList $userHome {
            param($userHome)
            $env:HOME = $userHome
            Uninstall-PSResource -Name MLNetGpt -Scope CurrentUser
        }
        Get-ChildItem $env:XDG_DATA_HOME -Recurse -Filter MLNetGpt.psd1 | Should -BeNullOrEmpty
    }
}

Describe 'The views' {
    It 'show every column of a model in 80 columns' {
        $text = New-GptModel gpt2 -LayerCount 1 | Out-String -Width 80
        $text | Should -Match 'Precision'
        $text | Should -Match 'Format'
        $text | Should -Match 'Random weights'
        (New-GptModel TINY).Name | Should -BeExactly 'tiny (seed 123)'
    }

    It 'write numbers alike in every culture' {
        $model = New-GptModel tiny
        $shown = foreach ($name in 'en-US', 'de-DE', 'ar-SA') {
            $culture = [cultureinfo]::CurrentCulture
            try {
                [cultureinfo]::CurrentCulture = $name
                ($model, ($model | Get-GptModelInfo), (Get-GptLoss 'Every effort moves you' -Model $model), (Get-GptLoss 'Every effort' -Model $model -PerToken) |
                    ForEach-Object { $_ | Out-String }) -join ''
            }
            finally { [cultureinfo]::CurrentCulture = $culture }
        }
        $shown[1] | Should -BeExactly $shown[0]
        $shown[2] | Should -BeExactly $shown[0]
    }

    It 'show control characters, which a terminal would obey, by their numbers: <view> of <what>' -ForEach $(
        foreach ($what in 'tokens', 'losses', 'losses of tokens', 'steps', 'next tokens', 'continued texts', 'models', 'what models are made of', 'vectors', 'comparisons') {
            foreach ($view in 'Out-String', 'Format-List', 'Format-Table', 'Format-Wide') { @{ what = $what; view = $view } }
        }
    ) {
        $model = New-GptModel tiny
        $text = "a`ered`rover" # without a bracket, which a file name of a test drive must not have
        $path = Join-Path $TestDrive "a`ered`rover.safetensors"
        $objects = switch ($what) {
            'tokens' { ConvertTo-GptToken $text }
            'losses' { Get-GptLoss $text -Model $model }
            'losses of tokens' { Get-GptLoss $text -Model $model -PerToken -CandidateCount 2 }
            'steps' { Get-GptLoss $text -Model $model -Step }
            'next tokens' { Get-GptNextToken $text -Model $model }
            'embeddings' { Get-GptEmbedding $text -Model $model }
            'vectors' { Get-GptEmbedding $text -Model $model }
            'continued texts' { Invoke-GptGenerate $text -Model $model -MaxToken 2 -LogProbability }
            'models' { if ($IsWindows) { $model } else { Export-GptModel $path $model -Force; Import-GptModel -LiteralPath $path } }
            'what models are made of' { if ($IsWindows) { $model | Get-GptModelInfo } else { Export-GptModel $path $model -Force; Get-GptModelInfo -LiteralPath $path } }
        }
        $rendering = $PSStyle.OutputRendering
        try {
            $PSStyle.OutputRendering = 'Ansi' # otherwise the text would lose its escapes on the way
            $stored = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($objects, 3))
            foreach ($each in $objects, $stored) {
                $shown = $each | & $view | Out-String -Width 500
                $shown | Should -Not -Match "`e(?!\[)" # the escapes of the view itself begin with a bracket
                $shown | Should -Not -Match "\r(?!\n)"
            }
        }
        finally { $PSStyle.OutputRendering = $rendering }
    }

    It 'list every property of <type>' -ForEach @(
        'GptToken', 'GptLoss', 'GptTokenLoss', 'GptNextToken', 'GptGeneration', 'GptEmbedding', 'GptClass', 'LanguageModel' | ForEach-Object { @{ type = $_ } }
    ) {
        $view = Get-FormatData "MLNetGpt.Output.$type" | ForEach-Object FormatViewDefinition | Where-Object Control -Is ([System.Management.Automation.ListControl])
        $view.Control.Entries.Items.Label | Should -Be ("MLNetGpt.Output.$type" -as [type]).GetProperties().Name
    }
}

Describe 'The parameters' {
    It 'have singular names' {
        # The switch is about all matrices of a network.
        $allowed = 'DecayMatricesOnly'
        $singular = 'As', 'Bias', 'Loss', 'Alias', 'Pass'
        $common = [System.Management.Automation.Cmdlet]::CommonParameters + [System.Management.Automation.Cmdlet]::OptionalCommonParameters
        $plural = foreach ($command in Get-Command -Module MLNetGpt) {
            foreach ($name in $command.Parameters.Keys | Where-Object { $_ -notin $common -and $_ -notin $allowed }) {
                $words = [regex]::Matches($name, '[A-Z][a-z]*|[a-z]+').Value | Where-Object { $_ -notin $singular }
                if ($words -match 's$' -or $words -match '(ices|ies)$') { "$command -$name" }
            }
        }
        $plural | Should -BeNullOrEmpty
    }
}
