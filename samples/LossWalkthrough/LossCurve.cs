using MLNet.Gpt.Training;
using ScottPlot;

namespace MLNet.Gpt.Samples.LossWalkthrough;

/// <summary>Draws a training's losses against the tokens seen.</summary>
internal static class LossCurve
{
    public static void Save(TrainingHistory history, double uniformCrossEntropy, string path)
    {
        double[] tokens = [.. history.Points.Select(point => point.TokensSeen / 1000.0)];
        using var plot = new Plot();

        var training = plot.Add.Scatter(tokens, history.Points.Select(point => point.TrainingLoss).ToArray());
        training.LegendText = "training";
        var heldOut = plot.Add.Scatter(tokens, history.Points.Select(point => point.ValidationLoss ?? double.NaN).ToArray());
        heldOut.LegendText = "held out";
        heldOut.LinePattern = LinePattern.Dashed;
        foreach (var curve in (ScottPlot.Plottables.Scatter[])[training, heldOut])
        {
            curve.LineWidth = 2;
            curve.MarkerSize = 5;
        }

        var uniform = plot.Add.HorizontalLine(uniformCrossEntropy);
        uniform.LegendText = "guessing (ln V)";
        uniform.LinePattern = LinePattern.Dotted;
        uniform.Color = Colors.Gray;

        plot.Title("Cross-entropy while training");
        plot.XLabel("thousand tokens seen");
        plot.YLabel("cross-entropy, nats per token");
        plot.ShowLegend(Alignment.UpperRight);
        plot.SavePng(path, 900, 560);
    }
}
