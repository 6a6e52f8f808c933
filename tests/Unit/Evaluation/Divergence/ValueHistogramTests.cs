using MLNet.Gpt.Evaluation.Divergence;

namespace MLNet.Gpt.Tests.Evaluation;

public class ValueHistogramTests
{
    [Fact]
    public void Quantiles_are_within_the_stated_accuracy()
    {
        var random = new Random(3);
        float[] values =
        [
            .. Enumerable.Range(0, 5001).Select(_ => (float)((random.NextDouble() - 0.3) * Math.Exp(-12 * random.NextDouble()))),
        ];
        double[] sorted = [.. values.Select(value => (double)value).Order()];
        double[] fractions = [0, 0.0001, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.999, 1];
        double[] quantiles = Of(values).Quantiles(fractions);
        for (int i = 0; i < fractions.Length; i++)
        {
            double position = fractions[i] * 5000;
            int below = (int)position, above = Math.Min(below + 1, 5000);
            double expected = sorted[below] + ((position - below) * (sorted[above] - sorted[below]));
            double tolerance = Math.Max(Math.Abs(sorted[below]), Math.Abs(sorted[above])) / (1 << 13);
            Assert.InRange(quantiles[i], expected - tolerance, expected + tolerance);
        }

        Assert.Equal((sorted[0], sorted[^1]), (quantiles[0], quantiles[^1]));
    }

    [Fact]
    public void The_order_of_the_values_does_not_change_a_bit()
    {
        var random = new Random(4);
        float[] values = [.. Enumerable.Range(0, 1000).Select(_ => random.NextSingle())];
        double[] expected = Of(values).Quantiles(0.1, 0.5, 0.999);
        random.Shuffle(values);
        Assert.Equal(expected, Of(values).Quantiles(0.1, 0.5, 0.999));
    }

    [Fact]
    public void Zero_infinity_and_nothing_have_their_places()
    {
        Assert.Equal([double.NaN], Of().Quantiles(0.5));
        Assert.Equal([0, 0, 0], Of(0, -0f, 0).Quantiles(0, 0.5, 1));
        Assert.Equal([7, 7], Of(7).Quantiles(0.2, 0.9));
        const float Infinity = float.PositiveInfinity;
        Assert.Equal([1, Infinity, Infinity], Of(1, Infinity, Infinity).Quantiles(0, 0.5, 1));
        Assert.Equal([-2, 3], Of(3, -2, 0.5f, float.NaN).Quantiles(0, 1));
        Assert.Equal([0], Of(-1, 0, 1).Quantiles(0.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => Of(1).Quantiles(1.5));
    }

    private static ValueHistogram Of(params float[] values)
    {
        var histogram = new ValueHistogram();
        foreach (float value in values) histogram.Add(value);
        return histogram;
    }
}
