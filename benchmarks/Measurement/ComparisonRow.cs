namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>The result of a contender.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Speeds">Its speed in each round, in units of work per second.</param>
internal sealed record ComparisonRow(string Name, IReadOnlyList<double> Speeds)
{
    public double Median => Comparison.Median(Speeds);

    public double Slowest => Speeds.Min();

    public double Fastest => Speeds.Max();

    /// <summary>Returns the median over the rounds of the speed divided by another contender's in the same round.</summary>
    public double RatioTo(ComparisonRow other) => Comparison.Median(Speeds.Zip(other.Speeds, (ours, theirs) => ours / theirs));
}
