using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>A tensor as a view of a storage. Its numbers come from the file and are checked by <see cref="Validate"/>.</summary>
/// <param name="Storage">The storage.</param>
/// <param name="Offset">Index of the first element.</param>
/// <param name="Shape">Sizes of the dimensions.</param>
/// <param name="Strides">For each dimension, the number of elements from one index to the next.</param>
internal sealed record TensorReference(StorageReference Storage, long Offset, long[] Shape, long[] Strides)
{
    private const int MostDimensions = 8;

    /// <summary>Number of elements.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);

    /// <summary>A key that is equal for two references to the same elements in the same order.</summary>
    public object Identity => (Storage.Key, Offset, string.Join(',', Shape), string.Join(',', Strides));

    /// <summary>Index of the last element in the storage; −1 before the first if there are none.</summary>
    public long Last => Count == 0 ? Offset - 1 : Offset + Shape.Zip(Strides, (size, stride) => (size - 1) * stride).Sum();

    /// <summary>Whether the elements are contiguous, row-major.</summary>
    public bool IsContiguous => AreContiguous(Shape, Strides);

    /// <summary>
    /// Whether it is a matrix whose elements are contiguous column by column, like a transposed view.
    /// </summary>
    public bool IsColumnMajor => Shape.Length == 2 && !IsContiguous && AreContiguous([Shape[1], Shape[0]], [Strides[1], Strides[0]]);

    /// <summary>
    /// Returns what is wrong with the view, or <see langword="null"/>: it must be within the storage, and no two
    /// indices may refer to the same element.
    /// </summary>
    public string? Validate()
    {
        if (Shape.Length != Strides.Length || Shape.Length > MostDimensions)
        {
            return $"has {Shape.Length} sizes and {Strides.Length} strides";
        }

        if (Offset < 0 || Shape.Any(size => size < 0) || Strides.Any(stride => stride < 0)) return "has a negative offset, size or stride";
        Int128 count = 1, last = Offset;
        for (int i = 0; i < Shape.Length; i++)
        {
            count *= Shape[i];
            last += (Int128)Math.Max(Shape[i] - 1, 0) * Strides[i];
            if (count > long.MaxValue || last > long.MaxValue) return "has too many elements";
            if (Shape[i] > 1 && Strides[i] == 0) return "repeats elements (a stride of 0)";
        }

        if (count > 0 && last >= Storage.Count) return $"extends to element {last} of a storage of {Storage.Count}";
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

    // In ascending order, each stride must skip everything that the previous ones reach.
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

/// <summary>Elements that tensors view, in a separate record.</summary>
/// <param name="Key">The name of the record.</param>
/// <param name="DataType">The elements.</param>
/// <param name="Count">Their number.</param>
internal sealed record StorageReference(string Key, TensorDataType DataType, long Count);

/// <summary>Reads the elements of a non-contiguous view.</summary>
/// <param name="storage">The elements of the storage.</param>
/// <param name="view">A validated view of it.</param>
internal sealed class StridedElements(PlainElements storage, TensorReference view) : ITensorElements
{
    // Number of storage elements read at a time, of which only some are used.
    private const int WindowLength = 1 << 14;

    public void Read(long start, Span<float> destination)
    {
        long[] index = IndexOf(start);
        float[] window = [];
        int inner = view.Shape.Length - 1;
        long step = view.Strides[inner];
        while (!destination.IsEmpty)
        {
            long place = view.Offset;
            for (int i = 0; i < index.Length; i++) place += index[i] * view.Strides[i];
            int run = (int)Math.Min(destination.Length, view.Shape[inner] - index[inner]);
            if (step == 1)
            {
                storage.Read(place, destination[..run]);
            }
            else
            {
                run = (int)Math.Min(run, Math.Max(1, WindowLength / step));
                int span = (int)(((run - 1) * step) + 1);
                if (window.Length < span) window = new float[span];
                storage.Read(place, window.AsSpan(0, span));
                for (int i = 0; i < run; i++) destination[i] = window[(int)(i * step)];
            }

            destination = destination[run..];
            index[inner] += run;
            for (int i = inner; i > 0 && index[i] == view.Shape[i]; i--)
            {
                index[i] = 0;
                index[i - 1]++;
            }
        }
    }

    private long[] IndexOf(long start)
    {
        long[] index = new long[view.Shape.Length];
        for (int i = index.Length - 1; i >= 0; i--) (start, index[i]) = Math.DivRem(start, view.Shape[i]);
        return index;
    }
}

/// <summary>
/// Checks that a state dict's tensors do not overlap in their storages. Any number of names may refer to the same view,
/// as for masks and tied weights; columns of one matrix may be separate views; elements may be in no view, as when part
/// of a larger tensor was saved. A view that shares only some of another's elements is a sign of damage, because no
/// model's weights do that.
/// </summary>
/// <param name="file">For messages.</param>
internal sealed class ViewCheck(string file)
{
    private const int MostSharing = 8;

    private readonly Dictionary<object, (string Name, TensorReference View)> _views = [];

    /// <summary>Adds a validated view.</summary>
    public void Add(string name, TensorReference view)
    {
        if (view.Count > 0) _views.TryAdd(view.Identity, (name, view));
    }

    /// <exception cref="InvalidDataException">Two different views overlap.</exception>
    public void Check()
    {
        foreach (var storage in _views.Values.GroupBy(each => each.View.Storage.Key, StringComparer.Ordinal))
        {
            // The views so far that extend beyond the beginning of the next one.
            var open = new List<(string Name, TensorReference View)>();
            foreach (var next in storage.OrderBy(each => each.View.Offset))
            {
                open.RemoveAll(earlier => earlier.View.Last < next.View.Offset);
                foreach (var earlier in open)
                {
                    if (!AreColumns(earlier.View, next.View)) throw Overlap(earlier.Name, next.Name);
                }

                if (open.Count == MostSharing) throw Overlap(open[0].Name, next.Name);
                open.Add(next);
            }
        }
    }

    // Two ranges of columns of a matrix with rows of a given length, or of its transpose.
    private static bool AreColumns(TensorReference a, TensorReference b)
    {
        if (Columns(a) is not var (pitch, firstOfA, widthOfA) || Columns(b) is not var (pitchOfB, firstOfB, widthOfB) || pitchOfB != pitch)
        {
            return false;
        }

        return firstOfA + widthOfA <= firstOfB || firstOfB + widthOfB <= firstOfA;
    }

    private static (long Pitch, long First, long Width)? Columns(TensorReference view)
    {
        var (pitch, width) = view switch
        {
            { Shape: [_, var columns], Strides: [var stride, 1] } => (stride, columns),
            { Shape: [var columns, _], Strides: [1, var stride] } => (stride, columns),
            _ => (0, 0),
        };
        return pitch > 0 && (view.Offset % pitch) + width <= pitch ? (pitch, view.Offset % pitch, width) : null;
    }

    private InvalidDataException Overlap(string first, string second) =>
        new($"'{file}' is damaged: the tensors '{first}' and '{second}' overlap.");
}
