using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Network;

/// <summary>A weight's place in training's memory.</summary>
/// <param name="Name">Its name, one of <see cref="WeightNames"/>.</param>
/// <param name="Offset">Numbers before it.</param>
/// <param name="Length">Numbers in it.</param>
/// <param name="IsMatrix">Whether it has two dimensions.</param>
/// <param name="IsFrozen">Whether it is not trained.</param>
internal sealed record ParameterSlot(string Name, long Offset, long Length, bool IsMatrix, bool IsFrozen);

/// <summary>
/// Weights, gradients and AdamW's two moments in flat native memory, with one layout for all four. Weights that are
/// used as one matrix, such as query, key and value, are adjacent.
/// </summary>
internal sealed unsafe class Parameters : IWeightSource, IDisposable
{
    private const int Alignment = 16; // numbers in a cache line

    private readonly Dictionary<string, WeightEntry> _entries;
    private readonly Dictionary<string, ParameterSlot> _slots = [];
    private readonly Func<string, bool> _isFrozen;
    private readonly NativeBlock _values, _gradients, _firstMoments, _secondMoments;
    private long _length;

    public Parameters(GptConfig config, Func<string, bool> isFrozen)
    {
        Config = config;
        _isFrozen = isFrozen;
        _entries = WeightNames.For(config).ToDictionary(entry => entry.Name);
        Network = new(
            config,
            entry => new(this, entry, AddSlots(entry.Names), AddSlots(entry.BiasNames)),
            entry => new(this, AddSlots([entry.Name])[0]));
        _values = Allocate("the trained weights");
        _gradients = Allocate("the gradients");
        _firstMoments = Allocate("the first moments of the optimizer");
        _secondMoments = Allocate("the second moments of the optimizer");
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

    private NativeBlock Allocate(string purpose) => NativeBlock.Allocate(sizeof(float) * _length, purpose, willBeFilled: true);

    private ParameterSlot[] AddSlots(string[] names)
    {
        _length = (_length + Alignment - 1) / Alignment * Alignment;
        return [.. names.Select(name =>
        {
            var entry = _entries[name];
            var slot = new ParameterSlot(name, _length, entry.ElementCount, entry.Shape.Count > 1, _isFrozen(name));
            _slots.Add(name, slot);
            _length += slot.Length;
            return slot;
        })];
    }
}

/// <summary>A trained matrix, (rows, columns), with its bias and the gradients of both.</summary>
internal sealed unsafe class TrainedMatrix(
    Parameters parameters, MatrixEntry entry, ParameterSlot[] weights, ParameterSlot[] biases) : IWeightMatrix
{
    /// <summary>The weights, (rows, columns).</summary>
    public Matrix Weight => new(parameters.Values + weights[0].Offset, entry.Rows, entry.Columns, entry.Columns);

    /// <summary>The gradient of the weights, dense; <see langword="null"/> if all of them are frozen.</summary>
    public float* WeightGradient => Gradient(weights);

    /// <inheritdoc/>
    public float* Bias => biases.Length == 0 ? null : parameters.Values + biases[0].Offset;

    /// <summary>The gradient of the bias; <see langword="null"/> if there is none or all of it is frozen.</summary>
    public float* BiasGradient => Gradient(biases);

    /// <inheritdoc/>
    public void CopyRow(int row, float* destination) => Row.Copy(Weight.Row(row), destination, entry.Columns);

    /// <inheritdoc/>
    public void Multiply<TSink>(Compute compute, Matrix x, byte* quantized, TSink sink)
        where TSink : struct, ISink => BlockedProduct.Run(compute, x, new TransposedPanels(Weight, compute.Kernels), sink);

    private float* Gradient(ParameterSlot[] slots) => slots.All(slot => slot.IsFrozen) ? null : parameters.Gradients + slots[0].Offset;
}

/// <summary>A trained vector, and its gradient.</summary>
internal sealed unsafe class TrainedVector(Parameters parameters, ParameterSlot slot) : IWeightVector
{
    /// <inheritdoc/>
    public float* Pointer => parameters.Values + slot.Offset;

    /// <summary>The gradient; <see langword="null"/> if the weight is frozen.</summary>
    public float* Gradient => slot.IsFrozen ? null : parameters.Gradients + slot.Offset;
}
