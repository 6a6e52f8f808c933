using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Network;

/// <summary>A weight's place in training's memory.</summary>
/// <param name="Name">Its name, one of <see cref="WeightNames"/>.</param>
/// <param name="Offset">Weights before it.</param>
/// <param name="StateOffset">Gradients before its own; -1 if it is frozen.</param>
/// <param name="Length">Numbers in it.</param>
/// <param name="IsMatrix">Whether it has two dimensions.</param>
internal sealed record ParameterSlot(string Name, long Offset, long StateOffset, long Length, bool IsMatrix)
{
    /// <summary>Whether it is not trained, and has neither gradient nor moments.</summary>
    public bool IsFrozen => StateOffset < 0;
}

/// <summary>
/// Weights in flat native memory and, with a layout of their own for all three, gradients and AdamW's two moments of those that
/// are trained. Weights that are used as one matrix, such as query, key and value, are adjacent.
/// </summary>
internal sealed unsafe class Parameters : IWeightSource, IDisposable
{
    private const int Alignment = 16; // numbers in a cache line

    private readonly Dictionary<string, WeightEntry> _entries;
    private readonly Dictionary<string, ParameterSlot> _slots = [];
    private readonly Func<string, bool> _isFrozen;
    private readonly NativeBlock _values, _gradients, _firstMoments, _secondMoments;
    private long _length, _stateLength;

    public Parameters(GptConfig config, Func<string, bool> isFrozen)
    {
        Config = config;
        _isFrozen = isFrozen;
        _entries = WeightNames.For(config).ToDictionary(entry => entry.Name);
        Network = new(
            config,
            entry => new DenseMatrix(this, entry, AddSlots(entry.Names), AddSlots(entry.BiasNames)),
            entry => new(this, AddSlots([entry.Name])[0]));
        _values = Allocate(_length, "the trained weights");
        _gradients = Allocate(_stateLength, "the gradients");
        _firstMoments = Allocate(_stateLength, "the first moments of the optimizer");
        _secondMoments = Allocate(_stateLength, "the second moments of the optimizer");
    }

    /// <inheritdoc/>
    public GptConfig Config { get; }

    /// <summary>The weights and gradients in the form used for computing.</summary>
    public NetworkWeights<TrainedMatrix, TrainedVector> Network { get; }

    /// <summary>Every weight, in the order in memory.</summary>
    public IReadOnlyCollection<ParameterSlot> Slots => _slots.Values;

    /// <summary>The weights.</summary>
    public float* Values => (float*)_values.Pointer;

    /// <summary>Their gradients, as accumulated so far.</summary>
    public float* Gradients => (float*)_gradients.Pointer;

    /// <summary>AdamW's running means of the gradients.</summary>
    public float* FirstMoments => (float*)_firstMoments.Pointer;

    /// <summary>AdamW's running means of their squares.</summary>
    public float* SecondMoments => (float*)_secondMoments.Pointer;

    /// <summary>Returns the gradient of a weight; <see langword="null"/> if it is frozen.</summary>
    public float* GradientOf(ParameterSlot slot) => slot.IsFrozen ? null : Gradients + slot.StateOffset;

    /// <summary>Returns the place of a weight.</summary>
    /// <exception cref="KeyNotFoundException">There is no weight with that name.</exception>
    public ParameterSlot this[string name] => _slots.TryGetValue(name, out var slot)
        ? slot
        : throw new KeyNotFoundException($"There is no weight '{name}' in this model.");

    /// <summary>Copies weights in.</summary>
    public void Load(IWeightSource source)
    {
        foreach (var slot in Slots) source.Read(slot.Name, 0, new Span<float>(Values + slot.Offset, checked((int)slot.Length)));
    }

    /// <inheritdoc/>
    public void Read(string name, long start, Span<float> destination)
    {
        using var lease = _values.Borrow();
        var slot = this[name];
        Check.ElementRange(start, destination.Length, slot.Length, name);
        new ReadOnlySpan<float>(Values + slot.Offset + start, destination.Length).CopyTo(destination);
    }

    public void Dispose()
    {
        _values.Dispose();
        _gradients.Dispose();
        _firstMoments.Dispose();
        _secondMoments.Dispose();
    }

    private static NativeBlock Allocate(long length, string purpose) =>
        NativeBlock.Allocate(sizeof(float) * length, purpose, willBeFilled: true);

    private static long Aligned(long length) => (length + Alignment - 1) / Alignment * Alignment;

    private ParameterSlot[] AddSlots(string[] names)
    {
        (_length, _stateLength) = (Aligned(_length), Aligned(_stateLength));
        return [.. names.Select(name =>
        {
            var entry = _entries[name];
            var slot = new ParameterSlot(name, _length, _isFrozen(name) ? -1 : _stateLength, entry.ElementCount, entry.Shape.Count > 1);
            _slots.Add(name, slot);
            _length += slot.Length;
            if (!slot.IsFrozen) _stateLength += slot.Length;
            return slot;
        })];
    }
}

/// <summary>A matrix in training's memory, (rows, columns), with its bias and the gradients of what is trained of both.</summary>
internal sealed unsafe class DenseMatrix : TrainedMatrix
{
    private readonly Parameters _parameters;
    private readonly MatrixEntry _entry;
    private readonly ParameterSlot[] _weights, _biases;
    private readonly (int FirstRow, int Rows, ParameterSlot Weight, ParameterSlot? Bias)[] _trained;

    public DenseMatrix(Parameters parameters, MatrixEntry entry, ParameterSlot[] weights, ParameterSlot[] biases)
    {
        (_parameters, _entry, _weights, _biases) = (parameters, entry, weights, biases);
        _trained = [.. TrainedRows()];
    }

    /// <inheritdoc/>
    public override int Rows => _entry.Rows;

    /// <inheritdoc/>
    public override bool IsTrained => _trained.Length > 0;

    /// <inheritdoc/>
    public override float* Bias => _biases.Length == 0 ? null : _parameters.Values + _biases[0].Offset;

    /// <inheritdoc/>
    public override float* WeightGradient => _parameters.GradientOf(_weights[0]);

    private Matrix Weight => new(_parameters.Values + _weights[0].Offset, _entry.Rows, _entry.Columns, _entry.Columns);

    /// <inheritdoc/>
    public override void CopyRow(int row, float* destination) => Row.Copy(Weight.Row(row), destination, _entry.Columns);

    /// <inheritdoc/>
    public override void Multiply<TSink>(Compute compute, Matrix x, byte* quantized, TSink sink) =>
        BlockedProduct.Run(compute, x, new TransposedPanels(Weight, compute.Kernels), sink);

    /// <inheritdoc/>
    public override void BackwardInput<TSink>(Compute compute, Matrix dy, int firstOutput, TSink sink) =>
        Linear.BackwardInput(compute, dy, Weight.Slice(firstOutput, dy.Columns), sink);

    /// <inheritdoc/>
    public override void BackwardParameters(Compute compute, Matrix x, Matrix dy, float* panels)
    {
        foreach (var (firstRow, rows, weight, bias) in _trained)
        {
            Linear.BackwardParameters(
                compute, x, dy.SliceColumns(firstRow, rows), _parameters.GradientOf(weight),
                bias is null ? null : _parameters.GradientOf(bias), panels);
        }
    }

    // Adjacent parts of which the same is trained are one range of rows.
    private IEnumerable<(int FirstRow, int Rows, ParameterSlot Weight, ParameterSlot? Bias)> TrainedRows()
    {
        for (int part = 0, end; part < _weights.Length; part = end)
        {
            var form = FormOf(part);
            for (end = part + 1; end < _weights.Length && FormOf(end) == form;) end++;
            if (form == (true, true)) continue;
            yield return (
                _entry.FirstRowOf(part), _entry.PartRows[part..end].Sum(), _weights[part], _biases.Length == 0 ? null : _biases[part]);
        }

        (bool HasFrozenWeight, bool HasFrozenBias) FormOf(int part) =>
            (_weights[part].IsFrozen, _biases.Length == 0 || _biases[part].IsFrozen);
    }
}

/// <summary>A vector in training's memory, and its gradient.</summary>
internal sealed unsafe class TrainedVector(Parameters parameters, ParameterSlot slot) : IWeightVector
{
    /// <inheritdoc/>
    public float* Pointer => parameters.Values + slot.Offset;

    /// <summary>Whether it is trained.</summary>
    public bool IsTrained => !slot.IsFrozen;

    /// <summary>The gradient; <see langword="null"/> if the weight is frozen.</summary>
    public float* Gradient => parameters.GradientOf(slot);
}
