using CsCheck;

namespace MLNet.Gpt.Tests.Loss;

public class CrossEntropyTests
{
    // Logits of several rows, with one target for each.
    private static readonly Gen<(float[] Logits, int[] Targets, int VocabularySize)> Rows =
        from vocabularySize in Gen.Int[1, 70]
        from count in Gen.Int[1, 12]
        from logits in Gen.Float[-9, 9].Array[count * vocabularySize]
        from targets in Gen.Int[0, vocabularySize - 1].Array[count]
        select (logits, targets, vocabularySize);

    // The lecture's row after "every", worked by hand: its probabilities add up to 0.98, so that softmax of their logarithms divides by it.
    [Fact]
    public void The_lectures_row_has_the_loss_worked_by_hand()
    {
        float[] logits = [.. new[] { 0.10f, 0.60f, 0.20f, 0.05f, 0.00f, 0.02f, 0.01f }.Select(p => MathF.Log(p))];
        Assert.Equal(0.490623, CrossEntropy.Compute(logits, [1], 7).Sum, 6); // ln(0.98 / 0.60)
        Assert.Equal(2.282382, CrossEntropy.Compute(logits, [0], 7).Sum, 6); // ln(0.98 / 0.10)
        Assert.Equal(double.PositiveInfinity, CrossEntropy.Compute(logits, [4], 7).Sum); // "moves" has probability 0
    }

    [Fact]
    public void The_loss_agrees_with_one_worked_in_28_digits() => Rows.Sample((logits, targets, vocabularySize) =>
    {
        double[] losses = new double[targets.Length];
        CrossEntropy.ComputeEach(logits, targets, vocabularySize, losses);
        for (int row = 0; row < targets.Length; row++)
        {
            decimal expected = DecimalReference.NegativeLogLikelihood(logits.AsSpan(row * vocabularySize, vocabularySize), targets[row]);
            Assert.Equal((double)expected, losses[row], 1e-14 * Math.Max(1, (double)expected) * 4);
        }
    }, iter: 300);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(61)]
    [InlineData(50257)]
    public void Equal_logits_have_the_loss_ln_V(int vocabularySize)
    {
        float[] logits = new float[2 * vocabularySize];
        Array.Fill(logits, 3.25f);
        var summary = CrossEntropy.Compute(logits, [0, vocabularySize - 1], vocabularySize);
        Assert.Equal(Math.Log(vocabularySize), summary.CrossEntropy, 1e-14);
        Assert.Equal(vocabularySize, summary.Perplexity, 1e-9);
    }

    [Fact]
    public void Shifting_a_row_changes_nothing() => Gen.Select(Rows, Gen.Int[-1000, 1000]).Sample((rows, shift) =>
    {
        // Multiples of 1/64 below 2^17 are exact in single precision.
        float[] logits = [.. rows.Logits.Select(logit => MathF.Round(logit * 64) / 64)];
        float[] shifted = [.. logits.Select(logit => logit + shift)];
        Assert.Equal(
            CrossEntropy.Compute(logits, rows.Targets, rows.VocabularySize),
            CrossEntropy.Compute(shifted, rows.Targets, rows.VocabularySize));
    });

    [Fact]
    public void The_order_of_the_rows_does_not_change_a_bit() => Gen.Select(Rows, Gen.Int).Sample((rows, seed) =>
    {
        int v = rows.VocabularySize;
        int[] order = [.. Enumerable.Range(0, rows.Targets.Length)];
        new Random(seed).Shuffle(order);
        float[] logits = [.. order.SelectMany(row => rows.Logits[(row * v)..((row + 1) * v)])];
        int[] targets = [.. order.Select(row => rows.Targets[row])];
        return CrossEntropy.Compute(logits, targets, v) == CrossEntropy.Compute(rows.Logits, rows.Targets, v);
    });

    [Fact]
    public void Parts_add_up_to_the_whole_to_the_last_bit() => Gen.Select(Rows, Gen.Int[0, 12]).Sample((rows, cut) =>
    {
        cut = Math.Min(cut, rows.Targets.Length);
        int v = rows.VocabularySize;
        var whole = CrossEntropy.Compute(rows.Logits, rows.Targets, v);
        var parts = CrossEntropy.Compute(rows.Logits.AsSpan(0, cut * v), rows.Targets.AsSpan(0, cut), v)
            + CrossEntropy.Compute(rows.Logits.AsSpan(cut * v), rows.Targets.AsSpan(cut), v);
        return whole == parts;
    });

    [Fact]
    public void Logits_at_the_ends_of_single_precision_neither_overflow_nor_vanish()
    {
        Assert.Equal(0, CrossEntropy.Compute([float.MaxValue, -float.MaxValue], [0], 2).Sum);
        Assert.Equal(Math.Log(2), CrossEntropy.Compute([float.MaxValue, float.MaxValue], [1], 2).Sum, 1e-15);
        Assert.Equal(Math.Log(2), CrossEntropy.Compute([-float.MaxValue, -float.MaxValue], [1], 2).Sum, 1e-15);
        // A probability of e^-1000 rounds to 0, its logarithm does not.
        Assert.Equal(1000, CrossEntropy.Compute([1000, 0], [1], 2).Sum, 1e-9);
        Assert.Equal(Math.Log(3), CrossEntropy.Compute([1e-40f, 0, -1e-40f], [1], 3).Sum, 1e-15);
    }

    [Fact]
    public void A_target_with_probability_zero_has_an_infinite_loss()
    {
        var summary = CrossEntropy.Compute([0, float.NegativeInfinity, 0, 1], [1, 0], 2);
        Assert.Equal(2, summary.TokenCount);
        Assert.Equal(double.PositiveInfinity, summary.CrossEntropy);
        Assert.Equal(double.PositiveInfinity, summary.Perplexity);
        Assert.Equal(0, CrossEntropy.Compute([0, float.NegativeInfinity], [0], 2).Sum);
    }

    [Theory]
    [InlineData(float.NaN, "NaN")]
    [InlineData(float.PositiveInfinity, "+Infinity")]
    public void A_logit_that_is_NaN_is_an_error_that_names_its_position(float logit, string name)
    {
        foreach (int column in new[] { 0, 15, 16, 31, 40 })
        {
            float[] logits = new float[3 * 41];
            logits[(2 * 41) + column] = logit;
            var exception = Assert.Throws<ArgumentException>(() => CrossEntropy.Compute(logits, [0, 0, 0], 41));
            Assert.Contains($"row 2, column {column} is {name}", exception.Message);
        }
    }

    [Fact]
    public void A_row_without_a_finite_logit_is_an_error() => Assert.Contains(
        "row 1",
        Assert.Throws<ArgumentException>(
            () => CrossEntropy.Compute([0, 0, float.NegativeInfinity, float.NegativeInfinity], [0, 0], 2)).Message);

    [Fact]
    public void Mismatched_shapes_are_an_error_that_names_both()
    {
        var exception = Assert.Throws<ArgumentException>(() => CrossEntropy.Compute(new float[21], [1, 2], 7));
        Assert.Contains("shape (3, 7)", exception.Message);
        Assert.Contains("shape (2)", exception.Message);
        Assert.Contains("20 elements", Assert.Throws<ArgumentException>(() => CrossEntropy.Compute(new float[20], [1, 2, 3], 7)).Message);
        Assert.Contains(
            "shape (2)",
            Assert.Throws<ArgumentException>(() => CrossEntropy.ComputeEach(new float[21], [1, 2, 3], 7, new double[2])).Message);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(7)]
    public void A_target_outside_the_vocabulary_is_an_error_that_names_it(int target) => Assert.Contains(
        $"Token id {target} at position 1 is outside the vocabulary; ids run from 0 to 6",
        Assert.Throws<ArgumentOutOfRangeException>(() => CrossEntropy.Compute(new float[14], [0, target], 7)).Message);

    [Fact]
    public void An_empty_vocabulary_is_an_error() =>
        Assert.Contains(
            "is 0; it must be at least 1",
            Assert.Throws<ArgumentOutOfRangeException>(() => CrossEntropy.Compute([], [], 0)).Message);

    [Fact]
    public void The_loss_of_no_rows_is_empty() => Assert.Equal(LossSummary.Empty, CrossEntropy.Compute([], [], 7));
}
