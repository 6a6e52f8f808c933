namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>A tensor as a view of a storage. Its numbers come from the file and are checked by <see cref="Validate"/>.</summary>
/// <param name="Storage">The storage.</param>
/// <param name="Offset">Index of the first element.</param>
/// <param name="Shape">Sizes of the dimensions.</param>
/// <param name="Strides">For each dimension, elements from one index to the next.</param>
internal sealed record TensorReference(StorageReference Storage, long Offset, long[] Shape, long[] Strides)
{
    private const int MostDimensions = 8;

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>The same for two references to the same elements in the same order.</summary>
    public object Identity => (Storage.Key, Offset, string.Join(',', Shape), string.Join(',', Strides));

    /// <summary>Index of the last element in the storage; −1 before the first where there are none.</summary>
    public long Last => Count == 0 ? Offset - 1 : Offset + Shape.Zip(Strides, (size, stride) => (size - 1) * stride).Sum();

    /// <summary>Whether the elements lie one after the other, row-major.</summary>
    public bool IsContiguous => AreContiguous(Shape, Strides);

    /// <summary>Whether it is a matrix whose elements lie one after the other column by column, as a transposed view has them.</summary>
    public bool IsColumnMajor => Shape.Length == 2 && !IsContiguous && AreContiguous([Shape[1], Shape[0]], [Strides[1], Strides[0]]);

    /// <summary>
    /// What is wrong with the view, or <see langword="null"/>: it must lie in the storage, and no two indices may lead
    /// to one element.
    /// </summary>
    public string? Validate()
    {
        if (Shape.Length != Strides.Length || Shape.Length > MostDimensions) return $"has {Shape.Length} sizes and {Strides.Length} strides";
        if (Offset < 0 || Shape.Any(size => size < 0) || Strides.Any(stride => stride < 0)) return "has a negative offset, size or stride";
        Int128 count = 1, last = Offset;
        for (int i = 0; i < Shape.Length; i++)
        {
            count *= Shape[i];
            last += (Int128)Math.Max(Shape[i] - 1, 0) * Strides[i];
            if (count > long.MaxValue || last > long.MaxValue) return "has more elements than can be counted";
            if (Shape[i] > 1 && Strides[i] == 0) return "repeats elements (a stride of 0)";
        }

        if (count > 0 && last >= Storage.Count) return $"reaches to element {last} of a storage of {Storage.Count}";
        return count > Storage.Count || !AreApart() ? "uses elements more than once" : null;
    }

    private static bool AreContiguous(long[] shape, long[] strides)
    {
        long expected = 1;
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            if (shape[i] == 1) continue;
            if (strides[i] != expected) return false;
            expected *= shape[i];
        }

        return true;
    }

    // From the smallest stride on, each must step over all that the ones before reach.
    private bool AreApart()
    {
        Int128 reach = 0;
        foreach (var (stride, size) in Strides.Zip(Shape).Where(pair => pair.Second > 1).OrderBy(pair => pair.First))
        {
            if (stride <= reach) return false;
            reach += (Int128)stride * (size - 1);
        }

        return true;
    }
}
