using System.Management.Automation.Runspaces;

namespace MLNet.Gpt.PesterHost.BuiltIns;

/// <summary>
/// Stand-ins for cmdlets of Microsoft.PowerShell.Utility and Microsoft.PowerShell.Management, which do not come with
/// the engine: as much of each as the test files use. A parameter that a stand-in lacks is a binding error.
/// </summary>
internal static class BuiltInCmdlets
{
    public static IEnumerable<SessionStateCmdletEntry> All =>
    [
        new("Write-Output", typeof(WriteOutputCommand), null),
        new("Write-Error", typeof(WriteErrorCommand), null),
        new("Write-Warning", typeof(WriteWarningCommand), null),
        new("Select-Object", typeof(SelectObjectCommand), null),
        new("Sort-Object", typeof(SortObjectCommand), null),
        new("Measure-Object", typeof(MeasureObjectCommand), null),
        new("Out-String", typeof(OutStringCommand), null),
        new("Join-Path", typeof(JoinPathCommand), null),
        new("Split-Path", typeof(SplitPathCommand), null),
        new("Test-Path", typeof(TestPathCommand), null),
        new("Get-Content", typeof(GetContentCommand), null),
        new("Set-Content", typeof(SetContentCommand), null),
        new("New-Item", typeof(NewItemCommand), null),
        new("Get-Item", typeof(GetItemCommand), null),
        new("Get-ChildItem", typeof(GetChildItemCommand), null),
        new("Remove-Item", typeof(RemoveItemCommand), null),
        new("Start-Sleep", typeof(StartSleepCommand), null),
    ];
}
