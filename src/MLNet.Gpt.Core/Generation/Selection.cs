using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Generation;

/// <summary>A token with its unnormalized probability, in a total order: the greater weight first, the lower id among equal ones.</summary>
internal readonly record struct WeightedToken(int Id, double Weight) : IComparable<WeightedToken>
{
    public int CompareTo(WeightedToken other) =>
        Weight > other.Weight ? -1 : Weight < other.Weight ? 1 : Id.CompareTo(other.Id);
}

/// <summary>Finds the threshold of the most probable tokens without sorting the vocabulary.</summary>
internal static class Selection
{
    /// <summary>Returns the k-th largest of the values, none of which is NaN; −∞ if there are no more than k.</summary>
    /// <param name="values">Read once.</param>
    /// <param name="k">At least 1.</param>
    /// <param name="scratch">As long as the smaller of 2 k and the number of values.</param>
    public static float KthLargest(ReadOnlySpan<float> values, int k, Span<float> scratch)
    {
        if (k >= values.Length) return float.NegativeInfinity;

        // Collects values that exceed the k-th largest so far; whenever the buffer is full, only its k largest stay.
        // With logits in random order, the buffer fills about ln(V / k) times after the first.
        float floor = float.NegativeInfinity;
        int count = 0, i = 0;
        while (i < values.Length)
        {
            if (i <= values.Length - Vector512<float>.Count
                && Vector512.LessThanOrEqualAll(Vector512.Create(values[i..]), Vector512.Create(floor)))
            {
                i += Vector512<float>.Count;
                continue;
            }

            for (int end = Math.Min(i + Vector512<float>.Count, values.Length); i < end; i++)
            {
                if (!(values[i] > floor)) continue;
                scratch[count++] = values[i];
                if (count < scratch.Length) continue;
                MoveLargestFirst(scratch, k);
                count = k;
                floor = Min(scratch[..k]);
            }
        }

        if (count < k) return float.NegativeInfinity;
        MoveLargestFirst(scratch[..count], k);
        return Min(scratch[..k]);
    }

    /// <summary>
    /// Returns the last of the fewest entries whose weights, from the greatest down (the lowest id first among equal
    /// ones), add up to at least a target.
    /// </summary>
    /// <param name="entries">Reordered. At least one.</param>
    /// <param name="target">If it cannot be reached, the last entry is returned.</param>
    public static WeightedToken LastOfHeaviest(Span<WeightedToken> entries, double target)
    {
        double reached = 0;
        while (entries.Length > 1)
        {
            int split = Partition(entries);
            double sum = 0;
            foreach (var entry in entries[..split]) sum += entry.Weight;
            if (reached + sum >= target)
            {
                entries = entries[..split];
            }
            else
            {
                reached += sum;
                entries = entries[split..];
            }
        }

        return entries[0];
    }

    // Quickselect: afterwards, the first k values are the k largest, in any order.
    private static void MoveLargestFirst(Span<float> values, int k)
    {
        while (values.Length > 1 && k > 0 && k < values.Length)
        {
            float pivot = Median(values[0], values[values.Length / 2], values[^1]);
            int i = -1, j = values.Length;
            while (true)
            {
                do i++; while (values[i] > pivot);
                do j--; while (values[j] < pivot);
                if (i >= j) break;
                (values[i], values[j]) = (values[j], values[i]);
            }

            int split = Math.Min(j + 1, values.Length - 1);
            if (k <= split)
            {
                values = values[..split];
            }
            else
            {
                values = values[split..];
                k -= split;
            }
        }
    }

    // Hoare's partition: neither part is empty, and no entry of the second comes before one of the first.
    private static int Partition(Span<WeightedToken> entries)
    {
        var pivot = Median(entries[0], entries[entries.Length / 2], entries[^1]);
        int i = -1, j = entries.Length;
        while (true)
        {
            do i++; while (entries[i].CompareTo(pivot) < 0);
            do j--; while (entries[j].CompareTo(pivot) > 0);
            if (i >= j) return Math.Min(j + 1, entries.Length - 1);
            (entries[i], entries[j]) = (entries[j], entries[i]);
        }
    }

    private static T Median<T>(T a, T b, T c)
        where T : IComparable<T>
    {
        if (a.CompareTo(b) > 0) (a, b) = (b, a);
        if (b.CompareTo(c) <= 0) return b;
        return a.CompareTo(c) > 0 ? a : c;
    }

    private static float Min(ReadOnlySpan<float> values)
    {
        float min = values[0];
        foreach (float value in values) min = MathF.Min(min, value);
        return min;
    }
}
