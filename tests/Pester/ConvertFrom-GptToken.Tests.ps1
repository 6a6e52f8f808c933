BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
}

Describe 'ConvertFrom-GptToken' {
    It 'makes one text of the ids in an argument' {
        ConvertFrom-GptToken 16833, 3626, 6100 | Should -BeExactly 'every effort moves'
    }

    It 'makes one text of the ids in the pipeline' {
        16833, 3626, 6100 | ConvertFrom-GptToken | Should -BeExactly 'every effort moves'
    }

    It 'gives back <text>' -ForEach @(
        @{ text = 'every effort moves' }
        @{ text = "tabs`tand`r`nline ends" }
        @{ text = "emoji $([char]::ConvertFromUtf32(0x1F600)), CJK $([char]0x6F22)$([char]0x5B57)" }
        @{ text = 'a<|endoftext|>b' }
    ) {
        ConvertTo-GptToken $text | ConvertFrom-GptToken | Should -BeExactly $text
    }

    It 'writes the empty text for no ids' {
        ConvertFrom-GptToken @() | Should -BeExactly ''
    }

    It 'reports an id outside the vocabulary and leaves it out' {
        $text = 16833, 50257, -1, 3626 | ConvertFrom-GptToken -ErrorVariable wrong -ErrorAction SilentlyContinue
        $text | Should -BeExactly 'every effort'
        $wrong | Should -HaveCount 2
        $wrong[0].FullyQualifiedErrorId | Should -Be 'TokenIdOutOfRange,MLNetGpt.Cmdlets.ConvertFromGptTokenCommand'
        $wrong[0].CategoryInfo.Category | Should -Be 'InvalidArgument'
        $wrong.TargetObject | Should -Be 50257, -1
        $wrong[0].Exception.Message | Should -BeLike '*50257*50256.'
    }

    It 'writes text as it becomes whole with -Stream, and never half a character' {
        $emoji = [char]::ConvertFromUtf32(0x1F600)
        $ids = ConvertTo-GptToken "a $emoji b" -IdOnly
        $pieces = $ids | ConvertFrom-GptToken -Stream
        $pieces.Count | Should -BeGreaterThan 1
        -join $pieces | Should -BeExactly "a $emoji b"
        -join ($ids | ForEach-Object { ConvertFrom-GptToken $_ }) | Should -Match ([char]0xFFFD) -Because 'one id alone is not a whole character here'
    }

    It 'streams: the first text comes before the last id is asked for' {
        $asked = [System.Collections.Generic.List[int]]::new()
        $first = 16833, 3626, 6100 | ForEach-Object { $asked.Add($_); $_ } | ConvertFrom-GptToken -Stream | Select-Object -First 1
        $first | Should -BeExactly 'every'
        $asked.Count | Should -BeLessThan 3
    }
}
