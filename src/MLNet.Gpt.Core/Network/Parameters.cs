using MLNet.Gpt.Numerics.Memory;

namespace MLNet.Gpt.Network;

/// <summary>Weights, gradients and AdamW's two moments in flat native memory, laid out alike.</summary>
internal sealed unsafe class Parameters : IDisposable
{
    private readonly NativeBlock _values, _gradients, _firstMoments, _secondMoments;

    public Parameters(ParameterLayout layout)
    {
        Layout = layout;
        long bytes = sizeof(float) * layout.Length;
        _values = NativeBlock.Allocate(bytes, "the trained weights", willBeFilled: true);
        _gradients = NativeBlock.Allocate(bytes, "the gradients", willBeFilled: true);
        _firstMoments = NativeBlock.Allocate(bytes, "the first moments of the optimizer", willBeFilled: true);
        _secondMoments = NativeBlock.Allocate(bytes, "the second moments of the optimizer", willBeFilled: true);
    }

    /// <summary>Where each weight lies.</summary>
    public ParameterLayout Layout { get; }

    /// <summary>The weights.</summary>
    public float* Values => (float*)_values.Pointer;

    /// <summary>Their gradients, as far as they are gathered.</summary>
    public float* Gradients => (float*)_gradients.Pointer;

    /// <summary>AdamW's running means of the gradients.</summary>
    public float* FirstMoments => (float*)_firstMoments.Pointer;

    /// <summary>AdamW's running means of their squares.</summary>
    public float* SecondMoments => (float*)_secondMoments.Pointer;

    /// <summary>A group of weights; <see langword="null"/> data where the model has none.</summary>
    public Matrix Value(ParameterGroup group) => Of(group, Values, group.Offset >= 0);

    /// <summary>A group's gradient; <see langword="null"/> data where it is not wanted.</summary>
    public Matrix Gradient(ParameterGroup group) => Of(group, Gradients, !group.IsFrozen);

    /// <summary>Memory that stays for as long as the lease lives.</summary>
    public NativeBlock.Lease Borrow() => _values.Borrow();

    /// <summary>Copies weights in.</summary>
    public void Load(IWeightSource source)
    {
        foreach (var slot in Layout.Slots) source.Read(slot.Name, 0, new Span<float>(Values + slot.Offset, checked((int)slot.Length)));
    }

    public void Dispose()
    {
        _values.Dispose();
        _gradients.Dispose();
        _firstMoments.Dispose();
        _secondMoments.Dispose();
    }

    private static Matrix Of(ParameterGroup group, float* memory, bool exists) =>
        new(exists ? memory + group.Offset : null, group.Rows, group.Columns, group.Columns);
}
