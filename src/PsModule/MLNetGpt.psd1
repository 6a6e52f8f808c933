@{
    RootModule             = 'MLNetGpt.PowerShell.dll'
    # Loaded before the root module: finds what that one depends on.
    NestedModules          = @('MLNetGpt.Loading.dll')
    ModuleVersion          = '0.1.0'
    GUID                   = 'b2c0a6a5-5f0e-4f0e-9d0c-6c1f3f6b7a41'
    Author                 = 'The MLNet.Gpt team'
    CompanyName            = 'The MLNet.Gpt team'
    Copyright              = '(c) The MLNet.Gpt team. MIT License.'
    Description            = 'Measures, generates with and trains GPT language models: losses in nats, perplexity and bits per byte of any text, on models read from every common format.'
    PowerShellVersion      = '7.6'
    CompatiblePSEditions   = @('Core')
    FormatsToProcess       = @('MLNetGpt.Format.ps1xml')
    CmdletsToExport        = @(
        'Compare-GptLoss'
        'Compare-GptModel'
        'Compare-GptTask'
        'ConvertFrom-GptToken'
        'ConvertTo-GptToken'
        'Enter-GptPrompt'
        'Export-GptLossReport'
        'Export-GptModel'
        'Get-GptClass'
        'Get-GptEmbedding'
        'Get-GptLoss'
        'Get-GptModel'
        'Get-GptModelInfo'
        'Get-GptNextToken'
        'Import-GptModel'
        'Invoke-GptGenerate'
        'Invoke-GptTraining'
        'Measure-GptLoss'
        'Measure-GptTask'
        'New-GptModel'
        'New-GptTokenFile'
        'New-GptTokenizer'
        'Resume-GptTraining'
        'Set-GptModel'
        'Show-GptLoss'
    )
    FunctionsToExport      = @()
    AliasesToExport        = @()
    VariablesToExport      = @()
    PrivateData            = @{
        PSData = @{
            Tags = @('GPT', 'GPT-2', 'LanguageModel', 'MachineLearning', 'Perplexity', 'ML.NET', 'PSEdition_Core', 'Linux', 'Windows', 'MacOS')
            ReleaseNotes = 'The first release.'
            # Staging fills in the address of the clone's remote; where it has none, these lines go.
            ProjectUri = '{ProjectUrl}'
            LicenseUri = '{ProjectUrl}/blob/HEAD/LICENSE'
            IconUri = '{ProjectUrl}/raw/HEAD/docs/images/icon.png'
        }
    }
}
