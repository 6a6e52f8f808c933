namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// Makes sure that a state dict's tensors do not overlap in their storages. Any number of names may be the same view,
/// as masks and tied weights are; columns of one matrix may be views of their own; elements may be in no view, as where
/// a part of a larger tensor was saved. A view that shares some of another's elements and is not the same is a sign of
/// damage: no model's weights do.
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
            // Of the views so far, those that reach beyond the next one's beginning.
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
