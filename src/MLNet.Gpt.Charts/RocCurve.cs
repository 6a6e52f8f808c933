using System.Diagnostics;
using System.Globalization;
using ScottPlot;

namespace MLNet.Gpt.Charts;

/// <summary>
/// A receiver operating characteristic: for every threshold of a score, which fraction of the positive examples is found, and
/// which fraction of the negative ones is wrongly taken for positive.
/// </summary>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class RocCurve
{
    /// <summary>Computes the curve of a classifier.</summary>
    /// <param name="name">The classifier's name in the chart.</param>
    /// <param name="scores">A score for each example, higher for those that are rather positive; none is NaN.</param>
    /// <param name="isPositive">Whether each example is positive.</param>
    /// <exception cref="ArgumentException">
    /// The lists have different lengths, a score is NaN, or the examples are not of both kinds.
    /// </exception>
    public RocCurve(string name, IReadOnlyList<double> scores, IReadOnlyList<bool> isPositive)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(scores);
        ArgumentNullException.ThrowIfNull(isPositive);
        if (scores.Count != isPositive.Count)
        {
            throw new ArgumentException($"There are {scores.Count} scores and {isPositive.Count} labels.", nameof(isPositive));
        }

        if (scores.Any(double.IsNaN)) throw new ArgumentException("A score is NaN.", nameof(scores));
        long positives = isPositive.Count(positive => positive), negatives = isPositive.Count - positives;
        if (positives == 0 || negatives == 0)
        {
            throw new ArgumentException("There must be both positive and negative examples.", nameof(isPositive));
        }

        Name = name;
        var points = new List<(double FalsePositiveRate, double TruePositiveRate)> { (0, 0) };
        long found = 0, wrong = 0;
        double area = 0;
        foreach (var equal in scores.Zip(isPositive).GroupBy(example => example.First).OrderByDescending(group => group.Key))
        {
            long foundHere = equal.Count(example => example.Second), wrongHere = equal.Count() - foundHere;
            area += wrongHere * (found + (foundHere / 2.0)); // a trapezoid where several examples have the same score
            (found, wrong) = (found + foundHere, wrong + wrongHere);
            points.Add(((double)wrong / negatives, (double)found / positives));
        }

        Points = points;
        Area = area / positives / negatives;
    }

    /// <summary>The classifier's name in the chart.</summary>
    public string Name { get; }

    /// <summary>The curve's points, from (0, 0) to (1, 1), one for each threshold.</summary>
    public IReadOnlyList<(double FalsePositiveRate, double TruePositiveRate)> Points { get; }

    /// <summary>
    /// The area under the curve: the probability that a positive example has a higher score than a negative one, equal scores
    /// counting half. ½ by guessing, 1 at best.
    /// </summary>
    public double Area { get; }

    /// <summary>Draws curves into one chart, and saves it.</summary>
    /// <param name="curves">The curves; at least one.</param>
    /// <param name="path">The file to write, <c>.png</c> or <c>.svg</c>; its folder is created if missing.</param>
    /// <param name="size">The size of the chart; that of a new <see cref="ChartSize"/> if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The path ends in neither <c>.png</c> nor <c>.svg</c>, or there is no curve.</exception>
    public static void Save(IReadOnlyList<RocCurve> curves, string path, ChartSize? size = null)
    {
        ArgumentNullException.ThrowIfNull(curves);
        if (curves.Count == 0) throw new ArgumentException("There is no curve to draw.", nameof(curves));

        using var plot = new Plot();
        foreach (var curve in curves)
        {
            double[] across = [.. curve.Points.Select(point => point.FalsePositiveRate)];
            double[] up = [.. curve.Points.Select(point => point.TruePositiveRate)];
            var line = plot.Add.Scatter(across, up);
            line.LegendText = curve.ToString();
            line.LineWidth = 2;
            line.MarkerSize = 0;
        }

        var guessing = plot.Add.Line(0, 0, 1, 1);
        guessing.LegendText = "guessing";
        guessing.LineColor = Colors.Gray;
        guessing.MarkerSize = 0;
        plot.Axes.SetLimits(-0.01, 1.01, -0.01, 1.01); // curves along the axes stay visible
        plot.Title("Receiver operating characteristic");
        plot.XLabel("false positive rate");
        plot.YLabel("true positive rate");
        plot.ShowLegend(Alignment.LowerRight);
        ChartFile.Save(plot, path, size ?? new());
    }

    /// <summary>Returns the name and the area.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name} (area {Area:F3})");
}
