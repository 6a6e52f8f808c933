using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Network;

/// <summary>
/// A matrix with trained adapters: y = x Wᵀ + b + s (x̃ Aᵀ) Bᵀ, where x̃ = dropout(x). Its parts, such as query, key and value,
/// have adapters of their own, which share x̃.
/// </summary>
/// <remarks>
/// With z = s x̃ Aᵀ and u = s dy B: dBᵀ += zᵀ dy, dA += uᵀ x̃, and dx = dy W + dropout(u A). z is kept from the forward pass; x̃ is
/// recomputed. Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021).
/// </remarks>
internal sealed unsafe class AdaptedMatrix : TrainedMatrix, IDisposable
{
    private readonly Parameters _parameters;
    private readonly TrainedMatrix _matrix;
    private readonly AdapterScratch _scratch;
    private readonly int _columns, _site;
    private readonly double _dropoutRate;
    private readonly ParameterSlot[] _a, _b;
    private readonly (int FirstOutput, int Outputs)[] _parts;
    private readonly float _scale;
    private LowRank? _update;
    private NativeBlock? _products;
    private int _capacity;
    private long _pass;
    private int _firstRow, _nextRow; // of the last product, in the batch
    private bool _hasGradient; // whether u is that of the last product

    /// <param name="parameters">Has A and Bᵀ.</param>
    /// <param name="matrix">The matrix without adapters.</param>
    /// <param name="columns">Its inputs.</param>
    /// <param name="adapters">The outputs, A (r, in) and Bᵀ (r, outputs) of each adapter; all A are adjacent.</param>
    /// <param name="options">Scale and dropout.</param>
    /// <param name="site">The number of the matrix in the network, for dropout.</param>
    /// <param name="scratch">The shared memory.</param>
    public AdaptedMatrix(
        Parameters parameters, TrainedMatrix matrix, int columns,
        IReadOnlyList<(int FirstOutput, int Outputs, ParameterSlot A, ParameterSlot B)> adapters, LoraOptions options, int site,
        AdapterScratch scratch)
    {
        (_parameters, _matrix, _columns, _site, _scratch) = (parameters, matrix, columns, site, scratch);
        (_scale, _dropoutRate) = ((float)options.Scale, options.Dropout);
        _a = [.. adapters.Select(each => each.A)];
        _b = [.. adapters.Select(each => each.B)];
        _parts = [.. adapters.Select(each => (each.FirstOutput, each.Outputs))];
    }

    /// <inheritdoc/>
    public override int Rows => _matrix.Rows;

    /// <inheritdoc/>
    public override float* Bias => _matrix.Bias;

    /// <inheritdoc/>
    public override float* WeightGradient => _matrix.WeightGradient;

    /// <inheritdoc/>
    public override bool IsTrained => true;

    // Training's memory is allocated after the matrices are laid out.
    private LowRank Update => _update ??= CreateUpdate();

    private float* Z => (float*)_products!.Pointer;

    private float* U => Z + ((long)_capacity * Update.Rank);

    /// <inheritdoc/>
    public override void CopyRow(int row, float* destination) => _matrix.CopyRow(row, destination);

    /// <inheritdoc/>
    public override void Multiply<TSink>(Compute compute, Matrix x, byte* quantized, TSink sink)
    {
        Begin(x.Rows);
        Update.Project(compute, Dropped(compute, x), Z);
        _matrix.Multiply(compute, x, quantized, new LowRankSink<TSink>(Update, Z, sink));
    }

    /// <inheritdoc/>
    public override void BackwardInput<TSink>(Compute compute, Matrix dy, int firstOutput, TSink sink)
    {
        bool isWhole = firstOutput == 0 && dy.Columns == Rows;
        if (!isWhole || !_hasGradient) Update.ProjectGradient(compute, dy, firstOutput, U);
        _hasGradient = isWhole;
        var dropout = Dropout;
        if (!dropout.IsActive)
        {
            _matrix.BackwardInput(compute, dy, firstOutput, new LowRankGradientSink<TSink>(Update, U, sink));
            return;
        }

        var added = _scratch.Inputs(dy.Rows, _columns);
        var update = Update;
        float* u = U;
        int first = _firstRow;
        compute.ForEachRow(dy.Rows, row =>
        {
            float* gradient = added.Row(row);
            Row.Clear(gradient, added.Columns);
            update.AddInputs(gradient, u + ((nint)row * update.Rank), 0, added.Columns);
            dropout.Apply(gradient, gradient, added.Columns, first + row);
        });
        _matrix.BackwardInput(compute, dy, firstOutput, new AddedSink<TSink>(added, sink));
    }

    /// <inheritdoc/>
    public override void BackwardParameters(Compute compute, Matrix x, Matrix dy, float* panels)
    {
        _matrix.BackwardParameters(compute, x, dy, panels);
        if (!_hasGradient) Update.ProjectGradient(compute, dy, 0, U);
        _hasGradient = true;
        int rank = Update.Rank;
        Matrix z = new(Z, x.Rows, rank, rank), u = new(U, x.Rows, rank, rank);
        Linear.BackwardParameters(compute, Dropped(compute, x), u, _parameters.GradientOf(_a[0]), null, panels);
        for (int i = 0; i < _parts.Length; i++)
        {
            // The scratch has room for as many columns as there are inputs.
            var part = Update.Parts[i];
            var gradient = new Matrix(_parameters.GradientOf(_b[i]), part.Rank, part.Outputs, part.Outputs);
            for (int output = 0; output < part.Outputs; output += _columns)
            {
                int count = Math.Min(_columns, part.Outputs - output);
                BlockedProduct.PackPanels(compute, dy.SliceColumns(part.FirstOutput + output, count), panels);
                BlockedProduct.AddTransposed(
                    compute, z.SliceColumns(part.FirstRank, part.Rank), panels, gradient.SliceColumns(output, count), sums: null);
            }
        }
    }

    public void Dispose() => _products?.Dispose();

    private Dropout Dropout => _scratch.Dropout?.Adapter(_site, _dropoutRate) ?? default;

    private Matrix Dropped(Compute compute, Matrix x)
    {
        var dropout = Dropout;
        if (!dropout.IsActive) return x;
        var dropped = _scratch.Inputs(x.Rows, _columns);
        int first = _firstRow;
        compute.ForEachRow(x.Rows, row => dropout.Apply(x.Row(row), dropped.Row(row), dropped.Columns, first + row));
        return dropped;
    }

    // A head multiplies a batch in chunks of rows.
    private void Begin(int rows)
    {
        if (_scratch.PassCount != _pass) (_pass, _nextRow) = (_scratch.PassCount, 0);
        (_firstRow, _nextRow, _hasGradient) = (_nextRow, _nextRow + rows, false);
        if (rows <= _capacity) return;
        _products?.Dispose();
        _products = NativeBlock.Allocate(2L * sizeof(float) * rows * Update.Rank, "the products of an adapter");
        _capacity = rows;
    }

    private LowRank CreateUpdate()
    {
        int rank = (int)(_a[0].Length / _columns);
        var parts = _parts.Select((part, i) => new LowRankPart(
            part.FirstOutput, part.Outputs, i * rank, rank, _scale, (nint)(_parameters.Values + _b[i].Offset)));
        return new(new(_parameters.Values + _a[0].Offset, _a.Length * rank, _columns, _columns), [.. parts]);
    }
}

/// <summary>
/// A packed matrix of a model that is not trained, at any precision. The forward pass uses it as it is; the backward pass widens
/// it to single precision in shared memory.
/// </summary>
/// <param name="parameters">Has the biases, if any of them is trained.</param>
/// <param name="entry">What the matrix consists of.</param>
/// <param name="matrix">The weights, and the biases if none is trained.</param>
/// <param name="biases">The biases in training's memory; empty if none is trained.</param>
/// <param name="scratch">The shared memory.</param>
internal sealed unsafe class FrozenMatrix(
    Parameters parameters, MatrixEntry entry, PackedMatrix matrix, ParameterSlot[] biases, AdapterScratch scratch) : TrainedMatrix
{
    /// <inheritdoc/>
    public override int Rows => matrix.Outputs;

    /// <inheritdoc/>
    public override float* Bias => biases.Length == 0 ? matrix.Bias : parameters.Values + biases[0].Offset;

    /// <inheritdoc/>
    public override float* WeightGradient => null;

    /// <inheritdoc/>
    public override bool IsTrained => Array.Exists(biases, bias => !bias.IsFrozen);

    /// <inheritdoc/>
    public override void CopyRow(int row, float* destination) => matrix.CopyRow(row, destination);

    /// <inheritdoc/>
    public override void Multiply<TSink>(Compute compute, Matrix x, byte* quantized, TSink sink) =>
        matrix.Multiply(compute, x, matrix.TakesBytes ? scratch.Quantized(x.Rows, matrix.Depth) : null, sink);

    /// <inheritdoc/>
    public override void BackwardInput<TSink>(Compute compute, Matrix dy, int firstOutput, TSink sink) =>
        Linear.BackwardInput(compute, dy, scratch.Widen(compute, matrix, firstOutput, dy.Columns), sink);

    /// <inheritdoc/>
    public override void BackwardParameters(Compute compute, Matrix x, Matrix dy, float* panels)
    {
        for (int part = 0; part < biases.Length; part++)
        {
            float* gradient = parameters.GradientOf(biases[part]);
            if (gradient is null) continue;
            Linear.AddColumnSums(compute, dy.SliceColumns(entry.FirstRowOf(part), entry.PartRows[part]), gradient);
        }
    }
}

/// <summary>
/// Memory that all matrices of a network with frozen or adapted matrices share, because they are used one after the other, and
/// the dropout of the current batch. It grows as needed.
/// </summary>
internal sealed unsafe class AdapterScratch : IDisposable
{
    private NativeBlock? _quantized, _widened, _inputs;

    /// <summary>The source of dropout of adapters' inputs in the current pass; <see langword="null"/> if nothing is dropped.</summary>
    public DropoutStream? Dropout { get; private set; }

    /// <summary>Passes over a batch that have begun.</summary>
    public long PassCount { get; private set; }

    /// <summary>Begins a forward pass.</summary>
    /// <param name="dropout">As <see cref="Dropout"/>.</param>
    public void Begin(DropoutStream? dropout)
    {
        Dropout = dropout;
        PassCount++;
    }

    /// <summary>Returns room for the inputs of a product as bytes.</summary>
    public byte* Quantized(int rows, int depth) =>
        Grown(ref _quantized, (long)KernelSet.RoundUpToTiles(rows) * QuantizedRow.StrideOf(depth), "inputs as bytes").Pointer;

    /// <summary>Returns room for inputs after dropout, or their gradients, (N, in).</summary>
    public Matrix Inputs(int rows, int columns)
    {
        int stride = Matrix.StrideOf(columns), padded = KernelSet.RoundUpToTiles(rows);
        var block = Grown(ref _inputs, sizeof(float) * (long)padded * stride, "an adapter's inputs");
        return new((float*)block.Pointer, rows, columns, stride, padded - rows);
    }

    /// <summary>Widens some rows of a packed matrix, with its updates, to single precision.</summary>
    public Matrix Widen(Compute compute, PackedMatrix matrix, int firstRow, int rows)
    {
        int stride = Matrix.StrideOf(matrix.Depth);
        var block = Grown(ref _widened, sizeof(float) * (long)rows * stride, "a frozen matrix in single precision");
        var widened = new Matrix((float*)block.Pointer, rows, matrix.Depth, stride);

        // A thread takes rows of the same panel, which stays in its cache.
        int width = matrix.Parts.Count > 0 ? matrix.Parts[0].PanelWidth : matrix.PanelWidth;
        compute.ForEach((rows + width - 1) / width, chunk =>
        {
            int end = Math.Min(rows, (chunk + 1) * width);
            for (int row = chunk * width; row < end; row++) matrix.CopyUpdatedRow(firstRow + row, widened.Row(row));
        });
        return widened;
    }

    public void Dispose()
    {
        _quantized?.Dispose();
        _widened?.Dispose();
        _inputs?.Dispose();
    }

    private static NativeBlock Grown(ref NativeBlock? block, long length, string purpose)
    {
        if (block is not null && block.Length >= length) return block;
        block?.Dispose();
        return block = NativeBlock.Allocate(length, purpose);
    }
}
