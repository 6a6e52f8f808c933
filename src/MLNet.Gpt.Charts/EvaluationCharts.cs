using System.Globalization;
using ScottPlot;

namespace MLNet.Gpt.Charts;

/// <summary>Draws how the losses of a corpus are distributed.</summary>
public static class EvaluationCharts
{
    /// <summary>Draws a histogram of the tokens' surprisal, −log₂ p in bits, and saves the chart.</summary>
    /// <param name="statistics">The measurements.</param>
    /// <param name="path">The file to write, <c>.png</c> or <c>.svg</c>; its folder is created if missing.</param>
    /// <param name="vocabularySize">V, to draw the surprisal of guessing, log₂ V; no line if <see langword="null"/>.</param>
    /// <param name="size">The size of the chart; that of a new <see cref="ChartSize"/> if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The path ends in neither <c>.png</c> nor <c>.svg</c>, or no token was measured.</exception>
    public static void SaveHistogram(TokenStatistics statistics, string path, int? vocabularySize = null, ChartSize? size = null)
    {
        using var plot = DrawHistogram(statistics, vocabularySize);
        ChartFile.Save(plot, path, size ?? new());
    }

    /// <summary>Draws the chart of <see cref="SaveHistogram"/>.</summary>
    internal static Plot DrawHistogram(TokenStatistics statistics, int? vocabularySize)
    {
        var bins = statistics.SurprisalHistogram;
        long all = bins.Sum(bin => bin.Count);
        if (all == 0) throw NoToken(nameof(statistics));

        var plot = new Plot();
        double width = bins[0].UpperBound - bins[0].LowerBound;
        var shown = bins.Take(bins.ToList().FindLastIndex(bin => bin.Count > 0) + 1).ToArray();
        foreach (var bin in shown)
        {
            var bar = plot.Add.Bar(bin.LowerBound + (width / 2), 100.0 * bin.Count / all);
            bar.Bars[0].Size = width * 0.9;
            bar.Color = Colors.C0;
        }

        if (vocabularySize is { } v)
        {
            var line = plot.Add.VerticalLine(Math.Log2(v));
            line.LegendText = "guessing (log₂ V)";
            line.Color = Colors.Gray;
            plot.ShowLegend(Alignment.UpperRight);
        }

        plot.Title("Surprisal of the tokens");
        plot.XLabel("surprisal, bits");
        plot.YLabel("% of the tokens");
        plot.Axes.Margins(bottom: 0);
        double end = Math.Max(shown[^1].LowerBound + width, Math.Log2(vocabularySize ?? 1));
        plot.Axes.SetLimitsX(0, end * 1.03); // no surprisal is below 0 bits
        return plot;
    }

    /// <summary>Draws the loss against the number of preceding tokens in the context, and saves the chart.</summary>
    /// <param name="statistics">The measurements.</param>
    /// <param name="path">The file to write, <c>.png</c> or <c>.svg</c>; its folder is created if missing.</param>
    /// <param name="size">The size of the chart; that of a new <see cref="ChartSize"/> if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">The path ends in neither <c>.png</c> nor <c>.svg</c>, or no token was measured.</exception>
    public static void SaveLossByContext(TokenStatistics statistics, string path, ChartSize? size = null)
    {
        var parts = statistics.ByContext.Where(part => part.Loss.TokenCount > 0).ToArray();
        if (parts.Length == 0) throw NoToken(nameof(statistics));

        using var plot = new Plot();
        double[] places = [.. parts.Select(part => Math.Log2(part.MaxContext))];
        var curve = plot.Add.Scatter(places, parts.Select(part => part.Loss.CrossEntropy).ToArray());
        curve.LineWidth = 2;
        curve.MarkerSize = 7;
        plot.Axes.Bottom.SetTicks(places, [.. parts.Select(part => part.MinContext == part.MaxContext
            ? part.MaxContext.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{part.MinContext}–{part.MaxContext}"))]);
        plot.Title("Loss by preceding tokens");
        plot.XLabel("preceding tokens in the context");
        plot.YLabel("cross-entropy, nats per token");
        ChartFile.Save(plot, path, size ?? new());
    }

    /// <summary>
    /// Draws the model's accuracy against its confidence, and saves the chart. The points of a calibrated model are
    /// on the diagonal.
    /// </summary>
    /// <param name="calibration">The measurements.</param>
    /// <param name="path">
    /// The file to write, <c>.png</c> or <c>.svg</c>; its folder is created if missing.
    /// </param>
    /// <param name="size">The size of the chart; that of a new <see cref="ChartSize"/> if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">
    /// The path ends in neither <c>.png</c> nor <c>.svg</c>, or there are no predictions.
    /// </exception>
    public static void SaveCalibration(Calibration calibration, string path, ChartSize? size = null)
    {
        var bins = calibration.Bins.Where(bin => bin.Count > 0).ToArray();
        if (bins.Length == 0) throw NoToken(nameof(calibration));

        using var plot = new Plot();
        var ideal = plot.Add.Line(0, 0, 1, 1);
        ideal.LegendText = "calibrated";
        ideal.LineColor = Colors.Gray;
        ideal.MarkerSize = 0;
        var points = plot.Add.Scatter(bins.Select(bin => bin.MeanProbability).ToArray(), bins.Select(bin => bin.HitRate).ToArray());
        points.LegendText = string.Create(
            CultureInfo.InvariantCulture, $"the model (expected calibration error {calibration.ExpectedError:F3})");
        points.LineWidth = 2;
        points.MarkerSize = 8;
        plot.Axes.SetLimits(0, 1, 0, 1);
        plot.Title("Calibration");
        plot.XLabel("probability of the most probable token");
        plot.YLabel("accuracy");
        plot.ShowLegend(Alignment.UpperLeft);
        ChartFile.Save(plot, path, size ?? new());
    }

    private static ArgumentException NoToken(string name) => new("No token was predicted, so there is nothing to draw.", name);
}
