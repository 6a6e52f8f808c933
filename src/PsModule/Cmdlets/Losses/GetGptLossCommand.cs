using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Measures texts: <c>Get-GptLoss</c>.</summary>
[Cmdlet(VerbsCommon.Get, "GptLoss", DefaultParameterSetName = TextSet)]
[OutputType(typeof(GptLoss), typeof(GptTokenLoss), typeof(GptLossStep))]
public sealed class GetGptLossCommand : ScoringCommand
{
    private const string IdSet = "Id";

    private const int BatchLength = 4096; // characters

    private readonly WaitingTexts _waiting = new(BatchLength);

    private ScoringOptions _scoring = null!;
    private CorpusEvaluator _evaluator = null!;
    private EvaluationReporter _progress = null!;
    private ContinuationScorer? _continuations;

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = TextSet)]
    [Parameter(Position = 0, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = LiteralPathSet)]
    [Parameter(Position = 0, ParameterSetName = IdSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>What precedes each text; only the tokens of the text are scored.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true, ParameterSetName = TextSet)]
    [ContextArgument]
    [AllowNull]
    [AllowEmptyString]
    public string? Context { get; set; }

    /// <summary>Rows of input ids; of a single row the ids themselves.</summary>
    [Parameter(Mandatory = true, ParameterSetName = IdSet)]
    [TokenRows]
    public int[][] InputId { get; set; } = [];

    /// <summary>Rows of target ids, in the shape of the inputs.</summary>
    [Parameter(Mandatory = true, ParameterSetName = IdSet)]
    [TokenRows]
    public int[][] TargetId { get; set; } = [];

    /// <summary>Writes the loss of every token.</summary>
    [Parameter]
    public SwitchParameter PerToken { get; set; }

    /// <summary>With -PerToken, computes how unsure each prediction was.</summary>
    [Parameter]
    public SwitchParameter Entropy { get; set; }

    /// <summary>With -PerToken, how many of the most probable tokens are given with each prediction.</summary>
    [Parameter]
    [ValidateRange(0, 1000)]
    public int CandidateCount { get; set; }

    /// <summary>Writes every step from logits to perplexity.</summary>
    [Parameter]
    public SwitchParameter Step { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        if (PerToken && Step)
        {
            Terminate(
                new ArgumentException("-PerToken and -Step are two different outputs; give one of them."),
                "PerTokenAndStep",
                ErrorCategory.InvalidArgument,
                null);
        }

        RefuseIgnored();
        _scoring = CreateScoring();
        _evaluator = CreateEvaluator(Model, _scoring, PerToken ? TokenDetail : null);
        _progress = new(this, Model.Name, delay: TimeSpan.FromSeconds(1));
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == IdSet) Attempt(MeasureIds, InputId);
        else base.ProcessRecord();
    }

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source)
    {
        if (Context is not null) PrepareContinuations();
        if (_waiting.Add(text, source, text.Length + (Context?.Length ?? 0), context: Context) || Step) MeasureWaiting();
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        MeasureWaiting();
        _progress.Complete();
    }

    /// <summary>Reports an error in its place: after the results of the texts before it.</summary>
    protected override void WriteError(Exception exception, string id, ErrorCategory category, object? target)
    {
        MeasureWaiting();
        base.WriteError(exception, id, category, target);
    }

    private TokenOptions TokenDetail => new() { Entropy = Entropy, CandidateCount = CandidateCount };

    private void RefuseIgnored()
    {
        if (!PerToken && Entropy) RefuseWithout(nameof(Entropy), nameof(PerToken));
        if (!PerToken && CandidateCount > 0) RefuseWithout(nameof(CandidateCount), nameof(PerToken));
        string[] windows = [nameof(WindowLength), nameof(Stride), nameof(LastWindow)];
        if (Step && windows.FirstOrDefault(MyInvocation.BoundParameters.ContainsKey) is { } ignored) RefuseWith(ignored, nameof(Step));
    }

    // A context can come through the pipeline, so that it is only known here.
    private void PrepareContinuations()
    {
        if (_continuations is not null) return;
        string[] ignored = [nameof(Step), nameof(Entropy), nameof(CandidateCount), nameof(Stride), nameof(LastWindow)];
        if (ignored.FirstOrDefault(MyInvocation.BoundParameters.ContainsKey) is { } name) RefuseWith(name, nameof(Context));
        _continuations = new(Model.Engine, new()
        {
            WindowLength = WindowLength == 0 ? null : WindowLength,
            AddBeginningOfText = PrependEndOfText ? true : null,
            SpecialTokens = SpecialToken,
        });
    }

    private void MeasureWaiting()
    {
        var texts = _waiting.Take();
        for (int first = 0, end; first < texts.Length; first = end)
        {
            bool hasContext = texts[first].Context is not null;
            for (end = first + 1; end < texts.Length && texts[end].Context is not null == hasContext;) end++;
            if (hasContext) MeasureContinuations(texts[first..end]);
            else MeasureTexts(texts[first..end]);
        }

        if (texts.Length > 0) _waiting.EndBatch();
    }

    private void MeasureContinuations(WaitingText[] texts)
    {
        IReadOnlyList<ContinuationScore> scores = [];
        try
        {
            if (texts.Length > 1) scores = Score(texts);
        }
        catch (Exception refused) when (refused is ArgumentException or InvalidOperationException)
        {
            // Each is measured alone, which shows the one at fault.
        }

        for (int i = 0; i < texts.Length; i++)
        {
            var (text, score) = (texts[i], scores.ElementAtOrDefault(i));
            Attempt(() => Write(score ?? Score(text)[0], text), text.Target);
        }

        IReadOnlyList<ContinuationScore> Score(params WaitingText[] texts) =>
            _continuations!.Score([.. texts.Select(text => new TaskChoice(text.Context!, text.Text))], StopToken);
    }

    private void Write(ContinuationScore score, WaitingText text)
    {
        var result = DocumentResult.FromTokens("", score.Tokens, Model.Config.VocabularySize);
        if (PerToken) WriteTokens(result, source: null, text.Index);
        else WriteLoss(result.Metrics, text, score.IsGreedy);
    }

    private void MeasureTexts(WaitingText[] texts)
    {
        int measured = 0;
        if (texts.Length > 1) Attempt(() => MeasureTogether(texts, ref measured), texts);
        foreach (var text in texts[measured..])
        {
            Attempt(Step ? () => WriteSteps(text) : () => MeasureAlone(text), text.Target);
        }
    }

    private void MeasureTogether(WaitingText[] texts, ref int measured)
    {
        _progress.Begin(isWhole: false);
        try
        {
            foreach (var document in _evaluator.EvaluateDocuments(CorpusOf(texts), _progress, StopToken))
            {
                Write(document, texts[measured++]);
            }
        }
        catch (Exception refused) when (refused is ArgumentException or InvalidOperationException)
        {
            // Of the rest each is measured alone, which shows the one at fault.
        }
        finally
        {
            _progress.End();
        }
    }

    private void MeasureAlone(WaitingText text)
    {
        _progress.Begin(isWhole: true);
        var corpus = CorpusOf(text);
        var results = PerToken
            ? _evaluator.EvaluateParts(corpus, _progress, StopToken)
            : _evaluator.EvaluateDocuments(corpus, _progress, StopToken);
        foreach (var result in results) Write(result, text);
        _progress.End();
    }

    private void Write(DocumentResult result, WaitingText text)
    {
        if (PerToken) WriteTokens(result, text.Source, text.Index);
        else WriteLoss(result.Metrics, text);
    }

    private void WriteLoss(LanguageModelMetrics metrics, WaitingText text, bool? isGreedy = null) =>
        WriteObject(new GptLoss(metrics, text.Source)
        {
            Text = text.Source is null ? text.Text : null,
            Context = text.Context,
            IsGreedy = isGreedy,
            Index = text.Index,
            TextLength = text.Text.Length,
        });

    private void WriteTokens(DocumentResult result, string? source, int index)
    {
        var first = result.FirstToken is { } piece ? new GptToken(0, 0, piece) : null;
        foreach (var token in result.Tokens)
        {
            WriteObject(new GptTokenLoss(token, Model.Config.VocabularySize)
            {
                Source = source,
                TextIndex = index,
                FirstToken = token.Position == 1 ? first : null,
                Model = Model,
                Scoring = ParameterSetName == IdSet ? null : _scoring,
            });
        }
    }

    private static Corpus CorpusOf(params WaitingText[] texts) => Corpus.FromTexts(texts.Select(text => text.Text));

    private void MeasureIds()
    {
        if (Step)
        {
            if (!InputId.Select(row => row.Length).SequenceEqual(TargetId.Select(row => row.Length)))
            {
                throw new ArgumentException(
                    $"-InputId has the shape {Shape(InputId)} and -TargetId {Shape(TargetId)}; each input needs one target.");
            }

            WriteSteps(InputId, TargetId);
            return;
        }

        if (TargetId.Any(row => row.Any(id => id < 0)))
        {
            int last = Model.Config.VocabularySize - 1;
            throw new ArgumentException($"-TargetId has a negative id; ids run from 0 to {last}.");
        }

        var rows = new TextScorer(Model.Engine).ScoreBatch(InputId, TargetId, TokenDetail, StopToken);
        if (!PerToken)
        {
            WriteObject(new GptLoss(LanguageModelMetrics.Merge(rows.Select(row => row.Metrics)), source: null));
            return;
        }

        for (int row = 0; row < rows.Count; row++) WriteTokens(rows[row], source: null, row);
    }

    private void WriteSteps(WaitingText text)
    {
        int[] ids = Encode(Model.Tokenizer, text.Text, SpecialToken);
        if (PrependEndOfText) ids = [Model.Tokenizer.BeginningOfTextId!.Value, .. ids];
        if (ids.Length < 2)
        {
            throw new ArgumentException(
                $"The text has {(ids.Length == 1 ? "1 token" : "no token")}; "
                + "the steps need at least 2, one to predict from and one to predict.");
        }

        WriteSteps([ids[..^1]], [ids[1..]]);
    }

    private void WriteSteps(int[][] inputs, int[][] targets)
    {
        int tokens = inputs[0].Length;
        if (inputs.Any(row => row.Length != tokens))
        {
            throw new ArgumentException($"The rows of -InputId have {Shape(inputs)} ids; the steps need rows of one length.");
        }

        float[] logits = [.. inputs.SelectMany(row => Model.Engine.ComputeLogits(row))];
        var steps = LossSteps.Compute(
            logits, [.. inputs.SelectMany(row => row)], [.. targets.SelectMany(row => row)],
            inputs.Length, tokens, Model.Config.VocabularySize);
        WriteObject(new GptLossStep(steps, Model.Tokenizer));
    }

    private static string Shape(int[][] rows)
    {
        int[] lengths = [.. rows.Select(row => row.Length).Distinct()];
        return lengths.Length == 1 ? $"({rows.Length}, {lengths[0]})" : $"({string.Join(" + ", rows.Select(row => row.Length))})";
    }
}
