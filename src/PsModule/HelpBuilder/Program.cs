// Usage: MLNetGpt.HelpBuilder <manifest of the staged module> <folder of pages> <help file to write> [<address of the project>]
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Xml.Linq;
using Microsoft.PowerShell;
using MLNetGpt.HelpBuilder;

(string manifest, string pages, string output) = args is [var first, var second, var third, ..] ? (first, second, third)
    : throw new ArgumentException("Three arguments are needed: the module's manifest, the folder of pages, the help file to write.");
string? projectUrl = args.Length > 3 && args[3].Length > 0 ? args[3].TrimEnd('/') : null;

var state = InitialSessionState.CreateDefault2();
if (OperatingSystem.IsWindows()) state.ExecutionPolicy = ExecutionPolicy.Bypass;
using var runspace = RunspaceFactory.CreateRunspace(state);
runspace.Open();
using var shell = PowerShell.Create(runspace);
var cmdlets = shell
    .AddScript("$ErrorActionPreference = 'Stop'; $module = Import-Module -Name $args[0] -PassThru; Get-Command -Module $module.Name")
    .AddArgument(manifest).Invoke<CmdletInfo>();

try
{
    foreach (string page in Directory.EnumerateFiles(pages, "*.md"))
    {
        string name = Path.GetFileNameWithoutExtension(page);
        if (cmdlets.All(cmdlet => cmdlet.Name != name))
        {
            throw new InvalidDataException($"{page} describes a cmdlet that the module does not export.");
        }
    }

    var help = new XElement(
        MamlWriter.Root + "helpItems",
        new XAttribute("schema", "maml"),
        cmdlets.OrderBy(cmdlet => cmdlet.Name, StringComparer.Ordinal)
            .Select(cmdlet => MamlWriter.Write(cmdlet, HelpPage.Read(Path.Combine(pages, $"{cmdlet.Name}.md")), projectUrl)));
    Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(output))!);
    help.Save(output);
    return 0;
}
catch (Exception wrong) when (wrong is InvalidDataException or FileNotFoundException)
{
    Console.Error.WriteLine($"error : {wrong.Message}");
    return 1;
}
