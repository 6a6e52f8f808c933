using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Softmax;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// The lecture's steps from logits to perplexity, each with its numbers: softmax, arg-max, the probabilities of the
/// targets, their logarithms, the mean, its negative, the exponential; and the same loss in one call.
/// </summary>
/// <remarks>
/// Probabilities, logarithms, mean and perplexity are rounded to single precision where PyTorch rounds them, so that
/// they print as in the lecture; <see cref="Loss"/> has double precision. Lists of B · T elements are row-major.
/// </remarks>
public sealed class LossSteps
{
    internal LossSteps()
    {
    }

    /// <summary>The number of rows, B.</summary>
    public int BatchSize { get; internal init; }

    /// <summary>The number of tokens per row, T.</summary>
    public int TokenCount { get; internal init; }

    /// <summary>The size of the vocabulary, V.</summary>
    public int VocabularySize { get; internal init; }

    /// <summary>Input ids, (B, T).</summary>
    public IReadOnlyList<int> Inputs { get; internal init; } = [];

    /// <summary>Target ids, (B, T).</summary>
    public IReadOnlyList<int> Targets { get; internal init; } = [];

    /// <summary>Steps 1 and 2: the shape of the logits, and of their softmax over the last dimension: (B, T, V).</summary>
    public IReadOnlyList<int> ProbabilitiesShape => [BatchSize, TokenCount, VocabularySize];

    /// <summary>The most probable id at each position, (B, T); the lowest among equally probable ones.</summary>
    public IReadOnlyList<int> ArgMaxIds { get; internal init; } = [];

    /// <summary>Step 3: the probability of each target, (B, T).</summary>
    public IReadOnlyList<float> TargetProbabilities { get; internal init; } = [];

    /// <summary>Step 4: ln of the probabilities, (B, T); −∞ for a probability that single precision rounds to 0.</summary>
    public IReadOnlyList<float> LogProbabilities { get; internal init; } = [];

    /// <summary>Step 5: the mean of <see cref="LogProbabilities"/>.</summary>
    public float MeanLogProbability { get; internal init; }

    /// <summary>Step 6: its negative, which is the cross-entropy.</summary>
    public float NegativeMeanLogProbability => -MeanLogProbability;

    /// <summary>The loss in one call, which never computes a probability and so rounds none to 0.</summary>
    public LossSummary Loss { get; internal init; }

    /// <summary>The cross-entropy of the one call, in nats per token.</summary>
    public float CrossEntropy => (float)Loss.CrossEntropy;

    /// <summary>exp(<see cref="CrossEntropy"/>).</summary>
    public float Perplexity => MathF.Exp(CrossEntropy);

    /// <summary>The cross-entropy in bits per token: nats / ln 2.</summary>
    public double BitsPerToken => Loss.CrossEntropy / Math.Log(2);

    /// <summary>
    /// ln V: the cross-entropy of a model that considers every token equally probable. A model that is worse has learned something wrong.
    /// </summary>
    public double UniformCrossEntropy => Math.Log(VocabularySize);

    /// <summary>The perplexity as a fraction of the vocabulary: 1 is uniform guessing, 1 / V is certainty.</summary>
    public double PerplexityOfVocabulary => Loss.Perplexity / VocabularySize;

    /// <summary>A sentence that explains the perplexity in relation to the vocabulary.</summary>
    public string Meaning => string.Create(
        CultureInfo.InvariantCulture,
        $"The model is as unsure as if it chose among {Perplexity:N2} equally likely tokens; the vocabulary has {VocabularySize:N0} "
        + $"({PerplexityOfVocabulary:P1}), and guessing among all of them would give a cross-entropy of {UniformCrossEntropy:F4}.");

    /// <summary>Computes the steps.</summary>
    /// <param name="logits">(B, T, V) row-major.</param>
    /// <param name="inputs">(B, T) row-major.</param>
    /// <param name="targets">(B, T) row-major.</param>
    /// <param name="batchSize">B, at least 1.</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="vocabularySize">V, at least 1.</param>
    /// <exception cref="ArgumentException">The shapes do not match, a logit is NaN or +∞, or all logits of a row are −∞.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or an id is outside the vocabulary.</exception>
    public static LossSteps Compute(
        ReadOnlySpan<float> logits, ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, int batchSize, int tokenCount, int vocabularySize)
    {
        Check.AtLeast(batchSize, 1, nameof(batchSize));
        Check.AtLeast(tokenCount, 1, nameof(tokenCount));
        HasShape(inputs, batchSize, tokenCount, nameof(inputs));
        HasShape(targets, batchSize, tokenCount, nameof(targets));
        Gpt.CrossEntropy.Validate(logits, targets, vocabularySize);
        TokenIds.Validate(inputs, vocabularySize, nameof(inputs));

        int count = targets.Length;
        int[] argMaxIds = new int[count];
        float[] probabilities = new float[count], logarithms = new float[count];
        double sum = 0;
        for (int i = 0; i < count; i++)
        {
            var row = logits.Slice(i * vocabularySize, vocabularySize); // (V)
            var softmax = SoftmaxRow.Of(row, i);
            argMaxIds[i] = LogitScan.IndexOf(row, softmax.Greatest);
            probabilities[i] = (float)softmax.Probability(row[targets[i]]);
            logarithms[i] = MathF.Log(probabilities[i]);
            sum += logarithms[i];
        }

        return new LossSteps
        {
            BatchSize = batchSize,
            TokenCount = tokenCount,
            VocabularySize = vocabularySize,
            Inputs = inputs.ToArray(),
            Targets = targets.ToArray(),
            ArgMaxIds = argMaxIds,
            TargetProbabilities = probabilities,
            LogProbabilities = logarithms,
            MeanLogProbability = (float)(sum / count),
            Loss = Gpt.CrossEntropy.Compute(logits, targets, vocabularySize),
        };
    }

    /// <summary>The cross-entropy, the perplexity and the number of tokens.</summary>
    public override string ToString() => Loss.ToString();

    /// <summary>Returns the same steps with numbers that another library rounded.</summary>
    internal LossSteps WithNumbers(
        IReadOnlyList<int> argMaxIds, IReadOnlyList<float> targetProbabilities, IReadOnlyList<float> logProbabilities,
        float meanLogProbability) => new()
    {
        BatchSize = BatchSize,
        TokenCount = TokenCount,
        VocabularySize = VocabularySize,
        Inputs = Inputs,
        Targets = Targets,
        ArgMaxIds = argMaxIds,
        TargetProbabilities = targetProbabilities,
        LogProbabilities = logProbabilities,
        MeanLogProbability = meanLogProbability,
        Loss = Loss,
    };

    private static void HasShape(ReadOnlySpan<int> ids, int batchSize, int tokenCount, string name)
    {
        if (ids.Length != (long)batchSize * tokenCount)
        {
            throw new ArgumentException(
                $"{ids.Length} {name} do not have the shape ({batchSize}, {tokenCount}), which takes {(long)batchSize * tokenCount}.",
                name);
        }
    }
}
