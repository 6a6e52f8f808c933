using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Shows texts with their tokens colored by loss: <c>Show-GptLoss</c>.</summary>
[Cmdlet(VerbsCommon.Show, "GptLoss", DefaultParameterSetName = TextSet)]
[OutputType(typeof(string))]
public sealed class ShowGptLossCommand : ScoringCommand
{
    private const string TokenSet = "Token";

    private readonly List<GptTokenLoss> _tokens = [];

    private CorpusEvaluator? _evaluator;
    private EvaluationReporter? _progress;
    private bool _hasColors, _hasWritten;

    /// <inheritdoc/>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = TextSet)]
    [TextArgument(nameof(Text), LeavesTokenLosses = true)]
    [AllowEmptyString]
    public override string[] Text { get; set; } = [];

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = TextSet)]
    [Parameter(Position = 0, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = LiteralPathSet)]
    [Parameter(ParameterSetName = TokenSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>The losses of tokens, as <c>Get-GptLoss -PerToken</c> writes them.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = TokenSet)]
    [TokenLossArgument]
    public GptTokenLoss[] InputObject { get; set; } = [];

    /// <inheritdoc/>
    protected override void BeginProcessing() => _hasColors = HasColors();

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        // Only texts need a model, and whether there are any depends on what comes through the pipeline.
        if (ParameterSetName == TokenSet) _tokens.AddRange(InputObject);
        else base.ProcessRecord();
    }

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source)
    {
        ShowTokens();
        if (_evaluator is null)
        {
            Model = Require(Model);
            _evaluator = CreateEvaluator(Model, CreateScoring(), new());
            _progress = new(this, Model.Name, delay: TimeSpan.FromSeconds(1));
        }

        Attempt(
            () =>
            {
                _progress!.Begin(isWhole: true);
                Show(_evaluator.EvaluateParts(Corpus.FromTexts([text]), _progress, StopToken), source);
                _progress.End();
            },
            source ?? text);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        ShowTokens();
        _progress?.Complete();
    }

    private void ShowTokens()
    {
        foreach (var document in TokenDocuments.Of(_tokens)) Show([document], document.Name);
        _tokens.Clear();
    }

    // The lines of a long text are written while it is measured.
    private void Show(IEnumerable<DocumentResult> parts, string? source)
    {
        var painter = new LossPainter(_hasColors);
        WriteObject(_hasWritten ? "" : painter.Legend);
        if (!_hasWritten) WriteObject("");
        _hasWritten = true;
        LanguageModelMetrics? metrics = null;
        foreach (var part in parts)
        {
            StopToken.ThrowIfCancellationRequested();
            metrics = metrics is null ? part.Metrics : metrics + part.Metrics;
            WriteObject(painter.Paint(part), enumerateCollection: true);
        }

        WriteObject(painter.Complete(), enumerateCollection: true);
        string loss = metrics is { TokenCount: > 0 }
            ? $"Cross-entropy {metrics.Loss}"
            : "Nothing is predicted: there are no tokens after the first.";
        WriteObject(string.IsNullOrEmpty(source) ? loss : $"{System.IO.Path.GetFileName(source)}: {loss}");
    }

    // As PowerShell itself decides, whose $PSStyle says what to do with a host that is redirected or piped to.
    private bool HasColors()
    {
        object? style = SessionState.PSVariable.GetValue("PSStyle");
        return $"{(style is null ? null : PSObject.AsPSObject(style).Properties["OutputRendering"]?.Value)}" switch
        {
            "Ansi" => true,
            "PlainText" => false,
            _ => string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"))
                && Host.UI is { SupportsVirtualTerminal: true }
                && MyInvocation.PipelinePosition == MyInvocation.PipelineLength
                && !Console.IsOutputRedirected,
        };
    }
}
