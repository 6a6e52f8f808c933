using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// Training of low-rank adapters instead of the weights: y = x Wᵀ + s (dropout(x) Aᵀ) Bᵀ, where A is (r, in), B is (out, r) and
/// only these two are trained.
/// </summary>
/// <remarks>
/// The defaults are those of Hugging Face's PEFT, with every linear layer of the blocks as its target. A starts from PEFT's
/// distribution, U(−1/√in, 1/√in), and B from zero, so that training starts from exactly the base model. Source: Hu et al.,
/// "LoRA: Low-Rank Adaptation of Large Language Models" (2021).
/// </remarks>
public sealed record LoraOptions
{
    /// <summary>The rank r of the update; at least 1, and at most <see cref="MaximumRank"/>.</summary>
    /// <value>8.</value>
    public int Rank { get; init => field = Check.Between(value, 1, MaximumRank, nameof(Rank)); } = 8;

    /// <summary>The highest <see cref="Rank"/>.</summary>
    public const int MaximumRank = 4096;

    /// <summary>α, which sets the scale of the update, s = α / r; above 0.</summary>
    /// <value>16.</value>
    public double Alpha { get; init => field = Check.Positive(value, nameof(Alpha)); } = 16;

    /// <summary>
    /// Whether the scale is α / √r, which keeps learning stable at high ranks, instead of α / r. Source: Kalajdzievski, "A Rank
    /// Stabilization Scaling Factor for Fine-Tuning with LoRA" (2023).
    /// </summary>
    /// <value><see langword="false"/>.</value>
    public bool UseRankStabilizedScale { get; init; }

    /// <summary>The probability that an input of an adapter is dropped during training; at least 0 and below 1.</summary>
    /// <value>0.</value>
    public double Dropout { get; init => field = Check.BelowOne(value, nameof(Dropout)); }

    /// <summary>
    /// The matrices that have an adapter, by their names in <see cref="WeightNames"/>; <c>*</c> matches any characters, as in
    /// <c>*.att.W_query.weight</c>. Only linear layers can have one: query, key, value and output of attention, the layers of
    /// the feed-forward part, and the output head, <see cref="WeightNames.Head"/>.
    /// </summary>
    /// <value><c>trf_blocks.*</c>: every linear layer of the blocks, which is PEFT's <c>all-linear</c>.</value>
    public IReadOnlyList<string> Targets
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(Targets));
    } = ["trf_blocks.*"];

    /// <summary>
    /// Weights that are trained in full beside the adapters, such as norms, biases or the output head, by their names in
    /// <see cref="WeightNames"/>; <c>*</c> matches any characters.
    /// </summary>
    /// <value>
    /// None: everything but the adapters is frozen, and a head of scores (<see cref="TrainingOptions.ScoreCount"/>) that is not one
    /// of <see cref="Targets"/>.
    /// </value>
    public IReadOnlyList<string> TrainedWeights
    {
        get;
        init => field = value ?? throw new ArgumentNullException(nameof(TrainedWeights));
    } = [];

    /// <summary>The factor s of the update.</summary>
    internal double Scale => UseRankStabilizedScale ? Alpha / Math.Sqrt(Rank) : Alpha / Rank;

    /// <summary>Returns what must be the same for training to resume.</summary>
    internal string ToFingerprint() => FormattableString.Invariant(
        $"rank {Rank}, scale {Scale}, dropout {Dropout} on {string.Join(' ', Targets)}; in full: {string.Join(' ', TrainedWeights)}");
}
