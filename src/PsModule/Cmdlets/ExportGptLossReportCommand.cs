using System.Management.Automation;
using MLNetGpt.Output;
using MLNetGpt.Reports;

namespace MLNetGpt.Cmdlets;

/// <summary>Writes a page that shows the loss of each token: <c>Export-GptLossReport</c>.</summary>
[Cmdlet(VerbsData.Export, "GptLossReport", SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class ExportGptLossReportCommand : OutputFileCommand
{
    private readonly List<GptTokenLoss> _tokens = [];

    /// <summary>The page to make.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Path { get; set; } = "";

    /// <summary>The losses of tokens, as <c>Get-GptLoss -PerToken</c> writes them.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true)]
    public GptTokenLoss[] InputObject { get; set; } = [];

    /// <summary>What a training reported.</summary>
    [Parameter]
    public TrainingEvaluation[] TrainingHistory { get; set; } = [];

    /// <summary>The page's title.</summary>
    [Parameter]
    public string Title { get; set; } = "Loss of each token";

    /// <inheritdoc/>
    protected override void ProcessRecord() => _tokens.AddRange(InputObject);

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_tokens.Count == 0)
        {
            Terminate(new ArgumentException("No token came in; a report needs the losses that Get-GptLoss -PerToken writes."), "NoTokens", ErrorCategory.InvalidArgument, Path);
        }

        string file = ResolveOutput(Path);
        WriteFile(file, "Write a loss report", () =>
        {
            using var writer = new StreamWriter(file);
            new LossReport(Title, _tokens, TrainingHistory).Write(writer);
        });
    }
}
