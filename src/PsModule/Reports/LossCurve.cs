using System.Globalization;
using System.Text;
using MLNetGpt.Output;

namespace MLNetGpt.Reports;

/// <summary>The loss over the steps of a training, as a picture in SVG.</summary>
internal static class LossCurve
{
    private const double Width = 800, Height = 320, Left = 56, Right = 16, Top = 16, Bottom = 36;
    private const string TrainingColour = "#2f6fbb", ValidationColour = "#c8501e";

    public static string Draw(IReadOnlyList<TrainingEvaluation> history)
    {
        double[] losses = [.. history.SelectMany(point => (double[])[point.TrainingLoss, point.ValidationLoss]).Where(double.IsFinite)];
        if (losses.Length == 0) return "<p class=\"quiet\">The training history holds no loss.</p>";
        double low = Math.Floor(losses.Min()), high = Math.Max(low + 1, Math.Ceiling(losses.Max()));
        double first = history[0].Step, last = Math.Max(first + 1, history[^1].Step);

        var svg = new StringBuilder();
        svg.AppendLine(Invariant($"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"Loss curve\" font-size=\"12\" fill=\"currentColor\">"));
        for (int i = 0; i <= 4; i++)
        {
            double loss = low + ((high - low) * i / 4), y = Y(loss);
            svg.AppendLine(Invariant($"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y:F1}\" y2=\"{y:F1}\" stroke=\"currentColor\" opacity=\"0.15\"/>"));
            svg.AppendLine(Invariant($"<text x=\"{Left - 8}\" y=\"{y + 4:F1}\" text-anchor=\"end\">{loss:F2}</text>"));
            double step = first + ((last - first) * i / 4);
            svg.AppendLine(Invariant($"<text x=\"{X(step):F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{step:N0}</text>"));
        }

        svg.AppendLine(Line(point => point.TrainingLoss, TrainingColour, "training"));
        svg.AppendLine(Line(point => point.ValidationLoss, ValidationColour, "validation"));
        svg.AppendLine(Invariant($"<text x=\"{Width - Right}\" y=\"{Top + 12}\" text-anchor=\"end\"><tspan fill=\"{TrainingColour}\">training</tspan> · <tspan fill=\"{ValidationColour}\">validation</tspan>, nats per token over steps</text>"));
        return svg.Append("</svg>").ToString();

        double X(double step) => Left + ((step - first) / (last - first) * (Width - Left - Right));
        double Y(double loss) => Top + ((high - loss) / (high - low) * (Height - Top - Bottom));

        string Line(Func<TrainingEvaluation, double> loss, string colour, string name)
        {
            var points = history.Where(point => double.IsFinite(loss(point))).Select(point => Invariant($"{X(point.Step):F1},{Y(loss(point)):F1}"));
            return $"<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{string.Join(' ', points)}\"><title>{name}</title></polyline>";
        }
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
