using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Measures texts: <c>Get-GptLoss</c>.</summary>
[Cmdlet(VerbsCommon.Get, "GptLoss", DefaultParameterSetName = TextSet)]
[OutputType(typeof(GptLoss), typeof(GptTokenLoss), typeof(GptLossStep))]
public sealed class GetGptLossCommand : TextInputCommand
{
    private const string IdSet = "Id";

    private TextScorer _scorer = null!;
    private ScoringOptions? _scoring;

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = TextSet)]
    [Parameter(Position = 0, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = LiteralPathSet)]
    [Parameter(Position = 0, ParameterSetName = IdSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

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
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public SwitchParameter Entropy { get; set; }

    /// <summary>With -PerToken, how many of the most probable tokens are given with each prediction.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(0, 1000)]
    public int CandidateCount { get; set; }

    /// <summary>Tokens that the model is given at once.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int WindowLength { get; set; }

    /// <summary>Tokens from the start of a window to that of the next.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int Stride { get; set; }

    /// <summary>Where the last window begins.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public LastWindow LastWindow { get; set; } = LastWindow.OnStride;

    /// <summary>Writes every step from logits to perplexity.</summary>
    [Parameter]
    public SwitchParameter Step { get; set; }

    /// <summary>Puts the end-of-text token before each text, so that its first token is predicted as well.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public SwitchParameter PrependEndOfText { get; set; }

    /// <summary>How the spelling of a special token in a text is read.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public SpecialTokens SpecialToken { get; set; } = SpecialTokens.Recognized;

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

        try
        {
            _scoring = ScoringParameters.Options(WindowLength, Stride, LastWindow, PrependEndOfText, SpecialToken);
            _scorer = new TextScorer(Model.Engine, _scoring);
        }
        catch (ArgumentException invalid)
        {
            bool hasNoStart = PrependEndOfText && Model.Tokenizer.BeginningOfTextId is null;
            Terminate(invalid, hasNoStart ? "NoEndOfText" : "OptionsRefused", ErrorCategory.InvalidArgument, Model);
        }
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == IdSet) Attempt(MeasureIds, InputId);
        else base.ProcessRecord();
    }

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source) => Attempt(
        () =>
        {
            if (Step)
            {
                int[] ids = _scorer.Encode(text);
                if (ids.Length < 2)
                {
                    throw new ArgumentException(
                        $"The text has {ids.Length} tokens; the steps need at least 2, one to predict from and one to predict.");
                }

                WriteSteps([ids[..^1]], [ids[1..]]);
            }
            else if (PerToken)
            {
                var document = _scorer.ScoreTokens(text, new() { Entropy = Entropy, CandidateCount = CandidateCount }, StopToken);
                foreach (var token in document.Tokens)
                {
                    WriteObject(new GptTokenLoss(token, source, Model.Config.VocabularySize)
                    {
                        Model = Model,
                        Scoring = _scoring,
                        FirstToken = document.FirstToken,
                    });
                }
            }
            else
            {
                WriteObject(new GptLoss(_scorer.Score(text, StopToken), source));
            }
        },
        source ?? text);

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

        var rows = _scorer.ScoreBatch(InputId, TargetId, cancellationToken: StopToken);
        if (!PerToken)
        {
            WriteObject(new GptLoss(LanguageModelMetrics.Merge(rows.Select(row => row.Metrics)), source: null));
            return;
        }

        foreach (var token in rows.SelectMany(row => row.Tokens))
        {
            WriteObject(new GptTokenLoss(token, source: null, Model.Config.VocabularySize));
        }
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
