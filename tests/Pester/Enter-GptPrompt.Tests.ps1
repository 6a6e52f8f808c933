BeforeAll {
    Import-Module (Join-Path $PSScriptRoot '../../artifacts/module/MLNetGpt/MLNetGpt.psd1')
    $model = New-GptModel tiny

    # A session with a keyboard: a host that answers with the given lines and keeps what is shown.
    if (-not ('PromptTests.TypingHost' -as [type])) {
        Add-Type -TypeDefinition @'
using System;
using System.Collections.Generic;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Host;
using System.Security;
using System.Text;
namespace PromptTests
{
    public sealed class TypingHost : PSHost
    {
        private readonly TypingInterface _ui;
        public TypingHost(string[] lines) { _ui = new TypingInterface(lines); }
        public string Shown { get { return _ui.Shown.ToString(); } }
        public override CultureInfo CurrentCulture { get { return CultureInfo.InvariantCulture; } }
        public override CultureInfo CurrentUICulture { get { return CultureInfo.InvariantCulture; } }
        public override Guid InstanceId { get; } = Guid.NewGuid();
        public override string Name { get { return "TypingHost"; } }
        public override PSHostUserInterface UI { get { return _ui; } }
        public override Version Version { get { return new Version(1, 0); } }
        public override void EnterNestedPrompt() { }
        public override void ExitNestedPrompt() { }
        public override void NotifyBeginApplication() { }
        public override void NotifyEndApplication() { }
        public override void SetShouldExit(int exitCode) { }
    }
    public sealed class TypingInterface : PSHostUserInterface
    {
        private readonly Queue<string> _lines;
        public TypingInterface(string[] lines) { _lines = new Queue<string>(lines); }
        public StringBuilder Shown { get; } = new StringBuilder();
        public override PSHostRawUserInterface RawUI { get { return null; } }
        public override string ReadLine() { return _lines.Count > 0 ? _lines.Dequeue() : null; }
        public override void Write(string value) { Shown.Append(value); }
        public override void Write(ConsoleColor foregroundColor, ConsoleColor backgroundColor, string value) { Shown.Append(value); }
        public override void WriteLine(string value) { Shown.Append(value).Append((char)10); }
        public override void WriteErrorLine(string value) { }
        public override void WriteDebugLine(string value) { }
        public override void WriteProgress(long sourceId, ProgressRecord record) { }
        public override void WriteVerboseLine(string value) { }
        public override void WriteWarningLine(string value) { }
        public override SecureString ReadLineAsSecureString() { throw new NotImplementedException(); }
        public override Dictionary<string, PSObject> Prompt(string caption, string message, Collection<FieldDescription> descriptions) { throw new NotImplementedException(); }
        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName) { throw new NotImplementedException(); }
        public override PSCredential PromptForCredential(string caption, string message, string userName, string targetName, PSCredentialTypes allowedCredentialTypes, PSCredentialUIOptions options) { throw new NotImplementedException(); }
        public override int PromptForChoice(string caption, string message, Collection<ChoiceDescription> choices, int defaultChoice) { throw new NotImplementedException(); }
    }
}
'@
    }

    function Start-Session([string[]] $Line, [hashtable] $Parameter) {
        $screen = [PromptTests.TypingHost]::new($Line)
        $runspace = [runspacefactory]::CreateRunspace($screen)
        $runspace.Open()
        $shell = [powershell]::Create()
        $shell.Runspace = $runspace
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddCommand('Enter-GptPrompt').AddParameters($Parameter)
        $output = $shell.Invoke()
        $result = [pscustomobject]@{ Shown = $screen.Shown; Output = $output; Errors = @($shell.Streams.Error) }
        $shell.Dispose()
        $runspace.Dispose()
        $result
    }
}

Describe 'Enter-GptPrompt' {
    It 'continues each line on the screen until an empty one' {
        $session = Start-Session 'Every effort', 'I really', '', 'never read' @{ Model = $model; MaxToken = 3 }
        $first, $second = 'Every effort', 'I really' | Invoke-GptGenerate -Model $model -MaxToken 3
        $session.Shown | Should -Be "Prompt> $($first.FullText)`nPrompt> $($second.FullText)`nPrompt> "
        $session.Output | Should -BeNullOrEmpty
        $session.Errors | Should -BeNullOrEmpty
    }

    It 'ends with the input, and takes the settings of Invoke-GptGenerate' {
        $session = Start-Session 'Every' @{ Model = $model; MaxToken = 5; Temperature = 1; TopK = 5; Seed = 7 }
        $expected = (Invoke-GptGenerate 'Every' -Model $model -MaxToken 5 -Temperature 1 -TopK 5 -Seed 7).FullText
        $session.Shown.Contains($expected) | Should -BeTrue
    }

    It 'reports a prompt that cannot be continued, and asks again' {
        $session = Start-Session ('every ' * 40), 'Every' @{ Model = $model; MaxToken = 2; Overflow = 'Stop' }
        $session.Errors.FullyQualifiedErrorId | Should -Be 'InputRefused,MLNetGpt.Cmdlets.EnterGptPromptCommand'
        $session.Shown | Should -BeLike '*Prompt> Every*Prompt> '
    }

    It 'shows what a terminal would obey by its number' {
        (Start-Session "Every`e[31m" @{ Model = $model; MaxToken = 1 }).Shown.Contains('Every\u001b[31m') | Should -BeTrue
    }

    It 'stops within a second in the middle of a long prompt' {
        $screen = [PromptTests.TypingHost]::new(@('a' * 6000000))
        $runspace = [runspacefactory]::CreateRunspace($screen)
        $runspace.Open()
        $shell = [powershell]::Create($runspace)
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1)).Invoke()
        $shell.Commands.Clear()
        $null = $shell.AddCommand('Enter-GptPrompt').AddParameter('Model', $model)
        $running = $shell.BeginInvoke()
        while (-not $screen.Shown.StartsWith('Prompt> ') -and -not $running.IsCompleted) { Start-Sleep -Milliseconds 50 }
        Start-Sleep -Milliseconds 500
        $shell.InvocationStateInfo.State | Should -Be 'Running'
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        $shell.Stop()
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 3 # on a busy machine
        $shell.InvocationStateInfo.State | Should -Be 'Stopped'
        $running.AsyncWaitHandle.WaitOne(20000) | Should -BeTrue
        $shell.Dispose()
        $runspace.Dispose()
    }

    It 'refuses settings like Invoke-GptGenerate, and a session without a keyboard' {
        { Enter-GptPrompt -Model $model -Temperature -1 } | Should -Throw -ErrorId 'InvalidGenerationOption,*'
        { Enter-GptPrompt -Model $model -TopP 0.5 } | Should -Throw -ErrorId 'ParameterWithoutEffect,*'
        $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1))
        $null = $shell.AddStatement().AddCommand('Enter-GptPrompt').AddParameter('Model', $model)
        $null = $shell.Invoke()
        $shell.Streams.Error[0].FullyQualifiedErrorId | Should -Be 'HostNotInteractive,MLNetGpt.Cmdlets.EnterGptPromptCommand'
        $shell.Dispose()
    }
}
