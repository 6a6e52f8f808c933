using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Network;

/// <summary>
/// Memory for everything between weights and loss, for batches of up to a number of rows: one block that is reused in
/// every step.
/// </summary>
/// <remarks>
/// Each layer keeps the residual stream before each of its halves, queries, keys and values, the output of attention,
/// and the input of GELU: 10 C numbers per token. Norms, GELU, attention weights and dropout masks are recomputed in
/// the backward pass.
/// </remarks>
internal sealed unsafe class Activations : IDisposable
{
    // Kernels read whole tiles, which may start at any row.
    private const int SpareRows = KernelSet.TileRows;

    private readonly NativeArena _arena = new("the activations of a training step");
    private readonly GptConfig _config;
    private readonly long _residual, _middle, _projected, _attended, _hidden, _statistics, _logSumExp;
    private readonly long _normalized, _branch, _gradient, _activated, _hiddenGradient, _projectedGradient, _panels, _parts, _logits;

    public Activations(GptConfig config, int rows, KernelSet kernels)
    {
        (_config, Capacity) = (config, rows);
        int c = config.EmbeddingWidth, f = config.FeedForwardWidth, layers = config.LayerCount;
        _residual = ReserveMatrix(c, layers + 1);
        _middle = ReserveMatrix(c, layers);
        _projected = ReserveMatrix(3 * c, layers);
        _attended = ReserveMatrix(c, layers);
        _hidden = ReserveMatrix(f, layers);
        _statistics = Reserve(2L * rows * ((2 * layers) + 1));
        _logSumExp = Reserve((long)rows * config.HeadCount * layers);

        _normalized = ReserveMatrix(c, 1);
        _branch = ReserveMatrix(c, 1);
        _gradient = ReserveMatrix(c, 1);
        _activated = ReserveMatrix(f, 1);
        _hiddenGradient = ReserveMatrix(f, 1);
        _projectedGradient = ReserveMatrix(3 * c, 1);
        _panels = Reserve(BlockedProduct.PanelsLengthOf(rows, f, kernels));
        _parts = Reserve(LayerNorm.PartsLengthOf(rows, c));
        _logits = Reserve(HeadLoss.LogitsLengthOf(rows, config.VocabularySize));
        _arena.Allocate();
    }

    /// <summary>The maximum number of rows, B T.</summary>
    public int Capacity { get; }

    /// <summary>Size in bytes.</summary>
    public long Length => _arena.Length;

    /// <summary>Scratch for the panels of <see cref="BlockedProduct"/>.</summary>
    public float* Panels => At(_panels);

    /// <summary>Scratch for <see cref="LayerNorm"/>.</summary>
    public float* Parts => At(_parts);

    /// <summary>Scratch for <see cref="HeadLoss"/>.</summary>
    public float* Logits => At(_logits);

    /// <summary>Returns the buffers of a layer's forward pass.</summary>
    public BlockBuffers BuffersOf(int layer, int rows) => new()
    {
        Input = Residual(layer, rows),
        Middle = Middle(layer, rows),
        Output = Residual(layer + 1, rows),
        Normalized = Normalized(rows),
        Projected = Projected(layer, rows),
        Attended = Attended(layer, rows),
        Hidden = Hidden(layer, rows),
        Activated = Activated(rows),
        Branch = Branch(rows),
        AttentionStatistics = Statistics(2 * layer),
        FeedForwardStatistics = Statistics((2 * layer) + 1),
    };

    /// <summary>The residual stream before a layer, (N, C); after the last one at L.</summary>
    public Matrix Residual(int layer, int rows) => MatrixAt(_residual, _config.EmbeddingWidth, layer, rows);

    /// <summary>The residual stream in the middle of a layer, (N, C).</summary>
    public Matrix Middle(int layer, int rows) => MatrixAt(_middle, _config.EmbeddingWidth, layer, rows);

    /// <summary>Queries, keys and values, (N, 3 C).</summary>
    public Matrix Projected(int layer, int rows) => MatrixAt(_projected, 3 * _config.EmbeddingWidth, layer, rows);

    /// <summary>The output of attention, (N, C).</summary>
    public Matrix Attended(int layer, int rows) => MatrixAt(_attended, _config.EmbeddingWidth, layer, rows);

    /// <summary>The input of GELU, (N, 4 C).</summary>
    public Matrix Hidden(int layer, int rows) => MatrixAt(_hidden, _config.FeedForwardWidth, layer, rows);

    /// <summary>
    /// Mean and inverse standard deviation of each row at a norm: two norms per layer, then the last one.
    /// </summary>
    public float* Statistics(int norm) => At(_statistics) + (2L * Capacity * norm);

    /// <summary>ln Σ e^score of each query, (B, nh, T).</summary>
    public float* LogSumExp(int layer) => At(_logSumExp) + ((long)Capacity * _config.HeadCount * layer);

    /// <summary>The output of a norm, (N, C).</summary>
    public Matrix Normalized(int rows) => MatrixAt(_normalized, _config.EmbeddingWidth, 0, rows);

    /// <summary>What is added to the residual stream, or a gradient of that shape, (N, C).</summary>
    public Matrix Branch(int rows) => MatrixAt(_branch, _config.EmbeddingWidth, 0, rows);

    /// <summary>The gradient of the residual stream, (N, C).</summary>
    public Matrix Gradient(int rows) => MatrixAt(_gradient, _config.EmbeddingWidth, 0, rows);

    /// <summary>The output of GELU, (N, 4 C).</summary>
    public Matrix Activated(int rows) => MatrixAt(_activated, _config.FeedForwardWidth, 0, rows);

    /// <summary>The gradient of GELU's input, (N, 4 C).</summary>
    public Matrix HiddenGradient(int rows) => MatrixAt(_hiddenGradient, _config.FeedForwardWidth, 0, rows);

    /// <summary>The gradient of queries, keys and values, (N, 3 C).</summary>
    public Matrix ProjectedGradient(int rows) => MatrixAt(_projectedGradient, 3 * _config.EmbeddingWidth, 0, rows);

    public void Dispose() => _arena.Dispose();

    private long Reserve(long count) => _arena.Reserve(sizeof(float) * count);

    private long ReserveMatrix(int columns, int count) => Reserve((long)count * (Capacity + SpareRows) * StrideOf(columns));

    private float* At(long offset) => (float*)_arena.At(offset);

    private Matrix MatrixAt(long offset, int columns, int index, int rows)
    {
        int stride = StrideOf(columns);
        return new(At(offset) + ((long)index * (Capacity + SpareRows) * stride), rows, columns, stride, Capacity + SpareRows - rows);
    }

    private static int StrideOf(int columns) => (columns + Lanes.Count - 1) / Lanes.Count * Lanes.Count;
}
