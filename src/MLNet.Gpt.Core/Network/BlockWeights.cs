using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>The weights of one transformer block.</summary>
internal sealed class BlockWeights
{
    public BlockWeights(NativeArena arena, GptConfig config, int layer, WeightPrecision precision, int panelWidth)
    {
        int c = config.EmbeddingWidth;
        Layer = layer;
        AttentionNormScale = new PackedVector(arena, c);
        AttentionNormShift = new PackedVector(arena, c);
        QueryKeyValue = new PackedMatrix(arena, $"query, key and value of block {layer}", 3 * c, c, precision, panelWidth);
        AttentionOutput = new PackedMatrix(arena, $"attention output of block {layer}", c, c, precision, panelWidth);
        FeedForwardNormScale = new PackedVector(arena, c);
        FeedForwardNormShift = new PackedVector(arena, c);
        FeedForwardIn = new PackedMatrix(arena, $"first feed-forward layer of block {layer}", config.FeedForwardWidth, c, precision, panelWidth);
        FeedForwardOut = new PackedMatrix(arena, $"second feed-forward layer of block {layer}", c, config.FeedForwardWidth, precision, panelWidth);
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
