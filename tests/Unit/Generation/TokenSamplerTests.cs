using CsCheck;
using MLNet.Gpt.Generation;

namespace MLNet.Gpt.Tests.Generation;

public class TokenSamplerTests
{
    // Few distinct values: equal logits are common.
    private static readonly Gen<float[]> SomeLogits = Gen.Int[-12, 12].Select(i => i / 4f).Array[1, 300];

    [Fact]
    public void Greedy_takes_the_first_of_the_largest()
    {
        SomeLogits.Sample(logits => Assert.Equal(Array.IndexOf(logits, logits.Max()), Choose(logits, new())));
    }

    [Fact]
    public void Top_k_keeps_the_k_most_probable_and_those_equal_to_the_last()
    {
        Gen.Select(SomeLogits, Gen.Int[1, 320]).Sample((logits, k) =>
        {
            float least = logits.OrderDescending().Take(k).Last();
            Assert.Equal(Indices(logits, logit => logit >= least), Candidates(logits, new() { TopK = k }).Ids);
        });
    }

    [Fact]
    public void Top_p_keeps_the_fewest_most_probable_that_reach_it()
    {
        Gen.Select(SomeLogits, Gen.Double[0.01, 0.99]).Sample((logits, p) =>
        {
            double[] weights = [.. logits.Select(logit => Math.Exp((logit - logits.Max()) / 0.7))];
            int[] order = [.. Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).ThenBy(id => id)];
            double target = p * weights.Sum(), sum = 0;
            int kept = 0;
            while (sum < target && kept < order.Length) sum += weights[order[kept++]];
            // At the edge, rounding decides.
            if (Math.Abs(sum - target) < 1e-9 || Math.Abs(sum - weights[order[kept - 1]] - target) < 1e-9) return;
            Assert.Equal(order.Take(kept).Order(), Candidates(logits, new() { TopP = p, Temperature = 0.7 }).Ids);
        });
    }

    [Fact]
    public void Min_p_keeps_those_within_a_factor_of_the_most_probable()
    {
        float[] logits = [.. new[] { 0.5, 0.26, 0.24, 0.051, 0.049, 0.0 }.Select(p => (float)Math.Log(p))];
        Assert.Equal([0, 1, 2, 3], Candidates(logits, new() { MinP = 0.1 }).Ids);
        Assert.Equal([0, 1], Candidates(logits, new() { MinP = 0.5 }).Ids);
        Assert.Equal([0], Candidates(logits, new() { MinP = 1 }).Ids);
    }

    [Fact]
    public void Filters_apply_one_after_the_other_each_to_what_the_last_left()
    {
        // Of 0.4 0.3 0.2 0.1, the three best are 4/9 3/9 2/9: the first two reach 0.75 of them, but only 0.7 of all.
        float[] logits = [.. new[] { 0.1, 0.2, 0.3, 0.4 }.Select(p => (float)Math.Log(p))];
        Assert.Equal([2, 3], Candidates(logits, new() { TopK = 3, TopP = 0.75 }).Ids);
        Assert.Equal([1, 2, 3], Candidates(logits, new() { TopP = 0.75 }).Ids);
    }

    [Fact]
    public void Penalties_follow_their_definitions()
    {
        // Prompt 0 and 1; generated 1 once and 2 twice.
        var history = new TokenHistory([0, 1]);
        foreach (int id in (int[])[1, 2, 2]) history.Add(id);
        float[] logits = [2, -2, 3, 1, -1];
        history.Penalize(logits, new() { RepetitionPenalty = 2, FrequencyPenalty = 0.25, PresencePenalty = 0.5 });
        Assert.Equal([1, -4 - 0.25f - 0.5f, 1.5f - 0.5f - 0.5f, 1, -1], logits);
    }

    [Fact]
    public void A_penalty_can_overturn_the_greedy_choice_and_leaves_the_models_logits_alone()
    {
        float[] logits = [2, 1.9f];
        var history = new TokenHistory([]);
        history.Add(0);
        Assert.Equal(1, new TokenSampler(new() { PresencePenalty = 0.2 }).Sample(logits, history, new Recorder()));
        Assert.Equal([2, 1.9f], logits);
    }

    [Theory]
    [InlineData(RandomAlgorithm.Xoshiro256)]
    [InlineData(RandomAlgorithm.PyTorch)]
    public void Tokens_are_drawn_as_often_as_they_are_probable(RandomAlgorithm algorithm)
    {
        double[] probabilities = [0.5, 0.25, 0, 0.15, 0.1];
        float[] logits = [.. probabilities.Select(p => (float)Math.Log(p))];
        var sampler = new TokenSampler(new() { Temperature = 1, RandomAlgorithm = algorithm });
        TokenDrawer drawer = algorithm == RandomAlgorithm.PyTorch ? new PyTorchDrawer(5) : new XoshiroDrawer(5, 0);
        const int Draws = 200_000;
        int[] counts = new int[5];
        for (int i = 0; i < Draws; i++) counts[sampler.Sample(logits, new([]), drawer)]++;

        Assert.Equal(0, counts[2]);
        for (int id = 0; id < 5; id++)
        {
            // Five standard deviations of a binomial count.
            double expected = Draws * probabilities[id], deviation = Math.Sqrt(expected * (1 - probabilities[id]));
            Assert.InRange(counts[id], expected - (5 * deviation), expected + (5 * deviation));
        }
    }

    [Fact]
    public void Temperature_divides_the_logits()
    {
        var drawn = Candidates([3, 1, -2], new() { Temperature = 0.5 });
        Assert.Equal([1, Math.Exp(-4), Math.Exp(-10)], drawn.Weights.Select(weight => weight), (a, b) => Math.Abs(a - b) < 1e-15);
    }

    [Theory]
    [InlineData(float.NaN, "token 9 is NaN")]
    [InlineData(float.PositiveInfinity, "token 9 is infinite")]
    public void Damaged_logits_are_refused_by_name(float bad, string message)
    {
        float[] logits = new float[20];
        logits[9] = bad;
        foreach (double temperature in (double[])[0, 1])
        {
            var error = Assert.Throws<InvalidOperationException>(() => Choose(logits, new() { Temperature = temperature }));
            Assert.Contains(message, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_logit_of_minus_infinity_is_a_probability_of_zero_unless_all_are()
    {
        Assert.Equal(1, Choose([float.NegativeInfinity, -5, float.NegativeInfinity], new() { Temperature = 1 }));
        Assert.Throws<InvalidOperationException>(() => Choose([float.NegativeInfinity, float.NegativeInfinity], new()));
    }

    private static int Choose(float[] logits, GenerationOptions options) =>
        new TokenSampler(options).Sample(logits, new([]), new XoshiroDrawer(1, 0));

    private static (int[] Ids, double[] Weights) Candidates(float[] logits, GenerationOptions options)
    {
        var recorder = new Recorder();
        new TokenSampler(options.Temperature == 0 ? options with { Temperature = 1 } : options).Sample(logits, new([]), recorder);
        return (recorder.Ids, recorder.Weights);
    }

    private static IEnumerable<int> Indices(float[] values, Func<float, bool> predicate) =>
        Enumerable.Range(0, values.Length).Where(i => predicate(values[i]));

    private sealed class Recorder : TokenDrawer
    {
        public int[] Ids { get; private set; } = [];

        public double[] Weights { get; private set; } = [];

        public override int Draw(ReadOnlySpan<int> ids, ReadOnlySpan<double> weights, int vocabularySize)
        {
            Ids = ids.ToArray();
            Weights = weights.ToArray();
            return 0;
        }
    }
}
