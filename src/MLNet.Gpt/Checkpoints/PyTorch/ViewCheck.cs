namespace MLNet.Gpt.Checkpoints.PyTorch;

/// <summary>
/// Makes sure that a state dict's tensors lie apart in their storages and fill them. Two may be the same view, as tied weights are, and columns of one
/// matrix may be views of their own; anything else could make a small file a huge model, or a damaged one a smaller model.
/// </summary>
/// <param name="file">For messages.</param>
internal sealed class ViewCheck(string file)
{
    private const int MostSharing = 8;

    private readonly List<(string Name, TensorReference View)> _views = [];

    /// <summary>Adds a validated view.</summary>
    public void Add(string name, TensorReference view)
    {
        if (view.Count > 0) _views.Add((name, view));
    }

    /// <exception cref="InvalidDataException">Two views overlap, or elements are in none.</exception>
    public void Check()
    {
        foreach (var storage in _views.GroupBy(each => each.View.Storage.Key, StringComparer.Ordinal))
        {
            // Of the views so far, those that reach beyond the next one's beginning.
            var open = new List<(string Name, TensorReference View)>();
            long used = 0;
            foreach (var next in storage.OrderBy(each => each.View.Offset))
            {
                open.RemoveAll(earlier => earlier.View.Last < next.View.Offset);
                foreach (var earlier in open)
                {
                    if (!AreSame(earlier.View, next.View) && !AreColumns(earlier.View, next.View)) throw Overlap(earlier.Name, next.Name);
                }

                int same = open.Count(earlier => AreSame(earlier.View, next.View));
                if (same > 1 || open.Count == MostSharing) throw Overlap(open[0].Name, next.Name);
                if (same == 0) used += next.View.Count;
                open.Add(next);
            }

            var (name, view) = storage.First();
            if (used != view.Storage.Count) throw new InvalidDataException($"'{file}' uses {used} of the {view.Storage.Count} elements of the storage that the tensor '{name}' lies in; all belong to a tensor.");
        }
    }

    private static bool AreSame(TensorReference a, TensorReference b) =>
        a.Offset == b.Offset && a.Shape.AsSpan().SequenceEqual(b.Shape) && a.Strides.AsSpan().SequenceEqual(b.Strides);

    // Two ranges of columns of a matrix whose rows are a pitch long, or of such a matrix transposed.
    private static bool AreColumns(TensorReference a, TensorReference b)
    {
        if (Columns(a) is not var (pitch, firstOfA, widthOfA) || Columns(b) is not var (pitchOfB, firstOfB, widthOfB) || pitchOfB != pitch) return false;
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

    private InvalidDataException Overlap(string first, string second) => new($"'{file}' is damaged: the tensors '{first}' and '{second}' overlap.");
}
