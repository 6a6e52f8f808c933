using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Exporting;

/// <summary>A tensor on its way into a file.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Shape">Sizes of its dimensions, outermost first.</param>
/// <param name="Read">Where its elements come from.</param>
internal sealed record ExportTensor(string Name, IReadOnlyList<int> Shape, ElementReader Read)
{
    public long ElementCount => Shape.Aggregate(1L, (product, size) => checked(product * size));

    /// <summary>A weight under its own name.</summary>
    public static ExportTensor Of(IWeightSource weights, WeightEntry entry) => new(entry.Name, entry.Shape, (start, destination) => weights.Read(entry.Name, start, destination));

    /// <summary>A tensor of zeros.</summary>
    public static ExportTensor Zeros(string name, params int[] shape) => new(name, shape, (_, destination) => destination.Clear());

    /// <summary>The rows of matrices of one width, or the elements of vectors, one after the other.</summary>
    public static ExportTensor Stacked(string name, params ExportTensor[] parts)
    {
        int[] shape = [parts.Sum(part => part.Shape[0]), .. parts[0].Shape.Skip(1)];
        return new(name, shape, (start, destination) =>
        {
            foreach (var part in parts)
            {
                if (destination.IsEmpty) return;
                int count = (int)Math.Clamp(part.ElementCount - start, 0, destination.Length);
                if (count > 0) part.Read(start, destination[..count]);
                destination = destination[count..];
                start = Math.Max(0, start + count - part.ElementCount);
            }
        });
    }

    /// <summary>The matrix with rows and columns exchanged. One matrix is held in memory while it is read.</summary>
    public ExportTensor Transposed() => new(Name, [Shape[1], Shape[0]], new TransposedElements(this).Read);
}
