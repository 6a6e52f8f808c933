using ScottPlot;

namespace MLNet.Gpt.Charts;

/// <summary>Draws the losses of a training run.</summary>
public static class LossCurve
{
    /// <summary>Draws training and validation loss, in nats per token, and saves the chart.</summary>
    /// <param name="history">The measurements; at least two points make a curve.</param>
    /// <param name="path">The file to write, <c>.png</c> or <c>.svg</c>; its folder is created if missing.</param>
    /// <param name="axis">The horizontal axis.</param>
    /// <param name="uniformCrossEntropy">The loss of guessing, ln V, drawn as a line; no line if <see langword="null"/>.</param>
    /// <param name="size">The size of the chart; that of a new <see cref="ChartSize"/> if <see langword="null"/>.</param>
    /// <exception cref="ArgumentException">
    /// The path ends in neither <c>.png</c> nor <c>.svg</c>, or the history has no points.
    /// </exception>
    public static void Save(
        TrainingHistory history,
        string path,
        TrainingAxis axis = TrainingAxis.TokensSeen,
        double? uniformCrossEntropy = null,
        ChartSize? size = null)
    {
        ArgumentNullException.ThrowIfNull(history);
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (history.Points.Count == 0) throw new ArgumentException("The history has no points to draw.", nameof(history));

        using var plot = new Plot();
        double[] places = [.. history.Points.Select(point => Place(point, axis))];
        Add(plot, places, history.Points.Select(point => point.TrainingLoss), "training", MarkerShape.FilledCircle);
        if (history.Points.Any(point => point.ValidationLoss is not null))
        {
            Add(plot, places, history.Points.Select(point => point.ValidationLoss ?? double.NaN), "validation", MarkerShape.FilledSquare);
        }

        if (uniformCrossEntropy is { } level)
        {
            var line = plot.Add.HorizontalLine(level);
            line.LegendText = "guessing (ln V)";
            line.Color = Colors.Gray;
        }

        plot.Title("Cross-entropy during training");
        plot.XLabel(axis switch
        {
            TrainingAxis.TokensSeen => "thousand tokens seen",
            TrainingAxis.Steps => "steps",
            TrainingAxis.Epochs => "epochs",
            _ => throw new ArgumentOutOfRangeException(nameof(axis), axis, $"'{axis}' is not an axis of a loss curve."),
        });
        plot.YLabel("cross-entropy, nats per token");
        plot.ShowLegend(Alignment.UpperRight);
        ChartFile.Save(plot, path, size ?? new());
    }

    private static void Add(Plot plot, double[] places, IEnumerable<double> losses, string name, MarkerShape marker)
    {
        var curve = plot.Add.Scatter(places, losses.ToArray());
        curve.LegendText = name;
        curve.MarkerShape = marker; // shapes distinguish the curves without colors; Skia's SVG cannot draw dashes
        curve.LineWidth = 2;
        curve.MarkerSize = 5;
    }

    private static double Place(TrainingPoint point, TrainingAxis axis) => axis switch
    {
        TrainingAxis.TokensSeen => point.TokensSeen / 1000.0,
        TrainingAxis.Steps => point.Step,
        TrainingAxis.Epochs => point.EpochsDone,
        _ => throw new ArgumentOutOfRangeException(nameof(axis), axis, $"'{axis}' is not an axis of a loss curve."),
    };
}
