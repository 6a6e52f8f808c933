using MLNet.Gpt.Evaluation.Metrics;

namespace MLNet.Gpt.Tests.Evaluation;

/// <summary>Of 1,000 samples from a population whose figure is known, about 95 % have an interval that contains it.</summary>
public class CoverageTests
{
    private const int Draws = 1000;

    [Theory]
    [InlineData(50)]
    [InlineData(500)]
    public void Wilson_interval_of_an_accuracy(int questions) => AssertCovers(random =>
    {
        double truth = 0.1 + (0.8 * random.NextDouble());
        return (Estimate.OfProportion(Enumerable.Range(0, questions).Count(_ => random.NextDouble() < truth), questions), truth);
    });

    [Fact]
    public void Students_interval_of_a_mean() => AssertCovers(
        random => (Estimate.OfMean([.. Enumerable.Range(0, 8).Select(_ => 3 + Gaussian(random))]), 3));

    [Theory]
    [InlineData(30)]
    [InlineData(100)]
    public void Bootstrap_of_the_loss_of_documents(int count) => AssertCovers((random, seed) =>
    {
        // Documents of unequal lengths; their losses are skewed.
        var documents = Enumerable.Range(0, count).Select(_ =>
        {
            int tokens = random.Next(20, 128);
            return Score(tokens * (2 + Math.Exp(0.5 * Gaussian(random))), tokens);
        });
        var estimates = LanguageModelMetrics.MergeDocuments(documents).Estimate(new() { ResampleCount = 1000, Seed = seed })!;
        Assert.Null(estimates.BlockLength);
        return (estimates.CrossEntropy, 2 + Math.Exp(0.125));
    });

    [Theory]
    [InlineData(0)]
    [InlineData(0.6)]
    public void Bootstrap_of_the_loss_of_a_long_text(double correlation) => AssertCovers((random, seed) =>
    {
        // Neighboring tokens are correlated.
        var blocks = new List<BlockResult>();
        double noise = Gaussian(random);
        for (int block = 0; block < 20; block++)
        {
            double loss = 0;
            for (int token = 0; token < BlockResult.Length; token++)
            {
                noise = (correlation * noise) + (Math.Sqrt(1 - (correlation * correlation)) * Gaussian(random));
                loss += 10 + noise;
            }

            blocks.Add(new(block, Score(loss, BlockResult.Length)));
        }

        var metrics = LanguageModelMetrics.Merge(blocks.Select(block => block.Metrics)).With(UnitSums.OfDocument(blocks));
        return (metrics.Estimate(new() { ResampleCount = 1000, Seed = seed })!.CrossEntropy, 10);
    });

    [Fact]
    public void Paired_bootstrap_of_two_losses() => AssertCovers((random, seed) =>
    {
        LanguageModelMetrics[] first = [.. Enumerable.Range(0, 40).Select(_ => Score(300 + (50 * random.NextDouble()), 100))];
        LanguageModelMetrics[] second = [.. first.Select(score => Score(score.Loss.Sum + 10 + (5 * Gaussian(random)), 100))];
        var options = new ComparisonOptions { Unit = LossUnit.NatsPerToken, ResampleCount = 1000, Seed = seed };
        return (PairedComparison.FromMetrics(first, second, options).Estimate, 0.1);
    });

    [Fact]
    public void Paired_bootstrap_of_two_accuracies() => AssertCovers((random, seed) =>
    {
        // The first is right in 0.6 of the questions, the second in 0.55 + 0.1; mostly in the same ones.
        double[] places = [.. Enumerable.Range(0, 200).Select(_ => random.NextDouble())];
        double[] first = [.. places.Select(place => place < 0.6 ? 1.0 : 0)];
        double[] second = [.. places.Select(place => place is < 0.55 or > 0.9 ? 1.0 : 0)];
        return (PairedComparison.FromValues(first, second, options: new() { ResampleCount = 1000, Seed = seed }).Estimate, 0.05);
    });

    [Fact]
    public void McNemar_rejects_equal_runs_in_at_most_5_percent()
    {
        var random = new Random(11);
        int rejected = 0;
        for (int draw = 0; draw < Draws; draw++)
        {
            int firstOnly = Enumerable.Range(0, 60).Count(_ => random.NextDouble() < 0.5);
            if (new McNemarTest(firstOnly, 60 - firstOnly).PValue <= 0.05) rejected++;
        }

        Assert.InRange(rejected, 10, 50);
    }

    private static void AssertCovers(Func<Random, (Estimate Estimate, double Truth)> draw) => AssertCovers((random, _) => draw(random));

    private static void AssertCovers(Func<Random, int, (Estimate Estimate, double Truth)> draw)
    {
        var random = new Random(7);
        int held = 0;
        for (int seed = 0; seed < Draws; seed++)
        {
            var (estimate, truth) = draw(random, seed);
            if (estimate.Lower <= truth && truth <= estimate.Upper) held++;
        }

        Assert.InRange(held, 0.93 * Draws, 0.97 * Draws);
    }

    private static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static LanguageModelMetrics Score(double nats, int tokens) =>
        new(LossSummary.Of(nats, tokens), 50) { ByteCount = 4 * tokens, CharacterCount = 4 * tokens, DocumentCount = 1 };
}
