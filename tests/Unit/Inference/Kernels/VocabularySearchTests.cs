using CsCheck;
using MLNet.Gpt.Inference.Kernels;

namespace MLNet.Gpt.Tests.Inference.Kernels;

public class VocabularySearchTests
{
    // Few distinct values, so that many are equal.
    private static readonly Gen<float[]> Logits = Gen.Int[-20, 20].Select(value => value / 4f).Array[1, 300];

    [Fact]
    public void The_arg_max_is_the_first_of_the_greatest() =>
        Logits.Sample(logits => VocabularySearch.ArgMax(logits) == Array.IndexOf(logits, logits.Max()));

    [Fact]
    public void The_top_k_are_those_of_a_stable_sort() =>
        Gen.Select(Logits, Gen.Double.Unit).Sample((logits, share) =>
        {
            int[] ids = new int[(int)(share * (logits.Length + 1))];
            VocabularySearch.TopK(logits, ids);
            return ids.SequenceEqual(Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).Take(ids.Length));
        });

    [Fact]
    public void Infinities_are_numbers_and_NaN_is_not()
    {
        Assert.Equal(1, VocabularySearch.ArgMax([float.NegativeInfinity, float.PositiveInfinity, 3]));
        Assert.Equal(0, VocabularySearch.ArgMax([float.NegativeInfinity, float.NegativeInfinity]));
        var error = Assert.Throws<ArgumentException>(() => VocabularySearch.ArgMax([1, float.NaN, 3]));
        Assert.Contains("token id 1 is NaN", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => VocabularySearch.TopK([1, 2, float.NaN], new int[1]));
        Assert.Throws<ArgumentException>(() => VocabularySearch.TopK([1, 2], new int[3]));
        Assert.Throws<ArgumentException>(() => VocabularySearch.ArgMax([]));
    }
}
