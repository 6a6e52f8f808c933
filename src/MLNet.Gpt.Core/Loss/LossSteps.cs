using System.Globalization;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Loss;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// The lecture's way from logits to perplexity, every step with its numbers: softmax, arg-max, the targets' probabilities, their
/// logarithms, the mean, its negative, the exponential; and the same loss in one call.
/// </summary>
/// <remarks>
/// Probabilities, logarithms, mean and perplexity are rounded to single precision where PyTorch rounds them, so that they print as in
/// the lecture; <see cref="Summary"/> has the loss in double precision. Lists of B · T elements are row-major.
/// </remarks>
public sealed record LossSteps
{
    private LossSteps()
    {
    }

    /// <summary>Rows, B.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Tokens in a row, T.</summary>
    public required int TokenCount { get; init; }

    /// <summary>Vocabulary size, V.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Input ids, (B, T).</summary>
    public required IReadOnlyList<int> Inputs { get; init; }

    /// <summary>Target ids, (B, T).</summary>
    public required IReadOnlyList<int> Targets { get; init; }

    /// <summary>Step 1 and 2: logits, and softmax over their last dimension, have the shape (B, T, V).</summary>
    public IReadOnlyList<int> ProbabilitiesShape => [BatchSize, TokenCount, VocabularySize];

    /// <summary>The id that each position holds most probable, (B, T); the lowest among equals.</summary>
    public required IReadOnlyList<int> ArgMaxIds { get; init; }

    /// <summary>Step 3: the probability of each target, (B, T).</summary>
    public required IReadOnlyList<float> TargetProbabilities { get; init; }

    /// <summary>Step 4: ln of the targets' probabilities, (B, T); −∞ for a probability that single precision rounds to 0.</summary>
    public required IReadOnlyList<float> LogProbabilities { get; init; }

    /// <summary>Step 5: the mean of <see cref="LogProbabilities"/>.</summary>
    public required float MeanLogProbability { get; init; }

    /// <summary>Step 6: its negative, which is the cross-entropy.</summary>
    public float NegativeMeanLogProbability => -MeanLogProbability;

    /// <summary>The loss in one call, which never forms a probability and so has none to round to 0.</summary>
    public required LossSummary Summary { get; init; }

    /// <summary>The cross-entropy of the one call, in nats per token.</summary>
    public float CrossEntropy => (float)Summary.CrossEntropy;

    /// <summary>exp(<see cref="CrossEntropy"/>).</summary>
    public float Perplexity => MathF.Exp(CrossEntropy);

    /// <summary>The cross-entropy in bits per token: nats / ln 2.</summary>
    public double BitsPerToken => Summary.CrossEntropy / Math.Log(2);

    /// <summary>
    /// ln V: the cross-entropy of a model that holds every token equally probable. A model that is worse has learnt something
    /// wrong.
    /// </summary>
    public double UniformCrossEntropy => Math.Log(VocabularySize);

    /// <summary>Perplexity as a fraction of the vocabulary: 1 is uniform guessing, 1 / V certainty.</summary>
    public double PerplexityOfVocabulary => Summary.Perplexity / VocabularySize;

    /// <summary>What the perplexity means against the vocabulary, in a sentence.</summary>
    public string Meaning => string.Create(
        CultureInfo.InvariantCulture,
        $"The model is as unsure as if it chose among {Perplexity:N2} equally likely tokens; the vocabulary has {VocabularySize:N0} ({PerplexityOfVocabulary:P1}), and guessing among all of them would give a cross-entropy of {UniformCrossEntropy:F4}.");

    /// <summary>Computes the steps.</summary>
    /// <param name="logits">(B, T, V) row-major.</param>
    /// <param name="inputs">(B, T) row-major.</param>
    /// <param name="targets">(B, T) row-major.</param>
    /// <param name="batchSize">B, at least 1.</param>
    /// <param name="tokenCount">T, at least 1.</param>
    /// <param name="vocabularySize">V, at least 1.</param>
    /// <exception cref="ArgumentException">The shapes do not fit each other, or a logit is NaN or +∞, or a row is −∞
    /// throughout.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A size is below 1, or an id outside the vocabulary.</exception>
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
            argMaxIds[i] = row.IndexOf(softmax.Greatest);
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
            Summary = Gpt.CrossEntropy.Compute(logits, targets, vocabularySize),
        };
    }

    private static void HasShape(ReadOnlySpan<int> ids, int batchSize, int tokenCount, string name)
    {
        if (ids.Length != (long)batchSize * tokenCount)
        {
            throw new ArgumentException($"{ids.Length} {name} do not have the shape ({batchSize}, {tokenCount}), which takes {(long)batchSize * tokenCount}.", name);
        }
    }
}
