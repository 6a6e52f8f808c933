using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Evaluation.Divergence;

namespace MLNet.Gpt;

/// <summary>
/// How much a model's predictions differ from those of a reference model over the same targets, such as a quantized model's from those of
/// the model that it was made from. Every figure depends only on the targets: not on batches, threads, shards or interruptions.
/// </summary>
/// <remarks>
/// Intervals treat tokens as independent of each other, as llama.cpp does; neighboring tokens are not quite, so that a true interval is
/// somewhat wider.
/// </remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class ModelDivergence
{
    private readonly DivergenceTotals _totals;
    private readonly double _confidence;

    internal ModelDivergence(DivergenceTotals totals, CorpusShard shard, string? resultFile, double confidence = Estimate.DefaultConfidence)
    {
        (_totals, Shard, ResultFile, _confidence) = (totals, shard, resultFile, confidence);
    }

    /// <summary>The reference's metrics: those that <see cref="CorpusEvaluator"/> measures, to the last bit.</summary>
    public LanguageModelMetrics Reference => _totals.Reference;

    /// <summary>The model's metrics: those that <see cref="CorpusEvaluator"/> measures, to the last bit.</summary>
    public LanguageModelMetrics Model => _totals.Model;

    /// <summary>The distribution of the reference's losses, and its calibration.</summary>
    public TokenStatistics ReferenceStatistics => _totals.ReferenceStatistics;

    /// <summary>The distribution of the model's losses, and its calibration.</summary>
    public TokenStatistics ModelStatistics => _totals.ModelStatistics;

    /// <summary>The number of targets.</summary>
    public long TokenCount => _totals.Divergence.Count;

    /// <summary>
    /// The mean Kullback-Leibler divergence, KL(reference ‖ model) = Σ p (ln p − ln q) over the vocabulary, where p is the reference's
    /// prediction and q the model's, in nats per token. 0 if the predictions are equal; infinite if the model rules out a token that the
    /// reference does not.
    /// </summary>
    public Estimate Mean => _totals.Divergence.InfiniteCount > 0
        ? new(double.PositiveInfinity, double.NaN, double.NaN, double.NaN, _confidence)
        : _totals.Divergence.Mean(_confidence);

    /// <summary>The divergence that half of the targets are below, in nats.</summary>
    public double Median => Quantile(0.5);

    /// <summary>The least divergence, in nats.</summary>
    public double Minimum => Quantile(0);

    /// <summary>The greatest divergence, in nats.</summary>
    public double Maximum => Quantile(1);

    /// <summary>
    /// The mean change of the target's probability, q(target) − p(target), where p is the reference's prediction and q the model's.
    /// </summary>
    public Estimate ProbabilityChange => _totals.Change.Mean(_confidence);

    /// <summary>The root mean square of the change of the target's probability.</summary>
    public Estimate RootMeanSquareChange
    {
        get
        {
            var square = _totals.SquaredChange.Mean(_confidence);
            double root = Math.Sqrt(square.Value), lower = Math.Sqrt(Math.Max(0, square.Lower)), upper = Math.Sqrt(square.Upper);
            return new(root, root == 0 ? 0 : square.StandardError / (2 * root), lower, upper, _confidence);
        }
    }

    /// <summary>How often both models consider the same token most probable, with the Wilson interval.</summary>
    public Estimate SameTop => Estimate.OfProportion(_totals.SameTopCount, TokenCount, _confidence);

    /// <summary>The number of targets at which both models consider the same token most probable.</summary>
    public long SameTopCount => _totals.SameTopCount;

    /// <summary>
    /// Pearson's correlation of both models' ln p(target) over the targets; NaN where one of them does not vary. llama.cpp calls it
    /// <c>Cor(ln(PPL(Q)), ln(PPL(base)))</c>.
    /// </summary>
    public double Correlation => _totals.Correlation;

    /// <summary>
    /// The model's cross-entropy minus the reference's, in nats per token, with the standard error of the paired difference.
    /// </summary>
    public Estimate LossDifference => _totals.Difference.InfiniteCount > 0
        ? new(Model.CrossEntropy - Reference.CrossEntropy, double.NaN, double.NaN, double.NaN, _confidence)
        : _totals.Difference.Mean(_confidence);

    /// <summary>The model's perplexity divided by the reference's, exp(<see cref="LossDifference"/>).</summary>
    public Estimate PerplexityRatio => LossDifference.Exponential();

    /// <summary>The shard that was measured.</summary>
    public CorpusShard Shard { get; }

    /// <summary>The result file; <see langword="null"/> if none was written.</summary>
    public string? ResultFile { get; }

    /// <summary>
    /// Merges the shards of a comparison that <see cref="DivergenceEvaluator"/> wrote; the result equals that of comparing the models
    /// on the whole corpus, to the last bit.
    /// </summary>
    /// <param name="resultFiles">The files of all shards, in any order.</param>
    /// <exception cref="ArgumentException">
    /// There are no files, the files belong to different models, options, corpora or splits, two belong to the same shard, a shard is
    /// missing, or the files have the results of a single model.
    /// </exception>
    /// <exception cref="InvalidDataException">A file is damaged, or its shard is not complete.</exception>
    public static ModelDivergence Merge(IEnumerable<string> resultFiles)
    {
        string[] files = [.. resultFiles];
        var header = CorpusResults.Validate(files);
        if (!header.HasReference)
        {
            throw new ArgumentException(
                $"'{files[0]}' has the results of one model; a comparison of two models is needed.", nameof(resultFiles));
        }

        var totals = new DivergenceTotals(header.VocabularySize);
        foreach (string file in files)
        {
            foreach (var chunk in CorpusResults.ReadChunks(file)) totals.Add(chunk);
        }

        return new(totals, CorpusShard.Whole, files.Length == 1 ? files[0] : null);
    }

    /// <summary>
    /// Returns the divergence that a fraction of the targets are below, in nats, within 0.012 %; of 0 and 1 the least and the greatest,
    /// exactly. NaN if there are no targets.
    /// </summary>
    /// <param name="fraction">The fraction, from 0 to 1, such as 0.99.</param>
    /// <exception cref="ArgumentOutOfRangeException">The fraction is not from 0 to 1.</exception>
    public double Quantile(double fraction) => Quantile(_totals.Divergences, fraction);

    /// <summary>
    /// Returns the change of the target's probability that a fraction of the targets are below, within 0.012 % of it; of 0 and 1 the least
    /// and the greatest, exactly. NaN if there are no targets.
    /// </summary>
    /// <inheritdoc cref="Quantile(double)" path="/param|/exception"/>
    public double ProbabilityChangeQuantile(double fraction) => Quantile(_totals.Changes, fraction);

    /// <summary>Returns the same figures with intervals of another confidence.</summary>
    /// <param name="confidence">The confidence, above 0 and below 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The confidence is not above 0 and below 1.</exception>
    public ModelDivergence WithConfidence(double confidence) =>
        new(_totals, Shard, ResultFile, Check.Fraction(confidence, nameof(confidence)));

    /// <summary>The main figures, such as <c>KL 0.001234 ± 0.000021 nats per token, same top token 98.76 %, 4,096 tokens</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"KL {Mean.Value:F6} ± {Mean.StandardError:F6} nats per token, same top token {100 * SameTop.Value:F2} %, {TokenCount:N0} tokens");

    private static double Quantile(ValueHistogram values, double fraction) =>
        values.Quantiles(Check.Between(fraction, 0, 1, nameof(fraction)))[0];
}
