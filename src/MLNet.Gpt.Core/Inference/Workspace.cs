using MLNet.Gpt.Configuration;
using MLNet.Gpt.Network;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Inference;

/// <summary>The activations of one pass. Rows are padded to whole tiles, so that kernels need no edge cases.</summary>
internal sealed unsafe class Workspace : IDisposable
{
    private readonly GptConfig _config;
    private readonly NativeArena _arena;
    private readonly long _residual, _normalized, _projected, _attended, _hidden, _angles, _quantized;
    private readonly int _projectedWidth, _attendedWidth, _hiddenWidth;
    private NativeBlock? _logits, _headUpdate;

    public Workspace(GptConfig config, int rows)
    {
        _config = config;
        Rows = KernelSet.RoundUpToTiles(rows);
        _arena = new(FormattableString.Invariant($"a pass over {Quantity.Of(Rows, "token")}"));
        Width = Matrix.StrideOf(config.EmbeddingWidth);
        _projectedWidth = Matrix.StrideOf(config.ProjectedWidth);
        _attendedWidth = Matrix.StrideOf(config.QueryWidth);
        _hiddenWidth = Matrix.StrideOf(config.FeedForwardWidth);
        _residual = _arena.Reserve(4L * Rows * Width);
        _normalized = _arena.Reserve(4L * Rows * Width);

        // The hidden layer is computed when queries, keys and values have been used, so they share memory.
        _projected = _hidden = _arena.Reserve(
            4L * Math.Max((long)(Rows + SpareProjectedRows) * _projectedWidth, (long)Rows * _hiddenWidth));

        // So do the output of a norm and that of attention, which comes after the norm's only use.
        _attended = _attendedWidth == Width ? _normalized : _arena.Reserve(4L * Rows * _attendedWidth);
        _quantized = _arena.Reserve((long)Rows * QuantizedRow.StrideOf(
            Math.Max(Math.Max(config.FeedForwardWidth, config.EmbeddingWidth), config.QueryWidth)));
        if (config.Rotary is not null) _angles = _arena.Reserve(4L * RotaryAngles.LengthOf(config, Rows));
        _arena.Allocate();
    }

    /// <summary>The maximum number of rows.</summary>
    public int Rows { get; }

    /// <summary>When it was returned to the pool, by <see cref="Environment.TickCount64"/>.</summary>
    public long LastUse { get; set; }

    /// <summary>Numbers from one row to the next in buffers of C columns.</summary>
    public int Width { get; }

    /// <summary>The residual stream, (rows, C).</summary>
    public float* Residual => (float*)_arena.At(_residual);

    /// <summary>The residual stream after a norm, (rows, C).</summary>
    public float* Normalized => (float*)_arena.At(_normalized);

    /// <summary>Room for <see cref="RotaryAngles"/>.</summary>
    public float* Angles => (float*)_arena.At(_angles);

    /// <summary>Room for the input of a product in bytes.</summary>
    public byte* Quantized => _arena.At(_quantized);

    // Attention's tiles of queries may start at any row, so a tile can extend past the last row.
    private static int SpareProjectedRows => KernelSet.TileRows - 1;

    /// <summary>
    /// Returns a block's buffers for a number of rows, from the first; a block works on the residual stream in place.
    /// </summary>
    public BlockBuffers BuffersOf(int rows)
    {
        int c = _config.EmbeddingWidth, spare = Rows - rows;
        var residual = new Matrix(Residual, rows, c, Width, spare);
        var normalized = new Matrix(Normalized, rows, c, Width, spare);
        var projected = new Matrix(
            (float*)_arena.At(_projected), rows, _config.ProjectedWidth, _projectedWidth, spare + SpareProjectedRows);
        var hidden = new Matrix((float*)_arena.At(_hidden), rows, _config.FeedForwardWidth, _hiddenWidth, spare);
        return new()
        {
            Input = residual,
            Middle = residual,
            Output = residual,
            Normalized = normalized,
            Projected = projected,
            Rotated = projected,
            Attended = new((float*)_arena.At(_attended), rows, _config.QueryWidth, _attendedWidth, spare),
            Activated = hidden,
            Gated = hidden,
            AttentionBranch = normalized, // which has been used by then
            FeedForwardBranch = normalized,
            Quantized = Quantized,
        };
    }

    /// <summary>Room for the logits of every row, (rows, V), allocated on first use.</summary>
    public float* Logits(int vocabularySize) =>
        (float*)(_logits ??= NativeBlock.Allocate(4L * Rows * vocabularySize, "a pass's logits")).Pointer;

    /// <summary>Room for the products of every row with the head's low-rank updates, (rows, R), allocated on first use.</summary>
    public float* HeadUpdate(int rank) =>
        (float*)(_headUpdate ??= NativeBlock.Allocate(4L * Rows * rank, "a pass's adapter of the head")).Pointer;

    public void Dispose()
    {
        _arena.Dispose();
        _headUpdate?.Dispose();
        _logits?.Dispose();
    }
}
