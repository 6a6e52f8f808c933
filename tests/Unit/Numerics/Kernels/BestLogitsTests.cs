using CsCheck;
using MLNet.Gpt.Numerics.Kernels;

namespace MLNet.Gpt.Tests.Numerics.Kernels;

public unsafe class BestLogitsTests
{
    // Few distinct values, so that many are equal.
    private static readonly Gen<float[]> Logits = Gen.Int[-20, 20].Select(
        value => value == 20 ? float.NegativeInfinity : value / 4f).Array[1, 300];

    [Fact]
    public void The_best_are_those_of_a_stable_sort_in_any_order_of_chunks() =>
        Gen.Select(Logits, Gen.Double.Unit, Gen.Int[1, 100], Gen.Bool).Sample((logits, share, width, isReversed) =>
        {
            int count = 1 + (int)(share * (logits.Length - 1));
            var best = new BestLogits(count);
            int[] starts = [.. Enumerable.Range(0, ((logits.Length - 1) / width) + 1).Select(stretch => stretch * width)];
            if (isReversed) Array.Reverse(starts);
            fixed (float* first = logits)
            {
                foreach (int start in starts) best.Add(first + start, Math.Min(width, logits.Length - start), start);
            }

            int[] ids = new int[count];
            float[] logProbabilities = new float[count];
            best.MoveTo(100, ids, logProbabilities);
            return ids.SequenceEqual(Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).Take(count))
                && logProbabilities.SequenceEqual(ids.Select(id => logits[id] - 100));
        });
}
