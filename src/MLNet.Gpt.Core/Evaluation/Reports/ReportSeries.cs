namespace MLNet.Gpt;

/// <summary>A line of a chart.</summary>
/// <param name="Name">What the legend calls it.</param>
/// <param name="Points">Its points from left to right; those that are not finite are left out.</param>
public sealed record ReportSeries(string Name, IReadOnlyList<(double X, double Y)> Points);
