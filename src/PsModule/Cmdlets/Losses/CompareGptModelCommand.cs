using System.Globalization;
using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Measures how much the predictions of two models differ: <c>Compare-GptModel</c>.</summary>
[Cmdlet(VerbsData.Compare, "GptModel", DefaultParameterSetName = TextSet)]
[OutputType(typeof(GptModelComparison))]
public sealed class CompareGptModelCommand : ModelPairCommand
{
    private DivergenceEvaluator? _evaluator;

    /// <summary>Result files that were written with -ResultFolder, those of all shards.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ResultSet)]
    [SupportsWildcards]
    public string[] ResultPath { get; set; } = [];

    /// <summary>Where results are written while they come; what is there already is not computed again.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public string? ResultFolder { get; set; }

    /// <summary>The shard to measure, from 1 to -ShardCount.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int Shard { get; set; } = 1;

    /// <summary>Into how many shards the work is cut.</summary>
    [Parameter(ParameterSetName = TextSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int ShardCount { get; set; } = 1;

    /// <summary>The confidence of the intervals.</summary>
    [Parameter]
    public double Confidence { get; set; } = new ComparisonOptions().Confidence;

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        if (!(Confidence is > 0 and < 1))
        {
            var refused = new ArgumentOutOfRangeException(
                nameof(Confidence), FormattableString.Invariant($"-Confidence is {Confidence}; it must be above 0 and below 1."));
            Terminate(ParameterNames.Plain(refused), "OptionsRefused", ErrorCategory.InvalidArgument, Confidence);
        }

        if (ParameterSetName == ResultSet) return;
        CheckShard(Shard, ShardCount);
        bool isDivided = MyInvocation.BoundParameters.ContainsKey(nameof(ShardCount));
        if (isDivided && ResultFolder is null) RefuseWithout(nameof(ShardCount), nameof(ResultFolder));

        ReferenceModel = Require(ReferenceModel);
        base.BeginProcessing();
        _evaluator = CreateEvaluator();
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        try
        {
            if (ParameterSetName == ResultSet) MergeResults();
            else if (Texts.Count > 0) CompareModels();
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (ArgumentException refused)
        {
            bool merges = ParameterSetName == ResultSet;
            string id = merges ? "ResultsNotMerged" : "ComparisonRefused";
            Terminate(ParameterNames.Plain(refused), id, ErrorCategory.InvalidArgument, merges ? ResultPath : null);
        }
        catch (InvalidDataException invalid)
        {
            bool isResult = ParameterSetName == ResultSet || ResultFolder is not null;
            string id = isResult ? "ResultFileInvalid" : "TextInvalid";
            Terminate(invalid, id, ErrorCategory.InvalidData, ResultFolder ?? (object?)ResultPath);
        }
        catch (ObjectDisposedException)
        {
            Terminate(Disposed("A model"), "ModelDisposed", ErrorCategory.InvalidOperation, Model);
        }
        catch (InvalidOperationException notNumber)
        {
            Terminate(notNumber, "NotANumber", ErrorCategory.InvalidResult, Model);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Terminate(failed, "FileFailed", ErrorCategory.ReadError, ResultFolder ?? (object?)ResultPath);
        }
    }

    private DivergenceEvaluator CreateEvaluator()
    {
        try
        {
            return new(ReferenceModel.Engine, Model.Engine, CreateScoring());
        }
        catch (ArgumentException refused) when (refused.ParamName == "model")
        {
            Terminate(ParameterNames.Plain(refused), "VocabularyMismatch", ErrorCategory.InvalidArgument, Model);
            throw;
        }
        catch (ArgumentException refused)
        {
            RefuseScoring(refused, Model);
            throw;
        }
    }

    private void CompareModels()
    {
        // Files are read again when their turn comes, so that a corpus may be larger than memory. They go in the order of their names, so
        // that shards on different machines agree.
        var sorted = Texts.OrderBy(text => System.IO.Path.GetFileName(text.Source), StringComparer.Ordinal);
        var corpus = Corpus.FromDocuments(sorted.Select((text, i) => new CorpusDocument(
            text.Source is { } file ? System.IO.Path.GetFileName(file) : (i + 1).ToString(CultureInfo.InvariantCulture),
            text.Text ?? TextFile.ReadAllText(text.Source!, Encoding))));
        var progress = new EvaluationReporter(this, $"{Model.Name} and {ReferenceModel.Name}", delay: TimeSpan.FromSeconds(1));
        progress.Begin(isWhole: true);
        var divergence = ResultFolder is null
            ? _evaluator!.Evaluate(corpus, progress, StopToken)
            : _evaluator!.Evaluate(
                corpus, GetUnresolvedProviderPathFromPSPath(ResultFolder), new CorpusShard(Shard - 1, ShardCount), progress, StopToken);
        progress.End();
        progress.Complete();
        if (divergence.TokenCount == 0 && ShardCount == 1)
        {
            throw new ArgumentException(
                "No token is predicted in these texts: nothing precedes the first token of each. -PrependEndOfText predicts it as well.");
        }

        WriteObject(new GptModelComparison(ReferenceModel.Name, Model.Name, divergence.WithConfidence(Confidence)));
    }

    private void MergeResults()
    {
        string[] files = [.. ResolveFiles(ResultPath, literal: false)];
        if (files.Length == 0) return; // reported already
        WriteObject(new GptModelComparison(null, string.Join(", ", ResultPath), ModelDivergence.Merge(files).WithConfidence(Confidence)));
    }
}
