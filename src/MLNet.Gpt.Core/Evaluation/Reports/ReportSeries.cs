namespace MLNet.Gpt;

/// <summary>A line of a <see cref="ReportChart"/>.</summary>
public sealed class ReportSeries
{
    /// <summary>Initializes a line.</summary>
    /// <param name="name">The name in the legend.</param>
    /// <param name="points">The points from left to right; those that are not finite are not drawn.</param>
    public ReportSeries(string name, IReadOnlyList<(double X, double Y)> points) => (Name, Points) = (name, points);

    /// <summary>The name in the legend.</summary>
    public string Name { get; }

    /// <summary>The points from left to right.</summary>
    public IReadOnlyList<(double X, double Y)> Points { get; }
}
