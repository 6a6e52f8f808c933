using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MLNet.Gpt.Inference.Kernels;

/// <summary>The greatest logits of a vocabulary. Of equal logits the lower id goes first; NaN is refused.</summary>
internal static unsafe class VocabularySearch
{
    /// <summary>The id of the greatest logit.</summary>
    /// <exception cref="ArgumentException">There are no logits, or one is NaN.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int ArgMax(ReadOnlySpan<float> logits)
    {
        if (logits.IsEmpty) throw new ArgumentException("There are no logits.", nameof(logits));
        fixed (float* start = logits)
        {
            int whole = logits.Length & ~(Lanes.Count - 1), rest = logits.Length - whole;
            var maxima = rest > 0 ? Lanes.LoadPartial(start + whole, rest, float.NegativeInfinity) : Vector512.Create(float.NegativeInfinity);
            for (int i = 0; i < whole; i += Lanes.Count) maxima = Vector512.Max(maxima, Vector512.Load(start + i));
            float maximum = Lanes.Max(maxima);
            if (float.IsNaN(maximum)) throw NotANumber(logits);
            return logits.IndexOf(maximum);
        }
    }

    /// <summary>The ids of the greatest logits, greatest first.</summary>
    /// <param name="logits">The logits.</param>
    /// <param name="ids">Receives as many ids as it is long, at most the vocabulary.</param>
    /// <exception cref="ArgumentException">There are fewer logits than asked for, or one is NaN.</exception>
    public static void TopK(ReadOnlySpan<float> logits, Span<int> ids)
    {
        if (ids.Length > logits.Length) throw new ArgumentException($"The {ids.Length} greatest of {logits.Length} logits were asked for.", nameof(ids));
        if (ids.IsEmpty) return;

        // A heap of the best so far, the worst on top: most logits are turned away by one comparison with it.
        int count = 0;
        for (int id = 0; id < logits.Length; id++)
        {
            float logit = logits[id];
            if (float.IsNaN(logit)) throw NotANumber(logits);
            if (count < ids.Length)
            {
                ids[count] = id;
                SiftUp(logits, ids, count++);
            }
            else if (logit > logits[ids[0]])
            {
                ids[0] = id;
                SiftDown(logits, ids, count);
            }
        }

        while (count > 1)
        {
            (ids[0], ids[count - 1]) = (ids[count - 1], ids[0]);
            SiftDown(logits, ids, --count);
        }
    }

    private static void SiftUp(ReadOnlySpan<float> logits, Span<int> heap, int child)
    {
        while (child > 0)
        {
            int parent = (child - 1) / 2;
            if (!IsWorse(logits, heap[child], heap[parent])) return;
            (heap[child], heap[parent]) = (heap[parent], heap[child]);
            child = parent;
        }
    }

    private static void SiftDown(ReadOnlySpan<float> logits, Span<int> heap, int count)
    {
        for (int parent = 0; ;)
        {
            int worst = (2 * parent) + 1;
            if (worst >= count) return;
            if (worst + 1 < count && IsWorse(logits, heap[worst + 1], heap[worst])) worst++;
            if (!IsWorse(logits, heap[worst], heap[parent])) return;
            (heap[worst], heap[parent]) = (heap[parent], heap[worst]);
            parent = worst;
        }
    }

    private static bool IsWorse(ReadOnlySpan<float> logits, int id, int other) =>
        logits[id] < logits[other] || (logits[id] == logits[other] && id > other);

    private static ArgumentException NotANumber(ReadOnlySpan<float> logits)
    {
        int id = 0;
        while (!float.IsNaN(logits[id])) id++;
        return new ArgumentException($"The logit of token id {id} is NaN; the model's weights hold NaN or overflow.", nameof(logits));
    }
}
