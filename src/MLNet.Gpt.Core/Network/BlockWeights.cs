using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>The weights of one transformer block.</summary>
internal sealed class BlockWeights
{
    public BlockWeights(
        NativeArena arena, GptConfig config, int layer, WeightPrecision precision, int panelWidth, Func<string[], bool> hasBlocks)
    {
        int c = config.EmbeddingWidth;
        Layer = layer;
        AttentionNormScale = new PackedVector(arena, c);
        AttentionNormShift = new PackedVector(arena, c);
        QueryKeyValue = Matrix("query, key and value", 3 * c, c, WeightNames.Query(layer), WeightNames.Key(layer), WeightNames.Value(layer));
        AttentionOutput = Matrix("attention output", c, c, WeightNames.AttentionOutput(layer));
        FeedForwardNormScale = new PackedVector(arena, c);
        FeedForwardNormShift = new PackedVector(arena, c);
        FeedForwardIn = Matrix("first feed-forward layer", config.FeedForwardWidth, c, WeightNames.FeedForwardIn(layer));
        FeedForwardOut = Matrix("second feed-forward layer", c, config.FeedForwardWidth, WeightNames.FeedForwardOut(layer));

        PackedMatrix Matrix(string label, int outputs, int depth, params string[] names) =>
            new(arena, $"{label} of block {layer}", outputs, depth, precision, panelWidth, hasBlocks(names));
    }

    public int Layer { get; }

    public PackedVector AttentionNormScale { get; }

    public PackedVector AttentionNormShift { get; }

    /// <summary>(3 C, C): queries, keys and values of all heads in one product.</summary>
    public PackedMatrix QueryKeyValue { get; }

    /// <summary>(C, C).</summary>
    public PackedMatrix AttentionOutput { get; }

    public PackedVector FeedForwardNormScale { get; }

    public PackedVector FeedForwardNormShift { get; }

    /// <summary>(4 C, C).</summary>
    public PackedMatrix FeedForwardIn { get; }

    /// <summary>(C, 4 C).</summary>
    public PackedMatrix FeedForwardOut { get; }
}
