namespace MLNet.Gpt;

/// <summary>
/// The sizes and switches of a GPT-2 model. An immutable record from which every part of the model is built.
/// </summary>
/// <remarks>
/// Defaults are GPT-2's smallest published model (124M parameters). Property setters check their own range;
/// <see cref="Validated"/> checks that the properties are consistent, and is called by everything that uses a config.
/// Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), table 2.
/// </remarks>
public sealed record GptConfig
{
    /// <summary>Number of distinct token ids, V. At least 1.</summary>
    /// <value>50257: GPT-2's byte-level BPE vocabulary.</value>
    public int VocabularySize { get; init => field = AtLeast(1, value, nameof(VocabularySize)); } = 50257;

    /// <summary>Maximum number of tokens that the model can process at once, T. At least 1.</summary>
    /// <value>1024.</value>
    public int ContextLength { get; init => field = AtLeast(1, value, nameof(ContextLength)); } = 1024;

    /// <summary>Width of the embeddings and of the residual stream, C. At least 1, and divisible by <see cref="HeadCount"/>.</summary>
    /// <value>768.</value>
    public int EmbeddingWidth { get; init => field = AtLeast(1, value, nameof(EmbeddingWidth)); } = 768;

    /// <summary>Attention heads per layer, nh. At least 1.</summary>
    /// <value>12.</value>
    public int HeadCount { get; init => field = AtLeast(1, value, nameof(HeadCount)); } = 12;

    /// <summary>Transformer blocks, L. At least 1.</summary>
    /// <value>12.</value>
    public int LayerCount { get; init => field = AtLeast(1, value, nameof(LayerCount)); } = 12;

    /// <summary>
    /// Probability of dropping an activation while training; at least 0 and below 1. Not used in inference.
    /// </summary>
    /// <value>0.1.</value>
    public double DropoutRate
    {
        get;
        init => field = value is >= 0 and < 1
            ? value
            : throw OutOfRange(nameof(DropoutRate), value, "at least 0 and below 1");
    } = 0.1;

    /// <summary>
    /// Whether the query, key and value projections have a bias. The output and feed-forward projections always have
    /// one.
    /// </summary>
    /// <value><see langword="true"/>, as in GPT-2; the lecture's model uses <see langword="false"/>.</value>
    public bool HasQkvBias { get; init; } = true;

    /// <summary>Whether the output head shares the token embedding.</summary>
    /// <value><see langword="true"/>, as in GPT-2; the lecture's model uses <see langword="false"/>.</value>
    public bool HasTiedHead { get; init; } = true;

    /// <summary>Added to the variance in layer normalization.</summary>
    public const float LayerNormEpsilon = 1e-5f;

    /// <summary>Width of one attention head, hs = C / nh.</summary>
    public int HeadSize => EmbeddingWidth / HeadCount;

    /// <summary>Width of the feed-forward layer's hidden activations, 4 C.</summary>
    public int FeedForwardWidth => 4 * EmbeddingWidth;

    /// <summary>Number of trainable parameters; a tied head's matrix counts once.</summary>
    public long ParameterCount
    {
        get
        {
            long c = EmbeddingWidth, v = VocabularySize;
            long attention = (4 * c * c) + c + (HasQkvBias ? 3 * c : 0);
            long feedForward = (8 * c * c) + (5 * c);
            long block = attention + feedForward + (4 * c);
            return (v * c) + (ContextLength * c) + (LayerCount * block) + (2 * c) + (HasTiedHead ? 0 : v * c);
        }
    }

    /// <summary>Returns this config if its properties are consistent.</summary>
    /// <exception cref="ArgumentException"><see cref="EmbeddingWidth"/> is not divisible by <see cref="HeadCount"/>.</exception>
    public GptConfig Validated() => EmbeddingWidth % HeadCount == 0
        ? this
        : throw new ArgumentException(
            $"{nameof(EmbeddingWidth)} {EmbeddingWidth} is not divisible by {nameof(HeadCount)} {HeadCount}; "
            + "all heads must have the same width.");

    private static int AtLeast(int minimum, int value, string name) =>
        value >= minimum ? value : throw OutOfRange(name, value, $"at least {minimum}");

    private static ArgumentOutOfRangeException OutOfRange(string name, IFormattable value, string allowed) =>
        new(name, value, FormattableString.Invariant($"{name} is {value}; it must be {allowed}."));
}
