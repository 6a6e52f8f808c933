using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>
/// Weights with low-rank updates, W + s B A, and with replaced weights: a view that computes what is read. If the head is tied to
/// the token embedding and has an update, the view has a head of its own.
/// </summary>
internal sealed unsafe class MergedWeights : IWeightSource
{
    private readonly IWeightSource _weights;
    private readonly IReadOnlyDictionary<string, float[]> _replaced;
    private readonly bool _isUntied; // the head from the token embedding
    private readonly Dictionary<string, LowRank> _updates = [];
    private readonly Dictionary<string, WeightEntry> _entries;

    /// <param name="weights">The weights without updates.</param>
    /// <param name="config">The configuration of the result, whose head may be one of scores.</param>
    /// <param name="matrices">The updates.</param>
    /// <param name="replaced">The replaced weights.</param>
    /// <param name="scale">A factor of all updates.</param>
    public MergedWeights(
        IWeightSource weights, GptConfig config, IReadOnlyList<LoraMatrix> matrices, IReadOnlyDictionary<string, float[]> replaced,
        double scale = 1)
    {
        (_weights, _replaced) = (weights, replaced);
        _isUntied = LoraTargets.IsTied(config) && matrices.Any(matrix => matrix.Target == WeightNames.Head);
        Config = _isUntied ? config with { HasTiedHead = false } : config;
        _entries = WeightNames.For(Config).ToDictionary(entry => entry.Name);
        foreach (var matrix in matrices)
        {
            _updates.TryGetValue(matrix.Target, out var existing);
            _updates[matrix.Target] = LowRank.Create(
                existing, [(0, matrix.Rank, (float)(scale * matrix.Scale), matrix.ElementsOfA, matrix.ElementsOfB)]);
        }
    }

    /// <inheritdoc/>
    public GptConfig Config { get; }

    /// <inheritdoc/>
    public void Read(string name, long start, Span<float> destination)
    {
        if (!_entries.TryGetValue(name, out var entry)) throw new KeyNotFoundException($"There is no weight '{name}' in this model.");
        Check.ElementRange(start, destination.Length, entry.ElementCount, name);
        if (_replaced.TryGetValue(name, out float[]? replaced)) replaced.AsSpan((int)start, destination.Length).CopyTo(destination);
        else _weights.Read(_isUntied && name == WeightNames.Head ? WeightNames.TokenEmbedding : name, start, destination);
        if (!_updates.TryGetValue(name, out var update)) return;

        int columns = entry.Shape[1];
        float[]? part = null;
        while (!destination.IsEmpty)
        {
            var (row, column) = Math.DivRem(start, columns);
            int count = Math.Min(destination.Length, columns - (int)column);
            if (count == columns)
            {
                fixed (float* weights = destination) update.AddToRow((int)row, weights);
            }
            else
            {
                part ??= new float[columns];
                destination[..count].CopyTo(part.AsSpan((int)column));
                fixed (float* weights = part) update.AddToRow((int)row, weights);
                part.AsSpan((int)column, count).CopyTo(destination);
            }

            destination = destination[count..];
            start += count;
        }
    }
}
