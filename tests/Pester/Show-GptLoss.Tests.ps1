BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    . (Join-Path $PSScriptRoot NewProcess.ps1)
    $model = New-GptModel tiny -TiedHead:$false
    $words = Import-GptModel (Join-Path $PSScriptRoot '../Unit/Fixtures/Cases/hf-good')
    $rendering = $PSStyle.OutputRendering
    $levels = 0.5, 0.1, 0.01, 0.001, 0.0001, 0

    # Runs a script with colors or without, whatever the host is.
    function Show([string] $rendering, [scriptblock] $script) {
        $before = $PSStyle.OutputRendering
        try {
            $PSStyle.OutputRendering = $rendering
            & $script
        }
        finally { $PSStyle.OutputRendering = $before }
    }

    function Remove-Style([string[]] $line) { $line -replace '\e\[[\d;]*m' }
    function Get-Level([double] $probability) { 0..5 | Where-Object { $probability -ge $levels[$_] } | Select-Object -First 1 }
}

Describe 'Show-GptLoss' {
    Context 'without colors' {
        It 'marks each token by its probability' {
            $tokens = Get-GptLoss -Model $model 'Every effort moves you' -PerToken
            $expected = 'Every' + (-join ($tokens | ForEach-Object { $_.Text + $((Get-Level $_.Probability) ? "[$(Get-Level $_.Probability)]" : '') }))
            $lines = Show PlainText { 'Every effort moves you' | Show-GptLoss -Model $model }
            $lines | Should -BeOfType [string]
            $lines[0] | Should -Be 'Probability of a token: no mark 50-100 %, [1] 10-50 %, [2] 1-10 %, [3] 0.1-1 %, [4] 0.01-0.1 %, [5] below 0.01 %'
            $lines[1] | Should -BeExactly ''
            $lines[2] | Should -BeExactly $expected
            $loss = Get-GptLoss -Model $model 'Every effort moves you'
            $lines[3] | Should -BeExactly "Cross-entropy $loss"
            $lines | Should -HaveCount 4
        }

        It 'keeps line breaks and tabs, and puts marks before line breaks' {
            $text = "Every`n`n`teffort`nmoves"
            $lines = Show PlainText { Show-GptLoss -Model $model $text }
            ($lines[2..($lines.Count - 2)] -join "`n") -replace '\[\d\]' | Should -BeExactly $text
            $lines[2] | Should -Match '^Every\[\d\]$' # the mark of two line breaks, which are one token
        }
    }

    Context 'with colors' {
        It 'has the color of each probability, which ends with its line' {
            $tokens = Get-GptLoss -Model $model "Every effort`nmoves you" -PerToken
            $lines = Show Ansi { Show-GptLoss -Model $model "Every effort`nmoves you" }
            $legend = [regex]::Matches($lines[0], '(\e\[38;2;\d+;\d+;\d+m\e\[48;2;\d+;\d+;\d+m) ([^\e]+) \e\[0m')
            $legend | Should -HaveCount 6
            $legend[0].Groups[2].Value | Should -Be '50-100 %'
            foreach ($line in $lines) { ($line -replace '^.*\e\[' -eq $line) -or $line -match '\e\[0m$' | Should -BeTrue }
            $painted = $lines[2..3] -join "`n"
            foreach ($token in $tokens) {
                $style = $legend[(Get-Level $token.Probability)].Groups[1].Value
                $text = $token.Text -replace "`n", '↵'
                $painted | Should -Match "$([regex]::Escape($style))[^\e]*$([regex]::Escape($text))"
            }

            Remove-Style $lines[2..3] | Should -BeExactly 'Every effort↵', 'moves you'
        }

        It 'can be read: text and background have a contrast of 4.5, and each step is lighter than the one before' {
            function Get-Luminance([int[]] $rgb) {
                $linear = $rgb.ForEach({ $part = $_ / 255; $part -le 0.04045 ? $part / 12.92 : [math]::Pow(($part + 0.055) / 1.055, 2.4) })
                0.2126 * $linear[0] + 0.7152 * $linear[1] + 0.0722 * $linear[2]
            }

            $lines = Show Ansi { Show-GptLoss -Model $model 'Every effort' }
            $steps = [regex]::Matches($lines[0], '\e\[38;2;(\d+);(\d+);(\d+)m\e\[48;2;(\d+);(\d+);(\d+)m')
            $before = 0
            foreach ($step in $steps) {
                $parts = [int[]]$step.Groups[1..6].Value
                $text, $background = (Get-Luminance $parts[0..2]), (Get-Luminance $parts[3..5])
                ([math]::Max($text, $background) + 0.05) / ([math]::Min($text, $background) + 0.05) | Should -BeGreaterOrEqual 4.5
                $background | Should -BeGreaterThan $before
                $before = $background
            }
        }

        It 'shows tabs and line breaks that are tokens' {
            $lines = Show Ansi { Show-GptLoss -Model $model "Every`teffort`n`nmoves" }
            Remove-Style $lines[2..4] | Should -BeExactly "Every→`teffort↵", '↵', 'moves'
        }
    }

    It 'shows control characters, and characters that turn the direction of text, in <_>' -ForEach 'Ansi', 'PlainText' {
        $text = "a`e[31mred$([char]0x202E)b`r`nc$([char]7)"
        $lines = Remove-Style (Show $_ { Show-GptLoss -Model $model $text })
        -join $lines | Should -Not -Match '[\p{Cc}\u202A-\u202E]'
        (-join $lines[2..3]) -replace '\[\d\]|↵' | Should -BeExactly 'a\u001b[31mred\u202eb\rc\u0007'
    }

    It 'shows a character that spans tokens whole, with the probability of all' {
        $text = "鲸 moves $([char]::ConvertFromUtf32(0x1F600))!"
        $lines = Show PlainText { Show-GptLoss -Model $model $text }
        $lines[2] -replace '\[\d\]' | Should -BeExactly $text
        $emoji = Get-GptLoss -Model $model $text -PerToken | Where-Object { $_.Start -in 7, 8 } | Measure-Object NegativeLogLikelihood -Sum
        $emoji.Count | Should -BeGreaterThan 1
        $lines[2] | Should -BeLike "*moves``[?``] $([char]::ConvertFromUtf32(0x1F600))``[$(Get-Level ([math]::Exp(-$emoji.Sum)))``]*"
    }

    It 'shows a text of <what>' -ForEach @(
        @{ what = 'no token'; text = ''; shown = @() }
        @{ what = 'one token'; text = 'Every'; shown = @('Every') }
    ) {
        $lines = Show PlainText { Show-GptLoss -Model $model $text }
        @($lines | Select-Object -Skip 2 | Select-Object -SkipLast 1) | Should -Be $shown
        $lines[-1] | Should -BeLike 'Nothing is predicted*'
    }

    It 'predicts the first token with -PrependEndOfText, and passes on how texts are measured' {
        $settings = @{ PrependEndOfText = $true; WindowLength = 4; Stride = 2; LastWindow = 'AtEnd'; SpecialToken = 'Literal' }
        $lines = Show PlainText { Show-GptLoss -Model $model 'Every effort moves you <|endoftext|>' @settings }
        $lines[2] | Should -Match '^Every\[\d\]'
        $lines[3] | Should -BeExactly "Cross-entropy $(Get-GptLoss -Model $model 'Every effort moves you <|endoftext|>' @settings)"
    }

    Context 'tokens' {
        BeforeAll {
            $text = "Every effort`nmoves you 鲸"
            $tokens = Get-GptLoss -Model $model $text -PerToken
            $expected = Show Ansi { Show-GptLoss -Model $model $text }
        }

        It 'are shown without measuring again' {
            Show Ansi { $tokens | Show-GptLoss } | Should -BeExactly $expected
            Show Ansi { Show-GptLoss -InputObject $tokens } | Should -BeExactly $expected
        }

        It 'are shown from Clixml' {
            $tokens | Export-Clixml TestDrive:/tokens.xml
            Show Ansi { Import-Clixml TestDrive:/tokens.xml | Show-GptLoss } | Should -BeExactly $expected
        }

        It 'are shown also if the session has a default model or the parameter a default value' {
            try {
                Set-GptModel $words
                Show Ansi { $tokens | Show-GptLoss } | Should -BeExactly $expected
            }
            finally { Set-GptModel $null }
            $PSDefaultParameterValues = @{ '*-Gpt*:Model' = $words }
            Show Ansi { $tokens | Show-GptLoss } | Should -BeExactly $expected
        }

        It 'of several texts are kept apart, and texts among them come in their place' {
            $more = Get-GptLoss -Model $model 'I really like', 'chocolate cake' -PerToken
            $lines = Show PlainText { $more | Show-GptLoss }
            $lines -match '^Cross-entropy' | Should -HaveCount 2
            $lines = (Show PlainText { @($more) + 'Every effort' | Show-GptLoss -Model $model }) -replace '\[\d\]'
            $lines[2], $lines[5], $lines[8] | Should -Be 'I really like', 'chocolate cake', 'Every effort'
        }

        It 'that were left out are three dots' {
            (Show PlainText { $tokens[2..3] | Show-GptLoss })[2] -replace '\[\d\]' | Should -BeExactly '…moves' # two tokens
            $lines = Show PlainText { $tokens | Where-Object Text -In ' effort', ' you' | Show-GptLoss }
            $lines[2] -replace '\[\d\]' | Should -BeExactly 'Every effort… you'
        }
    }

    Context 'files' {
        BeforeAll {
            Set-Content TestDrive:/one.txt 'Every effort' -NoNewline
            Set-Content TestDrive:/two.txt 'moves you' -NoNewline
        }

        It 'are named with their loss' {
            $lines = Show PlainText { Get-ChildItem TestDrive:/*.txt | Show-GptLoss -Model $model }
            $lines[3] | Should -BeExactly "one.txt: Cross-entropy $(Get-GptLoss -Model $model -Path TestDrive:/one.txt)"
            $lines[6] | Should -BeLike 'two.txt: *'
            Show PlainText { Show-GptLoss -Model $model -Path TestDrive:/*.txt } | Should -BeExactly $lines
            Show PlainText { Get-ChildItem TestDrive:/*.txt | Get-GptLoss -Model $model -PerToken | Show-GptLoss } | Should -BeExactly $lines
        }

        It 'that are missing are reported, and the next has its turn' {
            $lines = Show PlainText { Show-GptLoss -Model $model -LiteralPath TestDrive:/none.txt, TestDrive:/two.txt -ErrorAction SilentlyContinue -ErrorVariable wrong }
            $lines[-1] | Should -BeLike 'two.txt: *'
            { Show-GptLoss -Model $model -LiteralPath TestDrive:/none.txt -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound,MLNetGpt.Cmdlets.ShowGptLossCommand'
        }
    }

    It 'writes marks into another command, with NO_COLOR, and where the output of the process is redirected' {
        $shown = Invoke-InNewProcess -ArgumentList (Get-Module MLNetGpt).Path.Replace('MLNetGpt.PowerShell.dll', 'MLNetGpt.psd1') {
            param($module)
            Import-Module $module
            $model = New-GptModel tiny
            $rendering = "$($PSStyle.OutputRendering)"
            @{ Rendering = $rendering; Host = @(Show-GptLoss -Model $model 'Every effort'); Piped = @(Show-GptLoss -Model $model 'Every effort' | ForEach-Object { $_ }) }
        }
        $shown.Rendering | Should -Be Host
        $shown.Host[0] | Should -BeLike '*no mark*'
        $shown.Piped[0] | Should -BeLike '*no mark*'
    }

    It 'refuses what is no text, and a window that the model does not have' {
        { 42 | Show-GptLoss -Model $model -ErrorAction Stop } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        { [pscustomobject]@{ Body = 'a' } | Show-GptLoss -Model $model -ErrorAction Stop } | Should -Throw -ErrorId 'ParameterArgumentTransformationError,*'
        { Show-GptLoss -Model $model 'a text' -WindowLength 5000 } | Should -Throw -ErrorId 'OptionsRefused,*' -ExpectedMessage '*-WindowLength*'
        { Show-GptLoss 'a text' } | Should -Throw -ErrorId 'NoModel,MLNetGpt.Cmdlets.ShowGptLossCommand'
        { Get-GptLoss -Model $model 'a text' -PerToken | Show-GptLoss -Stride 2 -Model $model -ErrorAction Stop } | Should -Throw
    }

    It 'shows the lines of a long text while it is measured, and stops within a second' {
        $text = ("Every effort moves you`n" * 100000)
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddScript('param($m, $t) Show-GptLoss $t $m').AddArgument($model).AddArgument($text)
        $lines = [System.Management.Automation.PSDataCollection[psobject]]::new()
        $running = $shell.BeginInvoke([System.Management.Automation.PSDataCollection[psobject]]$null, $lines)
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        while ($lines.Count -lt 100 -and $clock.Elapsed.TotalSeconds -lt 30) { Start-Sleep -Milliseconds 100 }
        $lines.Count | Should -BeGreaterOrEqual 100
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $clock.Restart()
        $shell.Stop()
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 3 # on a busy machine
        $running.AsyncWaitHandle.WaitOne(20000) | Should -BeTrue
        $shell.Dispose()
    }
}
