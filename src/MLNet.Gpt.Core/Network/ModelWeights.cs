using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>A model's weights in the engine's layout, each once, in one block of memory.</summary>
internal sealed class ModelWeights : IDisposable
{
    private readonly NativeArena _arena = new("the model's weights");

    /// <summary>Lays out the weights of a configuration and takes cleared memory for them.</summary>
    public ModelWeights(GptConfig config, WeightPrecision precision, KernelSet kernels)
    {
        Config = config;
        Precision = precision;
        Kernels = kernels;
        int c = config.EmbeddingWidth, v = config.VocabularySize;
        int panelWidth = precision == WeightPrecision.Int8 ? Int8Product.PanelWidth : kernels.PanelWidth;
        PositionEmbedding = new PackedVector(_arena, checked(config.ContextLength * c));
        TokenEmbedding = new PackedMatrix(_arena, "token embedding", v, c, precision, panelWidth);
        Blocks = [.. Enumerable.Range(0, config.LayerCount).Select(layer => new BlockWeights(_arena, config, layer, precision, panelWidth))];
        FinalNormScale = new PackedVector(_arena, c);
        FinalNormShift = new PackedVector(_arena, c);
        Head = config.HasTiedHead ? TokenEmbedding : new PackedMatrix(_arena, "output head", v, c, precision, panelWidth);
        _arena.Allocate();
    }

    public GptConfig Config { get; }

    public WeightPrecision Precision { get; }

    public KernelSet Kernels { get; }

    /// <summary>(T, C).</summary>
    public PackedVector PositionEmbedding { get; }

    /// <summary>(V, C).</summary>
    public PackedMatrix TokenEmbedding { get; }

    public IReadOnlyList<BlockWeights> Blocks { get; }

    public PackedVector FinalNormScale { get; }

    public PackedVector FinalNormShift { get; }

    /// <summary>(V, C): the token embedding itself where the head is tied.</summary>
    public PackedMatrix Head { get; }

    /// <summary>Memory of all weights, in bytes.</summary>
    public long ByteCount => _arena.Length;

    /// <summary>Every matrix once.</summary>
    public IEnumerable<PackedMatrix> Matrices
    {
        get
        {
            yield return TokenEmbedding;
            foreach (var block in Blocks)
            {
                yield return block.QueryKeyValue;
                yield return block.AttentionOutput;
                yield return block.FeedForwardIn;
                yield return block.FeedForwardOut;
            }

            if (Head != TokenEmbedding) yield return Head;
        }
    }

    /// <summary>Every vector once.</summary>
    public IEnumerable<PackedVector> Vectors
    {
        get
        {
            yield return PositionEmbedding;
            foreach (var block in Blocks)
            {
                yield return block.AttentionNormScale;
                yield return block.AttentionNormShift;
                yield return block.FeedForwardNormScale;
                yield return block.FeedForwardNormShift;
            }

            yield return FinalNormScale;
            yield return FinalNormShift;
        }
    }

    /// <summary>Keeps the memory for as long as the lease lives.</summary>
    /// <exception cref="ObjectDisposedException">The weights were freed.</exception>
    public NativeBlock.Lease Borrow() => _arena.Block.Borrow();

    public void Dispose() => _arena.Dispose();
}
