using System.Globalization;

namespace MLNet.Gpt.Tests.Loss;

/// <summary>The numbers of docs/loss.md, "From two classes to many".</summary>
public class BinaryCrossEntropyTests
{
    private static readonly (float Z0, float Z1, int Y)[] Examples = [(0, 2, 1), (0, 2, 0), (1, 0, 0)];

    [Fact]
    public void Binary_cross_entropy_is_ours_for_two_classes()
    {
        double[] losses = [.. Examples.Select(example => Loss(example))];
        var categorical = CrossEntropy.Compute(
            [.. Examples.SelectMany(example => new[] { example.Z0, example.Z1 })], [.. Examples.Select(example => example.Y)], 2);

        Assert.Equal(losses.Average(), categorical.CrossEntropy, 1e-12);
        Assert.Equal(-1 / 3.0 * Examples.Sum(WithoutSign), categorical.CrossEntropy, 1e-12);
        Assert.True(Examples.Sum(WithoutSign) < 0); // the notes' sum, for which a perfect model's 0 is the greatest value
    }

    [Fact]
    public void The_page_prints_its_numbers()
    {
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs", "loss.md"));
        foreach (var example in Examples)
        {
            double p = Sigmoid(example.Z1 - example.Z0), ofLabel = example.Y == 1 ? p : 1 - p;
            string row = string.Create(
                CultureInfo.InvariantCulture,
                $"| {example.Z0} | {example.Z1} | {p:F4} | {example.Y} | −ln {ofLabel:F4} = {Loss(example):F4} |");
            Assert.Contains(row, page, StringComparison.Ordinal);
        }

        string mean = Four(Examples.Average(Loss)), uncertain = Four(Math.Log(2));
        Assert.Contains(
            $"Their mean, L, is {mean}; a model that gives both labels the probability 1/2 has a loss of ln 2 = {uncertain}.",
            page,
            StringComparison.Ordinal);
        Assert.Contains($"two.CrossEntropy is {mean}", page, StringComparison.Ordinal);
    }

    private static string Four(double value) => value.ToString("F4", CultureInfo.InvariantCulture);

    // y ln p + (1 − y) ln(1 − p)
    private static double WithoutSign((float Z0, float Z1, int Y) example)
    {
        double p = Sigmoid(example.Z1 - example.Z0);
        return (example.Y * Math.Log(p)) + ((1 - example.Y) * Math.Log(1 - p));
    }

    private static double Loss((float Z0, float Z1, int Y) example) => -WithoutSign(example);

    private static double Sigmoid(double z) => 1 / (1 + Math.Exp(-z));
}
