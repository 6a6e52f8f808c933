namespace MLNet.Gpt;

/// <summary>The name and shape of one weight.</summary>
/// <param name="Name">The key, one of <see cref="WeightNames"/>.</param>
/// <param name="Shape">Sizes of the dimensions, outermost first; matrices of linear layers are (out, in).</param>
public sealed record WeightEntry(string Name, IReadOnlyList<int> Shape)
{
    /// <summary>Number of elements.</summary>
    public long ElementCount => Shape.Aggregate(1L, (product, size) => checked(product * size));
}
