using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Kernels;

/// <summary>
/// The greatest logits of one position so far, and their ids. Of equal logits, the one with the lower id counts as
/// greater, so that the order of the chunks of the vocabulary does not matter.
/// </summary>
/// <param name="capacity">The number of logits to keep; at least 1.</param>
internal sealed unsafe class BestLogits(int capacity)
{
    // A heap with the smallest of the kept logits on top: a single comparison with it rejects most logits.
    private readonly float[] _logits = new float[capacity];
    private readonly int[] _ids = new int[capacity];
    private int _count;

    /// <summary>Adds a chunk of logits, none of them NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Add(float* logits, int count, int firstId)
    {
        for (int i = 0; i < count; i += Lanes.Count)
        {
            int end = Math.Min(i + Lanes.Count, count);
            bool isWhole = end - i == Lanes.Count;
            if (isWhole && _count == capacity && Vector512.LessThanAll(Vector512.Load(logits + i), Vector512.Create(_logits[0]))) continue;
            for (int id = i; id < end; id++) Add(logits[id], firstId + id);
        }
    }

    /// <summary>Returns the ids, those of the greatest logits first, and their ln p, and removes them.</summary>
    /// <param name="logSumExp">ln Σ e^logit of the whole vocabulary.</param>
    /// <param name="ids">Receives the ids.</param>
    /// <param name="logProbabilities">Receives the ln p.</param>
    public void MoveTo(double logSumExp, Span<int> ids, Span<float> logProbabilities)
    {
        while (_count > 0)
        {
            _count--;
            ids[_count] = _ids[0];
            logProbabilities[_count] = (float)Math.Min(0, _logits[0] - logSumExp);
            SiftDown(_logits[_count], _ids[_count]);
        }
    }

    private void Add(float logit, int id)
    {
        if (_count < capacity) SiftUp(logit, id);
        else if (IsWorse(_logits[0], _ids[0], logit, id)) SiftDown(logit, id);
    }

    private void SiftUp(float logit, int id)
    {
        int child = _count++;
        for (int parent; child > 0; child = parent)
        {
            parent = (child - 1) / 2;
            if (!IsWorse(logit, id, _logits[parent], _ids[parent])) break;
            Move(parent, child);
        }

        (_logits[child], _ids[child]) = (logit, id);
    }

    // Replaces the top of the heap.
    private void SiftDown(float logit, int id)
    {
        int parent = 0;
        for (int worst = 1; worst < _count; worst = (2 * parent) + 1)
        {
            if (worst + 1 < _count && IsWorse(_logits[worst + 1], _ids[worst + 1], _logits[worst], _ids[worst])) worst++;
            if (!IsWorse(_logits[worst], _ids[worst], logit, id)) break;
            Move(worst, parent);
            parent = worst;
        }

        if (_count > 0) (_logits[parent], _ids[parent]) = (logit, id);
    }

    private void Move(int from, int to) => (_logits[to], _ids[to]) = (_logits[from], _ids[from]);

    private static bool IsWorse(float logit, int id, float otherLogit, int otherId) =>
        logit < otherLogit || (logit == otherLogit && id > otherId);
}
