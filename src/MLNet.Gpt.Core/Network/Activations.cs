using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Network;

/// <summary>
/// Memory for everything between weights and loss, for batches of up to a number of rows: one block that is reused in
/// every step.
/// </summary>
/// <remarks>
/// Each layer keeps the residual stream before each of its halves, queries, keys and values, the output of attention,
/// and the input of the activation: in GPT-2, 10 C numbers per token. A gated layer also keeps what the gate is multiplied
/// by, and norms after a branch need its output. Other norms, rotation, activation, attention weights and dropout masks are
/// recomputed in the backward pass. Layers below the lowest that is
/// differentiated keep nothing.
/// </remarks>
internal sealed unsafe class Activations : IDisposable
{
    // Kernels read whole tiles, which may start at any row.
    private const int SpareRows = KernelSet.TileRows;

    private readonly NativeArena _arena = new("the activations of a training step");
    private readonly GptConfig _config;
    private readonly int _firstKept;
    private readonly long _residual, _middle, _projected, _attended, _hidden, _gated, _attentionBranch, _feedForwardBranch, _statistics;
    private readonly long _logSumExp, _normalized, _branch, _gradient, _rotated, _activated, _branchGradient;
    private readonly long _attendedGradient, _projectedGradient, _angles, _panels, _parts, _logits;

    /// <param name="config">The network's sizes.</param>
    /// <param name="rows">The maximum number of rows.</param>
    /// <param name="kernels">The kernels.</param>
    /// <param name="firstKept">The lowest layer that is differentiated: those below it share its memory. L if none is.</param>
    public Activations(GptConfig config, int rows, KernelSet kernels, int firstKept = 0)
    {
        (_config, Capacity, _firstKept) = (config, rows, firstKept);
        int c = config.EmbeddingWidth, f = config.FeedForwardWidth, layers = Math.Max(1, config.LayerCount - firstKept);
        int queries = config.QueryWidth, projected = config.ProjectedWidth;
        bool isRotated = config.Rotary is not null || config.HasQueryKeyNorm;
        _residual = ReserveMatrix(c, config.LayerCount - firstKept + 1);
        _middle = ReserveMatrix(c, layers);
        _projected = ReserveMatrix(projected, layers);
        _attended = ReserveMatrix(queries, layers);
        _hidden = ReserveMatrix(f, layers);
        if (config.HasGate) _gated = ReserveMatrix(f, layers);
        if (config.HasPostNorms)
        {
            _attentionBranch = ReserveMatrix(c, layers);
            _feedForwardBranch = ReserveMatrix(c, layers);
        }

        _statistics = Reserve(2L * rows * ((BlockStatistics.Count * layers) + 1));
        _logSumExp = Reserve((long)rows * config.HeadCount * layers);

        _normalized = ReserveMatrix(c, 1);
        _branch = ReserveMatrix(c, 1);
        _gradient = ReserveMatrix(c, 1);
        _rotated = isRotated ? ReserveMatrix(projected, 1) : _projected;
        _activated = ReserveMatrix(f, 1);
        if (config.HasPostNorms) _branchGradient = ReserveMatrix(c, 1);
        _attendedGradient = queries == c ? _normalized : ReserveMatrix(queries, 1); // norms are recomputed after it
        _projectedGradient = ReserveMatrix(projected, 1);
        if (config.Rotary is not null) _angles = Reserve(RotaryAngles.LengthOf(config, rows));
        _panels = Reserve(BlockedProduct.PanelsLengthOf(rows, Math.Max(f, queries), kernels));
        _parts = Reserve(Math.Max(Norm.PartsLengthOf(rows, c), Rotary.PartsLengthOf(rows, config.HeadSize)));
        _logits = Reserve(config.ScoreCount is { } scores
            ? (long)(rows + SpareRows) * Matrix.StrideOf(scores) : HeadLoss.LogitsLengthOf(rows, config.VocabularySize));
        _arena.Allocate();
    }

    /// <summary>The maximum number of rows.</summary>
    public int Capacity { get; }

    /// <summary>Size in bytes.</summary>
    public long Length => _arena.Length;

    /// <summary>Scratch for the panels of <see cref="BlockedProduct"/>.</summary>
    public float* Panels => At(_panels);

    /// <summary>Scratch for <see cref="Norm"/>.</summary>
    public float* Parts => At(_parts);

    /// <summary>Scratch for <see cref="HeadLoss"/>, if the model predicts tokens.</summary>
    public float* Logits => At(_logits);

    /// <summary>The scores of sequences, (S, K), if the model computes scores.</summary>
    public Matrix Scores(int sequences) => MatrixAt(_logits, _config.ScoreCount!.Value, 0, sequences);

    /// <summary>Room for <see cref="RotaryAngles"/>.</summary>
    public float* Angles => At(_angles);

    /// <summary>Returns the buffers of a layer.</summary>
    public BlockBuffers BuffersOf(int layer, int rows) => new()
    {
        Input = Residual(layer, rows),
        Middle = MatrixAt(_middle, _config.EmbeddingWidth, SlotOf(layer), rows),
        Output = Residual(layer + 1, rows),
        Normalized = Normalized(rows),
        Projected = MatrixAt(_projected, _config.ProjectedWidth, SlotOf(layer), rows),
        Rotated = MatrixAt(_rotated, _config.ProjectedWidth, 0, rows),
        Attended = MatrixAt(_attended, _config.QueryWidth, SlotOf(layer), rows),
        Hidden = MatrixAt(_hidden, _config.FeedForwardWidth, SlotOf(layer), rows),
        Gated = _config.HasGate ? MatrixAt(_gated, _config.FeedForwardWidth, SlotOf(layer), rows) : default,
        Activated = MatrixAt(_activated, _config.FeedForwardWidth, 0, rows),
        AttentionBranch = BranchOf(_attentionBranch, layer, rows),
        FeedForwardBranch = BranchOf(_feedForwardBranch, layer, rows),
        Statistics = new(At(_statistics) + ((long)BlockStatistics.Count * SlotOf(layer) * 2 * Capacity), 2L * Capacity),
    };

    /// <summary>The residual stream before a layer, (N, C); after the last one at L.</summary>
    public Matrix Residual(int layer, int rows) => MatrixAt(_residual, _config.EmbeddingWidth, SlotOf(layer), rows);

    /// <summary>Mean and inverse standard deviation of each row at the last norm.</summary>
    public float* FinalStatistics =>
        At(_statistics) + ((long)BlockStatistics.Count * Math.Max(1, _config.LayerCount - _firstKept) * 2 * Capacity);

    /// <summary>ln Σ e^score of each query, (nh, T) for each sequence.</summary>
    public float* LogSumExp(int layer) => At(_logSumExp) + ((long)Capacity * _config.HeadCount * SlotOf(layer));

    /// <summary>The output of a norm, (N, C).</summary>
    public Matrix Normalized(int rows) => MatrixAt(_normalized, _config.EmbeddingWidth, 0, rows);

    /// <summary>What is added to the residual stream, or a gradient of that shape, (N, C).</summary>
    public Matrix Branch(int rows) => MatrixAt(_branch, _config.EmbeddingWidth, 0, rows);

    /// <summary>The gradient of the residual stream, (N, C).</summary>
    public Matrix Gradient(int rows) => MatrixAt(_gradient, _config.EmbeddingWidth, 0, rows);

    /// <summary>The gradient of a branch before its norm, (N, C).</summary>
    public Matrix BranchGradient(int rows) => MatrixAt(_branchGradient, _config.EmbeddingWidth, 0, rows);

    /// <summary>The gradient of attention's output, (N, nh hs).</summary>
    public Matrix AttendedGradient(int rows) => MatrixAt(_attendedGradient, _config.QueryWidth, 0, rows);

    /// <summary>The gradient of queries, keys and values, (N, (nh + 2 nkv) hs).</summary>
    public Matrix ProjectedGradient(int rows) => MatrixAt(_projectedGradient, _config.ProjectedWidth, 0, rows);

    public void Dispose() => _arena.Dispose();

    // Without a norm after it, a branch is only needed until it is added.
    private Matrix BranchOf(long offset, int layer, int rows) =>
        _config.HasPostNorms ? MatrixAt(offset, _config.EmbeddingWidth, SlotOf(layer), rows) : Branch(rows);

    // A layer that keeps nothing works in the memory of the first that does.
    private int SlotOf(int layer) => Math.Max(0, layer - _firstKept);

    private long Reserve(long count) => _arena.Reserve(sizeof(float) * count);

    private long ReserveMatrix(int columns, int count) => Reserve((long)count * (Capacity + SpareRows) * Matrix.StrideOf(columns));

    private float* At(long offset) => (float*)_arena.At(offset);

    private Matrix MatrixAt(long offset, int columns, int index, int rows)
    {
        int stride = Matrix.StrideOf(columns);
        return new(At(offset) + ((long)index * (Capacity + SpareRows) * stride), rows, columns, stride, Capacity + SpareRows - rows);
    }
}
