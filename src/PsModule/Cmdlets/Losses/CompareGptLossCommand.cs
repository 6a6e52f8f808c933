using System.Globalization;
using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Compares two models on the same texts: <c>Compare-GptLoss</c>.</summary>
[Cmdlet(VerbsData.Compare, "GptLoss", DefaultParameterSetName = TextSet)]
[OutputType(typeof(GptLossComparison))]
public sealed class CompareGptLossCommand : ModelPairCommand
{
    private const int DefaultBlockLength = 128; // of a single text

    private static readonly ParameterNames Names = new(typeof(ComparisonOptions));

    private ComparisonOptions _options = null!;

    /// <summary>The result files of the reference model, those of all shards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResultSet)]
    [SupportsWildcards]
    public string[] ReferenceResultPath { get; set; } = [];

    /// <summary>The result files of the other model, those of all shards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResultSet)]
    [SupportsWildcards]
    public string[] ResultPath { get; set; } = [];

    /// <summary>Resamples blocks of this many tokens in place of whole texts.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int BlockLength { get; set; }

    /// <summary>The unit of the difference.</summary>
    [Parameter]
    public LossUnit? Unit { get; set; }

    /// <summary>The fraction of the resamples that the interval contains.</summary>
    [Parameter]
    public double Confidence { get; set; } = new ComparisonOptions().Confidence;

    /// <summary>The number of resamples.</summary>
    [Parameter]
    public int ResampleCount { get; set; } = new ComparisonOptions().ResampleCount;

    /// <summary>The seed of the resampling.</summary>
    [Parameter]
    public long Seed { get; set; } = new ComparisonOptions().Seed;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (BlockLength > 0 && Unit == LossUnit.BitsPerByte)
        {
            RefuseParameter(
                nameof(Unit),
                "-Unit BitsPerByte has no effect with -BlockLength: blocks have the same tokens, and are compared in nats per token.");
        }

        try
        {
            _options = new() { Confidence = Confidence, ResampleCount = ResampleCount, Seed = Seed };
        }
        catch (ArgumentException refused)
        {
            Terminate(Names.Restate(refused), "OptionsRefused", ErrorCategory.InvalidArgument, null);
        }

        if (ParameterSetName == ResultSet) return;
        ReferenceModel = Require(ReferenceModel);
        base.BeginProcessing();
        foreach (var model in (LanguageModel[])[ReferenceModel, Model]) CreateEvaluator(model, CreateScoring(), tokens: null);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        try
        {
            if (ParameterSetName == ResultSet) CompareResults();
            else if (Texts.Count > 0) CompareModels();
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (ArgumentException refused)
        {
            Terminate(ParameterNames.Plain(refused), "ComparisonRefused", ErrorCategory.InvalidArgument, null);
        }
        catch (InvalidDataException invalid)
        {
            bool isResult = ParameterSetName == ResultSet;
            Terminate(invalid, isResult ? "ResultFileInvalid" : "TextInvalid", ErrorCategory.InvalidData, isResult ? ResultPath : null);
        }
        catch (ObjectDisposedException)
        {
            Terminate(Disposed("The model"), "ModelDisposed", ErrorCategory.InvalidOperation, Model);
        }
        catch (InvalidOperationException notNumber)
        {
            Terminate(notNumber, "NotANumber", ErrorCategory.InvalidResult, Model);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Terminate(failed, "FileFailed", ErrorCategory.ReadError, ResultPath);
        }
    }

    private void CompareModels()
    {
        // Files are read again when their turn comes, so that a corpus may be larger than memory.
        var corpus = Corpus.FromDocuments(Texts.Select((text, i) => new CorpusDocument(
            text.Source ?? (i + 1).ToString(CultureInfo.InvariantCulture), text.Text ?? TextFile.ReadAllText(text.Source!, Encoding))));
        var tokens = BlockLength > 0 || Texts.Count == 1 ? new TokenOptions() : null;
        var progress = new ComparisonReporter(this, ReferenceModel.Name, Model.Name);
        Write(
            ReferenceModel.Name, Measure(ReferenceModel, progress.Reference), Model.Name, Measure(Model, progress.Other));
        progress.Complete();

        IEnumerable<DocumentResult> Measure(LanguageModel model, IProgress<EvaluationProgress> part) =>
            CreateEvaluator(model, CreateScoring(), tokens).EvaluateDocuments(corpus, part, StopToken);
    }

    private void CompareResults()
    {
        string[] reference = [.. ResolveFiles(ReferenceResultPath, literal: false)], other = [.. ResolveFiles(ResultPath, literal: false)];
        if (reference.Length == 0 || other.Length == 0) return; // reported already
        CorpusResults.RequireSameText(reference, other);
        Write(
            string.Join(", ", ReferenceResultPath), CorpusResults.ReadDocuments(reference),
            string.Join(", ", ResultPath), CorpusResults.ReadDocuments(other));
    }

    private void Write(string referenceName, IEnumerable<DocumentResult> reference, string name, IEnumerable<DocumentResult> other)
    {
        var (left, right) = (new List<LanguageModelMetrics>(), new List<LanguageModelMetrics>());
        int? block = BlockLength > 0 ? BlockLength : null;
        PairedComparison? comparison = null;
        if (BlockLength > 0)
        {
            comparison = PairedComparison.FromTokenBlocks(
                Collect(reference, left), Collect(other, right), BlockLength, _options, StopToken);
        }
        else
        {
            (DocumentResult One, DocumentResult Other)? last = null;
            foreach (var pair in Collect(reference, left).Zip(Collect(other, right))) last = pair;
            if (left.Count == 1 && Unit != LossUnit.BitsPerByte && last is var (one, another) && HaveBlocks(one, another))
            {
                block = DefaultBlockLength;
                comparison = PairedComparison.FromTokenBlocks([one], [another], DefaultBlockLength, _options, StopToken);
            }
        }

        var (first, second) = (LanguageModelMetrics.Merge(left), LanguageModelMetrics.Merge(right));
        if (first.TokenCount == 0 || second.TokenCount == 0)
        {
            throw new ArgumentException(
                "No token is predicted in these texts: nothing precedes the first token of each. -PrependEndOfText predicts it as well.");
        }

        var unit = UnitOf(left, right);
        if (left.Count > 1 && block is null)
        {
            comparison = PairedComparison.FromMetrics(left, right, _options with { Unit = unit }, StopToken);
        }

        if (comparison is null)
        {
            string reason = Unit == LossUnit.BitsPerByte
                ? "and its blocks of tokens are compared in nats per token, not in bits per byte"
                : "and not long enough to be divided into blocks of tokens, or not divided into the same tokens by both models";
            WriteWarning(
                $"There is no interval: this is a single text, {reason}. Compare the models on more texts, such as its paragraphs.");
        }

        WriteObject(new GptLossComparison(referenceName, first, name, second, unit, comparison, block));
    }

    private IEnumerable<DocumentResult> Collect(IEnumerable<DocumentResult> documents, List<LanguageModelMetrics> metrics)
    {
        foreach (var document in documents)
        {
            StopToken.ThrowIfCancellationRequested();
            metrics.Add(document.Metrics);
            yield return document;
        }
    }

    // A mean over tokens compares models only if it is over the same tokens.
    private LossUnit UnitOf(IReadOnlyList<LanguageModelMetrics> left, IReadOnlyList<LanguageModelMetrics> right)
    {
        bool areAlike = left.Zip(right).All(pair =>
            pair.First.TokenCount == pair.Second.TokenCount && pair.First.ByteCount == pair.Second.ByteCount);
        if (Unit == LossUnit.NatsPerToken && !areAlike)
        {
            var (first, second) = (left.Sum(metrics => metrics.TokenCount), right.Sum(metrics => metrics.TokenCount));
            throw new ArgumentException(string.Create(
                CultureInfo.InvariantCulture,
                $"-Unit NatsPerToken compares models that divide a text into the same tokens; these divide it into {first:N0} and "
                + $"{second:N0}. -Unit BitsPerByte compares any two models."));
        }

        return Unit ?? (areAlike ? LossUnit.NatsPerToken : LossUnit.BitsPerByte);
    }

    private static bool HaveBlocks(DocumentResult one, DocumentResult other) =>
        one.Tokens.Count > DefaultBlockLength && one.Tokens.Select(token => token.Id).SequenceEqual(other.Tokens.Select(token => token.Id));
}
