using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>
/// Reads packed weights back under their names: what <see cref="WeightPacker"/> read, as far as the precision holds it.
/// </summary>
internal sealed unsafe class PackedWeightReader : IWeightSource
{
    private readonly Dictionary<string, Action<long, Span<float>>> _readers = [];
    private readonly Dictionary<string, long> _lengths;

    public PackedWeightReader(ModelWeights weights)
    {
        var config = Config = weights.Config;
        _lengths = WeightNames.For(config).ToDictionary(entry => entry.Name, entry => entry.ElementCount);
        AddMatrix(weights.TokenEmbedding, WeightNames.TokenEmbedding);
        if (!config.HasTiedHead) AddMatrix(weights.Head, WeightNames.Head);
        AddVector(weights.PositionEmbedding, WeightNames.PositionEmbedding);
        AddVector(weights.FinalNormScale, WeightNames.FinalNormScale);
        AddVector(weights.FinalNormShift, WeightNames.FinalNormShift);
        foreach (var block in weights.Blocks) AddBlock(block, config);
    }

    /// <inheritdoc/>
    public GptConfig Config { get; }

    /// <inheritdoc/>
    public void Read(string name, long start, Span<float> destination)
    {
        if (!_readers.TryGetValue(name, out var read)) throw new KeyNotFoundException($"There is no weight '{name}' in this model.");
        if (start < 0 || start > _lengths[name] - destination.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(start), start, $"{destination.Length} elements from {start} reach outside '{name}', which has {_lengths[name]}.");
        }

        read(start, destination);
    }

    private void AddBlock(BlockWeights block, GptConfig config)
    {
        int layer = block.Layer, c = config.EmbeddingWidth;
        AddMatrix(block.QueryKeyValue, WeightNames.Query(layer), config.HasQkvBias ? WeightNames.QueryBias(layer) : null);
        AddMatrix(block.QueryKeyValue, WeightNames.Key(layer), config.HasQkvBias ? WeightNames.KeyBias(layer) : null, firstRow: c);
        AddMatrix(block.QueryKeyValue, WeightNames.Value(layer), config.HasQkvBias ? WeightNames.ValueBias(layer) : null, firstRow: 2 * c);
        AddMatrix(block.AttentionOutput, WeightNames.AttentionOutput(layer), WeightNames.AttentionOutputBias(layer));
        AddMatrix(block.FeedForwardIn, WeightNames.FeedForwardIn(layer), WeightNames.FeedForwardInBias(layer));
        AddMatrix(block.FeedForwardOut, WeightNames.FeedForwardOut(layer), WeightNames.FeedForwardOutBias(layer));
        AddVector(block.AttentionNormScale, WeightNames.AttentionNormScale(layer));
        AddVector(block.AttentionNormShift, WeightNames.AttentionNormShift(layer));
        AddVector(block.FeedForwardNormScale, WeightNames.FeedForwardNormScale(layer));
        AddVector(block.FeedForwardNormShift, WeightNames.FeedForwardNormShift(layer));
    }

    private void AddVector(PackedVector vector, string name) =>
        _readers.Add(name, (start, destination) => new ReadOnlySpan<float>(vector.Pointer + start, destination.Length).CopyTo(destination));

    private void AddMatrix(PackedMatrix matrix, string name, string? biasName = null, int firstRow = 0)
    {
        _readers.Add(name, (start, destination) => ReadRows(matrix, firstRow, start, destination));
        if (biasName is not null)
        {
            _readers.Add(biasName, (start, destination) => new ReadOnlySpan<float>(matrix.Bias + firstRow + start, destination.Length).CopyTo(destination));
        }
    }

    private static void ReadRows(PackedMatrix matrix, int firstRow, long start, Span<float> destination)
    {
        float[]? part = null;
        while (!destination.IsEmpty)
        {
            var (index, column) = Math.DivRem(start, matrix.Depth);
            int count = Math.Min(destination.Length, matrix.Depth - (int)column);
            if (count == matrix.Depth)
            {
                fixed (float* row = destination) matrix.CopyRow(firstRow + (int)index, row);
            }
            else
            {
                part ??= new float[matrix.Depth];
                fixed (float* row = part) matrix.CopyRow(firstRow + (int)index, row);
                part.AsSpan((int)column, count).CopyTo(destination);
            }

            destination = destination[count..];
            start += count;
        }
    }
}
