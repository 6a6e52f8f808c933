using MLNet.Gpt.Formats.Safetensors;

namespace MLNet.Gpt.Formats;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="Name">Its key.</param>
/// <param name="DataType">How its elements are stored.</param>
/// <param name="Shape">Sizes of its dimensions, outermost first; empty for a single number.</param>
public sealed record SafetensorsTensor(string Name, SafetensorsDataType DataType, IReadOnlyList<long> Shape)
{
    /// <summary>Number of elements; checked against the file when it is opened.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>Where its bytes begin in the file.</summary>
    internal long FileOffset { get; init; }

    /// <summary>Names the tensor for a message.</summary>
    public override string ToString() => $"'{Name}' {DataType.Code()} ({string.Join(", ", Shape)})";
}
