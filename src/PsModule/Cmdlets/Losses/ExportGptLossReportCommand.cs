using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Writes a page about losses: <c>Export-GptLossReport</c>.</summary>
[Cmdlet(VerbsData.Export, "GptLossReport", SupportsShouldProcess = true, DefaultParameterSetName = TokenSet)]
[OutputType(typeof(FileInfo))]
public sealed class ExportGptLossReportCommand : OutputFileCommand
{
    private const string TokenSet = "Token";
    private const string ResultSet = "Result";

    private readonly List<GptTokenLoss> _tokens = [];

    /// <summary>The page to make.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public string Path { get; set; } = "";

    /// <summary>The losses of tokens, as <c>Get-GptLoss -PerToken</c> writes them.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true, ParameterSetName = TokenSet)]
    [TokenLossArgument]
    public GptTokenLoss[] InputObject { get; set; } = [];

    /// <summary>Result files of <c>Measure-GptLoss</c>, those of all shards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResultSet)]
    [SupportsWildcards]
    public string[] ResultPath { get; set; } = [];

    /// <summary>What a training reported.</summary>
    [Parameter]
    public TrainingEvaluation[] TrainingHistory { get; set; } = [];

    /// <summary>The page's title.</summary>
    [Parameter]
    public string Title { get; set; } = "Loss of each token";

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == TokenSet) _tokens.AddRange(InputObject);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (ParameterSetName == TokenSet && _tokens.Count == 0)
        {
            Terminate(
                new ArgumentException("No token came in; a report needs the losses that Get-GptLoss -PerToken writes."),
                "NoTokens",
                ErrorCategory.InvalidArgument,
                Path);
        }

        string file = ResolveOutput(Path);
        var report = ParameterSetName == TokenSet
            ? ReportTokens()
            : ReadResults([.. ResolveFiles(ResultPath, literal: false)]);
        WriteFile(file, "Write a loss report", () => (report with { Title = Title, Charts = Charts() }).Save(file));
    }

    // Of tokens of several models it cannot say which one measured.
    private LossReport ReportTokens()
    {
        var first = _tokens[0];
        bool isOneModel = _tokens.All(token => token.Model == first.Model && token.Scoring == first.Scoring);
        return new()
        {
            Documents = TokenDocuments.Of(_tokens),
            Model = isOneModel ? first.Model?.Name : null,
            Config = isOneModel ? first.Model?.Config : null,
            Scoring = isOneModel ? first.Scoring : null,
        };
    }

    private LossReport ReadResults(string[] files)
    {
        try
        {
            return new LossReport
            {
                Time = files.Select(File.GetLastWriteTime).DefaultIfEmpty(DateTime.Now).Max(),
                Documents = [.. CorpusResults.ReadDocuments(files)],
            };
        }
        catch (Exception wrong) when (wrong is ArgumentException or InvalidDataException)
        {
            Terminate(wrong, "ResultsNotMerged", ErrorCategory.InvalidData, ResultPath);
            throw;
        }
    }

    private ReportChart[] Charts() => TrainingHistory.Length == 0 ? [] :
    [
        new(
            "Training", "steps", "nats per token",
            [
                new("training", [.. TrainingHistory.Select(point => ((double)point.Step, point.TrainingLoss))]),
                new("validation", [.. TrainingHistory.Select(point => ((double)point.Step, point.ValidationLoss))]),
            ]),
    ];
}
