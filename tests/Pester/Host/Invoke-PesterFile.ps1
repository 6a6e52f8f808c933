<#
.SYNOPSIS
Runs files with Pester, or only finds their tests, and writes an object for each.
.DESCRIPTION
Each object has the file, the test's place in it, its name, why it failed and why it was skipped. The object at place -1 stands for the
file itself: it fails where discovery or a setup or teardown does.
#>
param(
    # Pester.psd1.
    [string] $Pester,
    [string[]] $Path,
    [switch] $SkipRun,
    # Told of each test as it ends: the place in its file, why it failed, why it was skipped. Expects a single file.
    [System.Action[int, string, string]] $Report
)

Import-Module $Pester

function Get-Test($block) {
    foreach ($item in $block.Order) {
        if ($item.ItemType -eq 'Test') { $item } else { Get-Test $item }
    }
}

function Get-Block($block) {
    $block
    foreach ($inner in $block.Blocks) { Get-Block $inner }
}

# A name with the data of the test and its blocks in place of its <templates>, as Pester fills them in when it runs.
function Get-ExpandedName($item) {
    $names = for ($place = $item; -not $place.IsRoot; $place = $place.ItemType -eq 'Test' ? $place.Block : $place.Parent) {
        if ($place.Name -notlike '*<*') { $place.Name; continue }
        $variables = [System.Collections.Generic.Dictionary[string, object]]::new()
        for ($scope = $place; -not $scope.IsRoot; $scope = $scope.ItemType -eq 'Test' ? $scope.Block : $scope.Parent) {
            if ($null -eq $scope.Data) { continue }
            $null = $variables.TryAdd('_', $scope.Data)
            if ($scope.Data -is [System.Collections.IDictionary]) {
                foreach ($key in $scope.Data.Keys) { $null = $variables.TryAdd($key, $scope.Data[$key]) }
            }
        }

        $text = '"' + ($place.Name -replace '\$', '`$' -replace '"', '`"' -replace '(?<!`)<([^>^`]+)>', '$$($$$1)') + '"'
        [scriptblock]::Create($text).InvokeWithContext($null, @($variables.GetEnumerator() | ForEach-Object { [psvariable]::new($_.Key, $_.Value) }))
    }

    [array]::Reverse($names)
    $names -join ' › '
}

function Get-Message($records) {
    $lines = foreach ($record in $records) {
        "$record"
        $record.ScriptStackTrace -split '\r?\n' | Where-Object { $_ -notmatch '[\\/](Pester\.\w+\.?\w*|Invoke-PesterFile\.ps1): |<No file>: ' }
    }
    $lines -join [Environment]::NewLine
}

function Get-Failure($test) {
    if ($test.Passed -or $SkipRun) { return }
    $records = @($test.ErrorRecord)
    for ($block = $test.Block; $block; $block = $block.Parent) { $records += $block.ErrorRecord }
    $records ? (Get-Message $records) : 'The test did not run.'
}

function Get-SkipReason($test) {
    if ($test.Skipped -or $test.Inconclusive) { $test.ErrorRecord.Count ? "$($test.ErrorRecord[0])" : 'It is marked with -Skip.' }
}

$configuration = New-PesterConfiguration
$configuration.Run.Path = $Path
$configuration.Run.PassThru = $true
$configuration.Run.SkipRun = [bool]$SkipRun
$configuration.Output.Verbosity = 'None'

if ($Report) {
    # The extension point of Visual Studio Code's test runner. Its blocks run among the variables of the tests, hence the names.
    $____report, $____tests = $Report, [System.Collections.ArrayList]::new()
    $found = { param($Context) $____tests.AddRange(@(Get-Test $Context.Blocks[0])) }
    $ended = {
        param($Context)
        $____report.Invoke($____tests.IndexOf($Context.Test), (Get-Failure $Context.Test), (Get-SkipReason $Context.Test))
    }
    & (Get-Module Pester) {
        param($found, $ended)
        $script:additionalPlugins = New-PluginObject -Name Report -RunStart $found -EachTestTeardownEnd $ended
    } $found $ended
}

$run = Invoke-Pester -Configuration $configuration

foreach ($container in $run.Containers) {
    $file = $container.Item.Name
    $tests = @($container.Blocks | ForEach-Object { Get-Test $_ })
    for ($place = 0; $place -lt $tests.Count; $place++) {
        $test = $tests[$place]
        [pscustomobject]@{
            File = $file; Place = $place; Name = Get-ExpandedName $test; Failure = Get-Failure $test; SkipReason = Get-SkipReason $test
        }
    }

    $broken = Get-Message (@($container.ErrorRecord) + @($container.Blocks | ForEach-Object { Get-Block $_ } | ForEach-Object ErrorRecord))
    if (-not $broken -and -not $tests) { $broken = 'The file has no test.' }
    [pscustomobject]@{ File = $file; Place = -1; Name = 'discovery, setups and teardowns'; Failure = $broken; SkipReason = $null }
}
