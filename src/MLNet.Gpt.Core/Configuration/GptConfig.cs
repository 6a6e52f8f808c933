using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// The sizes and parts of a decoder. An immutable record from which every part of the model is built.
/// </summary>
/// <remarks>
/// <para>
/// Defaults are GPT-2's smallest published model (124M parameters); <see cref="GptPresets"/> has other decoders, such as
/// Llama and Qwen. Property setters check their own range; <see cref="Validated"/> checks that the properties are
/// consistent, and is called by everything that uses a config.
/// </para>
/// <para>
/// A block computes x₂ = x₁ + attention(norm(x₁)) and x₃ = x₂ + feedForward(norm(x₂)). What comes before the blocks, in
/// their parts and after them is described by the properties. Source: Radford et al., "Language Models are Unsupervised
/// Multitask Learners" (2019), table 2; Touvron et al., "LLaMA" (2023), section 2.2, for what differs there.
/// </para>
/// </remarks>
public sealed record GptConfig
{
    // 0: as the default depends on others
    private int _keyValueHeadCount, _headSize, _feedForwardWidth;
    private double _attentionScale;
    private bool? _hasFeedForwardBias;

    /// <summary>Number of distinct token ids, V. At least 1.</summary>
    /// <value>50257: GPT-2's byte-level BPE vocabulary.</value>
    public int VocabularySize { get; init => field = Check.AtLeast(value, 1, nameof(VocabularySize)); } = 50257;

    /// <summary>Maximum number of tokens that the model can process at once, T. At least 1.</summary>
    /// <value>1024.</value>
    public int ContextLength { get; init => field = Check.AtLeast(value, 1, nameof(ContextLength)); } = 1024;

    /// <summary>Width of the embeddings and of the residual stream, C. At least 1.</summary>
    /// <value>768.</value>
    public int EmbeddingWidth { get; init => field = Check.AtLeast(value, 1, nameof(EmbeddingWidth)); } = 768;

    /// <summary>Attention heads per layer, nh. At least 1.</summary>
    /// <value>12.</value>
    public int HeadCount { get; init => field = Check.AtLeast(value, 1, nameof(HeadCount)); } = 12;

    /// <summary>
    /// Heads of keys and values per layer, nkv, a divisor of <see cref="HeadCount"/>: as many query heads as the quotient
    /// share one of them (grouped-query attention). At least 1.
    /// </summary>
    /// <value><see cref="HeadCount"/>.</value>
    public int KeyValueHeadCount
    {
        get => _keyValueHeadCount == 0 ? HeadCount : _keyValueHeadCount;
        init => _keyValueHeadCount = Check.AtLeast(value, 1, nameof(KeyValueHeadCount));
    }

    /// <summary>Width of one attention head, hs. At least 1; even with <see cref="Rotary"/>.</summary>
    /// <value>C / nh, which must then be a whole number.</value>
    public int HeadSize
    {
        get => _headSize == 0 ? EmbeddingWidth / HeadCount : _headSize;
        init => _headSize = Check.AtLeast(value, 1, nameof(HeadSize));
    }

    /// <summary>Transformer blocks, L. At least 1.</summary>
    /// <value>12.</value>
    public int LayerCount { get; init => field = Check.AtLeast(value, 1, nameof(LayerCount)); } = 12;

    /// <summary>Width of the feed-forward layer's hidden activations, F. At least 1.</summary>
    /// <value>4 C.</value>
    public int FeedForwardWidth
    {
        get => _feedForwardWidth == 0 ? checked(4 * EmbeddingWidth) : _feedForwardWidth;
        init => _feedForwardWidth = Check.AtLeast(value, 1, nameof(FeedForwardWidth));
    }

    /// <summary>
    /// Probability of dropping an activation while training; at least 0 and below 1. Not used in inference.
    /// </summary>
    /// <value>0.1.</value>
    public double DropoutRate { get; init => field = Check.BelowOne(value, nameof(DropoutRate)); } = 0.1;

    /// <summary>Whether the query, key and value projections have a bias.</summary>
    /// <value><see langword="true"/>, as in GPT-2; the lecture's model uses <see langword="false"/>.</value>
    public bool HasQkvBias { get; init; } = true;

    /// <summary>
    /// Whether the output projection of attention has a bias, layer norms a shift, and, unless
    /// <see cref="HasFeedForwardBias"/> is set, the feed-forward matrices a bias.
    /// </summary>
    /// <value><see langword="true"/>, as in GPT-2.</value>
    public bool HasBias { get; init; } = true;

    /// <summary>Whether the feed-forward matrices have a bias.</summary>
    /// <value><see cref="HasBias"/>.</value>
    public bool HasFeedForwardBias { get => _hasFeedForwardBias ?? HasBias; init => _hasFeedForwardBias = value; }

    /// <summary>Whether the output head shares the token embedding.</summary>
    /// <value><see langword="true"/>, as in GPT-2; the lecture's model uses <see langword="false"/>.</value>
    public bool HasTiedHead { get; init; } = true;

    /// <summary>
    /// Scores that a head with a bias computes from the last token of a text, K, in place of the output head: one per class, or
    /// 1 for a number. At least 1.
    /// </summary>
    /// <value><see langword="null"/>: the model predicts tokens.</value>
    public int? ScoreCount { get; init => field = Check.AtLeast(value, 1, nameof(ScoreCount)); }

    /// <summary>How the residual stream is normalized.</summary>
    /// <value><see cref="Normalization.LayerNorm"/>.</value>
    public Normalization Normalization { get; init => field = Check.Defined(value, nameof(Normalization)); }

    /// <summary>Added to the variance, or to the mean square, in normalization. Above 0.</summary>
    /// <value>1e-5.</value>
    public float NormEpsilon { get; init => field = (float)Check.Positive(value, nameof(NormEpsilon)); } = 1e-5f;

    /// <summary>
    /// Whether what attention and feed-forward add to the residual stream is normalized as well, as in Gemma.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool HasPostNorms { get; init; }

    /// <summary>
    /// Whether queries and keys are normalized head by head, by their root mean square, before they are rotated, as in
    /// Qwen 3 and Gemma 3.
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool HasQueryKeyNorm { get; init; }

    /// <summary>Rotary position encoding.</summary>
    /// <value><see langword="null"/>: positions are embedded by a learned matrix, as in GPT-2.</value>
    public RotaryEncoding? Rotary { get; init; }

    /// <summary>The factor of attention's scores before softmax. Above 0.</summary>
    /// <value>1 / √hs.</value>
    public double AttentionScale
    {
        get => _attentionScale == 0 ? 1 / Math.Sqrt(HeadSize) : _attentionScale;
        init => _attentionScale = Check.Positive(value, nameof(AttentionScale));
    }

    /// <summary>The cap c of attention's scaled scores s, which become c tanh(s / c), as in Gemma 2. Above 0.</summary>
    /// <value><see langword="null"/>: none. Gemma 2 has 50.</value>
    public double? AttentionSoftCap { get; init => field = Cap(value, nameof(AttentionSoftCap)); }

    /// <summary>The cap c of the logits z, which become c tanh(z / c), as in Gemma 2. Above 0.</summary>
    /// <value><see langword="null"/>: none. Gemma 2 has 30.</value>
    public double? LogitSoftCap { get; init => field = Cap(value, nameof(LogitSoftCap)); }

    /// <summary>
    /// Positions that a token can attend to in layers with a sliding window, including its own. At least 1.
    /// </summary>
    /// <value><see langword="null"/>: all preceding ones, in every layer.</value>
    public int? SlidingWindow { get; init => field = Check.AtLeast(value, 1, nameof(SlidingWindow)); }

    /// <summary>
    /// Every how many layers one has no sliding window, if <see cref="SlidingWindow"/> is set: at 6, the sixth, the
    /// twelfth and so on. At least 0.
    /// </summary>
    /// <value>0: all layers have a sliding window, as in Mistral. Gemma 2 has 2, Gemma 3 has 6.</value>
    public int GlobalLayerInterval { get; init => field = Check.AtLeast(value, 0, nameof(GlobalLayerInterval)); }

    /// <summary>
    /// The first layer, counted from 0, that has a sliding window, if <see cref="SlidingWindow"/> is set. At least 0.
    /// </summary>
    /// <value>0. Qwen's files call it <c>max_window_layers</c>.</value>
    public int FirstSlidingLayer { get; init => field = Check.AtLeast(value, 0, nameof(FirstSlidingLayer)); }

    /// <summary>The function between the matrices of the feed-forward layer.</summary>
    /// <value><see cref="FeedForwardKind.Gelu"/>.</value>
    public FeedForwardKind FeedForward { get; init => field = Check.Defined(value, nameof(FeedForward)); }

    /// <summary>Whether the token embedding is multiplied by √C before the first block, as in Gemma.</summary>
    /// <value><see langword="false"/>.</value>
    public bool HasScaledEmbedding { get; init; }

    /// <summary>Whether the feed-forward layer has a gate, a third matrix.</summary>
    public bool HasGate => FeedForward is FeedForwardKind.SwiGlu or FeedForwardKind.GeGlu;

    /// <summary>Number of trainable parameters; a tied head's matrix counts once.</summary>
    public long ParameterCount
    {
        get
        {
            long c = EmbeddingWidth, v = VocabularySize, f = FeedForwardWidth, hs = HeadSize;
            long queries = HeadCount * hs, keys = KeyValueHeadCount * hs;
            long norm = HasNormShift ? 2 * c : c;
            long attention = (c * (queries + (2 * keys))) + (HasQkvBias ? queries + (2 * keys) : 0)
                + (HasQueryKeyNorm ? 2 * hs : 0) + (queries * c) + (HasBias ? c : 0);
            long feedForward = ((HasGate ? 3 : 2) * c * f) + (HasFeedForwardBias ? (HasGate ? 2 * f : f) + c : 0);
            long block = attention + feedForward + ((HasPostNorms ? 4 : 2) * norm);
            long positions = Rotary is null ? ContextLength * c : 0;
            long head = ScoreCount is { } scores ? (scores * c) + scores : HasTiedHead ? 0 : v * c;
            return (v * c) + positions + (LayerCount * block) + norm + head;
        }
    }

    /// <summary>Outputs of the last matrix: K, or V for a model that predicts tokens.</summary>
    internal int OutputCount => ScoreCount ?? VocabularySize;

    /// <summary>Whether norms have a shift.</summary>
    internal bool HasNormShift => HasBias && Normalization == Normalization.LayerNorm;

    /// <summary>Whether, but for its sizes, query bias and output head, the decoder is the book's GPT-2.</summary>
    internal bool IsPlainGpt2 => IsGpt2 && HasBias && HasFeedForwardBias && FeedForward == FeedForwardKind.Gelu
        && FeedForwardWidth == 4L * EmbeddingWidth && NormEpsilon == 1e-5f && ScoreCount is null;

    /// <summary>What token embeddings are multiplied by.</summary>
    internal float EmbeddingFactor => HasScaledEmbedding ? MathF.Sqrt(EmbeddingWidth) : 1;

    /// <summary><see cref="AttentionScale"/> in single precision.</summary>
    internal float ScoreScale => _attentionScale == 0 ? 1 / MathF.Sqrt(HeadSize) : (float)_attentionScale;

    /// <summary>Width of all query heads together, nh hs.</summary>
    internal int QueryWidth => checked(HeadCount * HeadSize);

    /// <summary>Width of all key heads together, nkv hs; that of the values is the same.</summary>
    internal int KeyWidth => checked(KeyValueHeadCount * HeadSize);

    /// <summary>Width of queries, keys and values together.</summary>
    internal int ProjectedWidth => checked(QueryWidth + (2 * KeyWidth));

    /// <summary>
    /// The family of decoders that has these parts, as Hugging Face calls it: gpt2, llama, mistral, qwen2, qwen3, gemma2 or
    /// gemma3_text; <see langword="null"/> for a combination that none of them has.
    /// </summary>
    public string? Architecture => Family switch
    {
        GptFamily.Gemma3 => "gemma3_text",
        { } family => family.ToString().ToLowerInvariant(),
        null => null,
    };

    /// <summary>The family of decoders that has these parts; <see langword="null"/> if none has.</summary>
    internal GptFamily? Family
    {
        get
        {
            if (IsGpt2) return GptFamily.Gpt2;
            var config = Validated();
            var plain = config with
            {
                Normalization = Normalization.RmsNorm, HasBias = false, HasQkvBias = false, _hasFeedForwardBias = null,
                HasQueryKeyNorm = false, HasPostNorms = false, FeedForward = FeedForwardKind.SwiGlu, HasScaledEmbedding = false,
                _attentionScale = 0, AttentionSoftCap = null, LogitSoftCap = null,
                Rotary = (Rotary ?? new()) with { SlidingBase = null },
                SlidingWindow = null, FirstSlidingLayer = 0, GlobalLayerInterval = 0,
            };

            // In files of some families, one property says whether the four matrices of attention have biases.
            var attentive = HasBias ? plain with { HasBias = true, HasQkvBias = true, _hasFeedForwardBias = false } : plain;
            var gemma = Windowed(attentive) with
            {
                HasPostNorms = true, FeedForward = FeedForwardKind.GeGlu, HasScaledEmbedding = true,
                _attentionScale = config._attentionScale, AttentionSoftCap = AttentionSoftCap, LogitSoftCap = LogitSoftCap,
            };
            return config == attentive with { _hasFeedForwardBias = config._hasFeedForwardBias } ? GptFamily.Llama
                : config == plain with { SlidingWindow = SlidingWindow } ? GptFamily.Mistral
                : config == Windowed(plain) with { HasQkvBias = true } ? GptFamily.Qwen2
                : config == Windowed(attentive) with { HasQueryKeyNorm = true } ? GptFamily.Qwen3
                : config == gemma ? GptFamily.Gemma2
                : config == gemma with { HasQueryKeyNorm = true, Rotary = Rotary } ? GptFamily.Gemma3
                : null;

            // In files of some families, a list says which layers have a window.
            GptConfig Windowed(GptConfig other) => other with
            {
                SlidingWindow = SlidingWindow, FirstSlidingLayer = FirstSlidingLayer, GlobalLayerInterval = GlobalLayerInterval,
            };
        }
    }

    /// <summary>Whether the decoder has the parts of GPT-2, whatever its sizes and biases.</summary>
    internal bool IsGpt2 => Normalization == Normalization.LayerNorm && Rotary is null && !HasGate && !HasPostNorms && !HasQueryKeyNorm
        && SlidingWindow is null && AttentionSoftCap is null && LogitSoftCap is null && !HasScaledEmbedding
        && KeyValueHeadCount == HeadCount && QueryWidth == EmbeddingWidth
        && AttentionScale == 1 / Math.Sqrt(HeadSize);

    /// <summary>
    /// Returns this config if its properties are consistent. Those that are set to their defaults become unset, so that
    /// configs of the same decoder are equal.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// <see cref="EmbeddingWidth"/> is not divisible by <see cref="HeadCount"/>, and <see cref="HeadSize"/> is not set;
    /// <see cref="HeadCount"/> is not divisible by <see cref="KeyValueHeadCount"/>, heads of an odd size are rotated, a layer has
    /// more than 2³¹ − 1 outputs, or a property has no effect without another.
    /// </exception>
    public GptConfig Validated()
    {
        if (_headSize == 0 && EmbeddingWidth % HeadCount != 0)
        {
            throw Inconsistent(
                $"{nameof(EmbeddingWidth)} {EmbeddingWidth} is not divisible by {nameof(HeadCount)} {HeadCount}; all heads must "
                + $"have the same width.");
        }

        var heads = (HeadCount + (2L * KeyValueHeadCount)) * (Int128)HeadSize;
        var widest = Int128.Max(heads, _feedForwardWidth == 0 ? 4L * EmbeddingWidth : _feedForwardWidth);
        if (widest > int.MaxValue) throw Inconsistent($"The widest layer has {widest} outputs; there can be at most {int.MaxValue}.");
        if (HeadCount % KeyValueHeadCount != 0)
        {
            throw Inconsistent(
                $"{nameof(HeadCount)} {HeadCount} is not divisible by {nameof(KeyValueHeadCount)} {KeyValueHeadCount}; equally many "
                + $"query heads must share each head of keys and values.");
        }

        if (Rotary is not null && HeadSize % 2 != 0)
        {
            throw Inconsistent($"{nameof(HeadSize)} is {HeadSize}; rotary positions need an even one.");
        }

        if (SlidingWindow is null && (GlobalLayerInterval > 0 || FirstSlidingLayer > 0))
        {
            var (name, value) = GlobalLayerInterval > 0
                ? (nameof(GlobalLayerInterval), GlobalLayerInterval) : (nameof(FirstSlidingLayer), FirstSlidingLayer);
            throw Inconsistent($"{name} is {value}, which has no effect without {nameof(SlidingWindow)}.");
        }

        if (Rotary is null && HasScaledEmbedding)
        {
            throw Inconsistent($"{nameof(HasScaledEmbedding)} is for decoders with rotary positions; {nameof(Rotary)} is not set.");
        }

        var config = this with
        {
            _keyValueHeadCount = KeyValueHeadCount == HeadCount ? 0 : KeyValueHeadCount,
            _headSize = QueryWidth == EmbeddingWidth ? 0 : HeadSize,
            _feedForwardWidth = FeedForwardWidth == 4L * EmbeddingWidth ? 0 : FeedForwardWidth,
            _attentionScale = AttentionScale == 1 / Math.Sqrt(HeadSize) ? 0 : AttentionScale,
            _hasFeedForwardBias = HasFeedForwardBias == HasBias ? null : HasFeedForwardBias,
        };
        return config == this ? this : config;
    }

    /// <summary>Returns whether a layer has a sliding window.</summary>
    internal bool IsSliding(int layer) => SlidingWindow is not null && layer >= FirstSlidingLayer
        && (GlobalLayerInterval == 0 || (layer + 1) % GlobalLayerInterval != 0);

    private static double? Cap(double? value, string name) => value is { } given ? Check.Positive(given, name) : null;

    private static ArgumentException Inconsistent(string message) => new(message);
}
