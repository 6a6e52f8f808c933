<#
.SYNOPSIS
Runs a script in a session of its own, stops it in the middle as Ctrl+C does, and returns the seconds that stopping took.
.DESCRIPTION
For tests that a cmdlet stops at once. Dot-source this file in BeforeAll. The script is text, and gets the parameters; the time until it is
stopped counts from when the module has been imported. Throws if the script ended by itself.
#>
function Measure-StopTime([string] $Script, [hashtable] $Parameter = @{}, [int] $After = 500) {
    $shell = [powershell]::Create([initialsessionstate]::CreateDefault2())
    try {
        $null = $shell.AddCommand('Import-Module').AddParameter('Name', (Join-Path (Get-Module MLNetGpt).ModuleBase MLNetGpt.psd1)).Invoke()
        $shell.Commands.Clear()
        $null = $shell.AddScript($Script).AddParameters($Parameter)
        $running = $shell.BeginInvoke() # a single statement: a thread that runs several still looks at the session after it was stopped
        Start-Sleep -Milliseconds $After
        if ($shell.InvocationStateInfo.State -ne 'Running') { throw "The script ended too early: $($shell.Streams.Error) $($shell.InvocationStateInfo.Reason)" }
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        $shell.Stop()
        $seconds = $clock.Elapsed.TotalSeconds
        if ($shell.InvocationStateInfo.State -ne 'Stopped' -or -not $running.AsyncWaitHandle.WaitOne(20000)) { throw 'The script did not stop.' }
        $seconds
    }
    finally {
        $shell.Dispose()
    }
}
