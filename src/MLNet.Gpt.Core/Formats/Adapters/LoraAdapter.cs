using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// Low-rank updates of some of a model's matrices, and weights that replace the model's own: what training with
/// <see cref="LoraOptions"/> learns. Immutable and thread-safe.
/// </summary>
public sealed class LoraAdapter
{
    internal LoraAdapter(GptConfig config, IReadOnlyList<LoraMatrix> matrices, IReadOnlyDictionary<string, float[]> weights)
    {
        (Config, Matrices, Weights) = (config, matrices, weights);
    }

    /// <summary>The configuration of the model that the adapter belongs to.</summary>
    public GptConfig Config { get; }

    /// <summary>The updates.</summary>
    public IReadOnlyList<LoraMatrix> Matrices { get; }

    /// <summary>Weights that were trained in full, by name: they replace the model's own.</summary>
    public IReadOnlyDictionary<string, float[]> Weights { get; }

    /// <summary>The numbers in the adapter: of A and B of each matrix, and of the weights trained in full.</summary>
    public long ParameterCount =>
        Matrices.Sum(matrix => matrix.A.Length + (long)matrix.B.Length) + Weights.Values.Sum(weight => weight.LongLength);

    /// <summary>Names ranks, number of layers and parameters.</summary>
    public override string ToString()
    {
        string ranks = string.Join("/", Matrices.Select(matrix => matrix.Rank).Distinct());
        string layers = Quantity.Of(Matrices.Count, "linear layer"), parameters = Quantity.Of(ParameterCount, "parameter");
        return FormattableString.Invariant($"LoRA adapter of rank {ranks} on {layers}, {parameters}");
    }
}
