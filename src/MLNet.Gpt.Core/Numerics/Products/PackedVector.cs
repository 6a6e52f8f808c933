using MLNet.Gpt.Numerics.Memory;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>
/// A weight that is not a matrix of a product, stored in single precision whatever the model's precision.
/// </summary>
internal sealed unsafe class PackedVector(NativeArena arena, int length) : IWeightVector
{
    private readonly long _offset = arena.Reserve(4L * length);

    /// <summary>Its numbers.</summary>
    public int Length => length;

    /// <inheritdoc/>
    public float* Pointer => (float*)arena.At(_offset);
}
