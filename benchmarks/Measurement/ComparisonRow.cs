namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>The result of a contender.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Median">Median speed over the rounds, in units of work per second.</param>
/// <param name="Slowest">The slowest round.</param>
/// <param name="Fastest">The fastest round.</param>
/// <param name="Ratio">Median over the rounds of its speed divided by the baseline's in the same round.</param>
internal sealed record ComparisonRow(string Name, double Median, double Slowest, double Fastest, double Ratio);
