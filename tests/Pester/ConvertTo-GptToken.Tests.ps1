BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    . (Join-Path $PSScriptRoot StopMidway.ps1)
}

Describe 'ConvertTo-GptToken' {
    Context 'texts' {
        It 'gives <text> the ids <ids>' -ForEach @(
            @{ text = 'every effort moves'; ids = 16833, 3626, 6100 }
            @{ text = 'I really like'; ids = 40, 1107, 588 }
            @{ text = ' effort moves you'; ids = 3626, 6100, 345 }
            @{ text = ' really like chocolate'; ids = 1107, 588, 11311 }
        ) {
            ConvertTo-GptToken $text -IdOnly | Should -Be $ids
        }

        It 'writes position, id and characters of each token' {
            $tokens = ConvertTo-GptToken -Text 'every effort moves'
            $tokens | Should -HaveCount 3
            $tokens | Should -BeOfType 'MLNetGpt.Output.GptToken'
            $tokens.Position | Should -Be 0, 1, 2
            $tokens.Text | Should -BeExactly 'every', ' effort', ' moves'
        }

        It 'takes texts from the pipeline, and starts each at position 0' {
            $tokens = 'every effort', 'moves' | ConvertTo-GptToken
            ($tokens | Where-Object Position -EQ 0).Text | Should -BeExactly 'every', 'm'
        }

        It 'writes nothing for an empty text' {
            ConvertTo-GptToken '' | Should -BeNullOrEmpty
        }

        It 'writes ids as integers' {
            ConvertTo-GptToken 'I' -IdOnly | Should -BeOfType [int]
        }
    }

    Context 'special tokens' {
        It 'reads the end-of-text token as one token by default' {
            ConvertTo-GptToken '<|endoftext|>' -IdOnly | Should -Be 50256
        }

        It 'reads it as characters with -SpecialToken Literal' {
            ConvertTo-GptToken '<|endoftext|>' -IdOnly -SpecialToken Literal | Should -Be 27, 91, 437, 1659, 5239, 91, 29
        }

        It 'refuses any other way to read it' {
            { ConvertTo-GptToken 'a' -SpecialToken Sometimes } | Should -Throw -ErrorId 'CannotConvertArgumentNoMessage,*'
        }
    }

    Context 'files' {
        BeforeAll {
            Set-Content -Path TestDrive:/one.txt -Value 'every effort moves' -NoNewline
            Set-Content -Path TestDrive:/two.txt -Value 'I really like' -NoNewline
            Set-Content -LiteralPath 'TestDrive:/[three].txt' -Value 'I' -NoNewline
        }

        It 'reads a file on a PowerShell drive' {
            ConvertTo-GptToken -Path TestDrive:/one.txt -IdOnly | Should -Be 16833, 3626, 6100
        }

        It 'resolves wildcards' {
            ConvertTo-GptToken -Path TestDrive:/t*.txt -IdOnly | Should -Be 40, 1107, 588
        }

        It 'takes a literal path literally' {
            ConvertTo-GptToken -LiteralPath 'TestDrive:/[three].txt' -IdOnly | Should -Be 40
        }

        It 'takes files from the pipeline' {
            Get-Item TestDrive:/one.txt | ConvertTo-GptToken -IdOnly | Should -Be 16833, 3626, 6100
        }

        It 'reports a missing file and goes on with the next' {
            $ids = ConvertTo-GptToken -LiteralPath TestDrive:/none.txt, TestDrive:/two.txt -IdOnly -ErrorVariable missing -ErrorAction SilentlyContinue
            $ids | Should -Be 40, 1107, 588
            $missing | Should -HaveCount 1
            $missing[0].FullyQualifiedErrorId | Should -Be 'PathNotFound,MLNetGpt.Cmdlets.ConvertToGptTokenCommand'
            $missing[0].CategoryInfo.Category | Should -Be 'ObjectNotFound'
            $missing[0].TargetObject | Should -Be 'TestDrive:/none.txt'
        }

        It 'reports a wildcard on a missing drive' {
            { ConvertTo-GptToken -Path NoSuchDrive:/x.txt -ErrorAction Stop } | Should -Throw -ErrorId 'PathNotFound,*'
        }
    }

    It 'shows tokens as a table with visible blanks and line ends' {
        $shown = ConvertTo-GptToken "moves`n you" | Out-String
        $shown | Should -Match "Position\s+Id\s+Text"
        $shown | Should -Match "'\\n'"
        $shown | Should -Match "' you'"
    }

    It 'stops within a second in the middle of a long text' {
        Measure-StopTime 'ConvertTo-GptToken ("a" * 6000000) -IdOnly' | Should -BeLessThan 3 # on a busy machine
    }

    It 'gives the bytes of each token, and shows those that are no whole character' {
        $text = "a $([char]0x9BE8) $([char]::ConvertFromUtf32(0x1F600))"
        $tokens = ConvertTo-GptToken $text
        [System.Text.Encoding]::UTF8.GetString([byte[]]$tokens.Bytes) | Should -BeExactly $text
        -join $tokens.Text | Should -Not -Match ([char]0xFFFD)
        -join $tokens.Text | Should -BeExactly 'a <E9><AF><A8> <F0><9F><98><80>'
        foreach ($i in 1..($tokens.Count - 1)) { $tokens[$i].ByteStart | Should -Be ($tokens[$i - 1].ByteStart + $tokens[$i - 1].Bytes.Count) }
    }
}
