using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// The low-rank update of one matrix (out, in): W + s B A, where s is <see cref="Scale"/>. Immutable and thread-safe.
/// </summary>
/// <remarks>Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021).</remarks>
public sealed class LoraMatrix
{
    internal LoraMatrix(string target, int rank, double scale, float[] a, float[] b)
    {
        Check.AtLeast(rank, 1, nameof(rank));
        (Target, Rank, Scale, ElementsOfA, ElementsOfB) = (target, rank, scale, a, b);
    }

    /// <summary>The weight that is updated, one of <see cref="WeightNames"/>.</summary>
    public string Target { get; }

    /// <summary>The rank r.</summary>
    public int Rank { get; }

    /// <summary>The factor s of the update: α / r, or α / √r with <see cref="LoraOptions.UseRankStabilizedScale"/>.</summary>
    public double Scale { get; }

    /// <summary>The layer's inputs.</summary>
    public int Columns => ElementsOfA.Length / Rank;

    /// <summary>The layer's outputs.</summary>
    public int Rows => ElementsOfB.Length / Rank;

    /// <summary>A, (r, in), row-major.</summary>
    public ReadOnlySpan<float> A => ElementsOfA;

    /// <summary>B, (out, r), row-major.</summary>
    public ReadOnlySpan<float> B => ElementsOfB;

    internal float[] ElementsOfA { get; }

    internal float[] ElementsOfB { get; }

    /// <summary>Names the target with shape, rank and scale.</summary>
    public override string ToString() =>
        FormattableString.Invariant($"{Target} ({Rows}, {Columns}), rank {Rank}, scale {Scale:0.####}");
}
