using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
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

    /// <summary>Another model, whose predictions of the same tokens are shown beside theirs.</summary>
    [Parameter(ParameterSetName = TokenSet)]
    [ModelArgument(nameof(ReferenceModel))]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public LanguageModel? ReferenceModel { get; set; }

    /// <summary>Result files of <c>Measure-GptLoss</c>, those of all shards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResultSet)]
    [SupportsWildcards]
    public string[] ResultPath { get; set; } = [];

    /// <summary>Result files of another model for the same texts.</summary>
    [Parameter(ParameterSetName = ResultSet)]
    [SupportsWildcards]
    public string[] ReferenceResultPath { get; set; } = [];

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
            : ReadResults(
                [.. ResolveFiles(ResultPath, literal: false)], [.. ResolveFiles(ReferenceResultPath, literal: false)]);
        if (ReferenceModel is not null) report = Compare(report);
        WriteFile(file, "Write a loss report", () => (report with { Title = Title, Charts = Charts() }).Save(file));
    }

    // The reference predicts the tokens as they are, in the windows in which they were measured.
    private LossReport Compare(LossReport report)
    {
        var model = Require(ReferenceModel);
        try
        {
            var scorer = new TextScorer(model.Engine, _tokens[0].Scoring ?? new());
            return report with
            {
                ReferenceModel = model.Name,
                ReferenceDocuments = [.. report.Documents.Select(document => Measure(document, scorer, model))],
            };
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (ArgumentException refused)
        {
            Terminate(ParameterNames.Plain(refused), "ReferenceRefused", ErrorCategory.InvalidArgument, model);
            throw;
        }
    }

    private DocumentResult Measure(DocumentResult document, TextScorer scorer, LanguageModel model)
    {
        int vocabulary = model.Tokenizer.VocabularySize;
        bool isSame = document.Metrics.VocabularySize == vocabulary && document.Tokens.All(
            token => TokenPiece.Of(model.Tokenizer, token.Id).Bytes.Span.SequenceEqual(token.Piece.Bytes.Span));
        if (!isSame)
        {
            throw new ArgumentException(
                $"The reference model '{model.Name}' has another vocabulary than the tokens; only models with the same vocabulary can be "
                + "compared.");
        }

        int first = document.FirstToken?.Id ?? model.Tokenizer.BeginningOfTextId ?? -1;
        if (document.Tokens.Count == 0 || first < 0) return document;
        var measured = scorer.ScoreTokens([first, .. document.Tokens.Select(token => token.Id)], cancellationToken: StopToken);
        if (!measured.Tokens.Select(token => token.ContextCount).SequenceEqual(document.Tokens.Select(token => token.ContextCount)))
        {
            throw new ArgumentException(
                "The tokens were measured in windows that are not known or that the reference model cannot read; measure them again in "
                + "this session with -WindowLength.");
        }

        // With the texts and places that the tokens have in their document.
        return DocumentResult.FromTokens(
            document.Name, [.. document.Tokens.Zip(measured.Tokens, Place)], vocabulary, document.Index, document.FirstToken);

        static ScoredToken Place(ScoredToken token, ScoredToken score) => new(token.Piece, token.Text)
        {
            Position = token.Position,
            Start = token.Start,
            ByteStart = token.ByteStart,
            ContextCount = token.ContextCount,
            LogProbability = score.LogProbability,
            Rank = score.Rank,
            TopLogProbability = score.TopLogProbability,
        };
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

    private LossReport ReadResults(string[] files, string[] referenceFiles)
    {
        try
        {
            if (referenceFiles.Length > 0) CorpusResults.RequireSameText(referenceFiles, files);
            return new LossReport
            {
                Time = files.Select(File.GetLastWriteTime).DefaultIfEmpty(DateTime.Now).Max(),
                Documents = [.. CorpusResults.ReadDocuments(files)],
                ReferenceDocuments = referenceFiles.Length == 0 ? [] : [.. CorpusResults.ReadDocuments(referenceFiles)],
                ReferenceModel = referenceFiles.Length == 0 ? null : string.Join(", ", ReferenceResultPath),
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
