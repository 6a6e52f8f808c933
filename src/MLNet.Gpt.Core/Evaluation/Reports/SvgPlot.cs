using System.Globalization;
using System.Text;
using static MLNet.Gpt.Evaluation.Reports.ReportText;

namespace MLNet.Gpt.Evaluation.Reports;

/// <summary>A plot as SVG that takes its colors from the page: axes with round numbers, bars, lines.</summary>
internal sealed class SvgPlot
{
    private const double Width = 800, Height = 300, Left = 64, Right = 16, Top = 30, Bottom = 48;
    private const int CharactersOfWidth = 100; // of a typical letter

    private readonly StringBuilder _svg = new();
    private readonly double _left, _right, _bottom, _top;
    private int _seriesCount, _markCount;

    /// <param name="description">What the plot shows, for screen readers.</param>
    /// <param name="x">The range from left to right.</param>
    /// <param name="y">The range from bottom to top.</param>
    /// <param name="xLabel">What is on the horizontal axis.</param>
    /// <param name="yLabel">What is on the vertical axis.</param>
    /// <param name="categories">
    /// What each unit of the horizontal axis stands for, in place of numbers; <see langword="null"/> for numbers.
    /// </param>
    public SvgPlot(
        string description, (double Low, double High) x, (double Low, double High) y, string xLabel, string yLabel,
        IReadOnlyList<string>? categories = null)
    {
        double yStep = NiceStep(y.High - y.Low, 5);
        (_left, _right) = x.High > x.Low ? x : (x.Low, x.Low + 1);
        double lowest = Math.Floor(y.Low / yStep);
        (_bottom, _top) = (lowest * yStep, Math.Max(Math.Ceiling(y.High / yStep), lowest + 1) * yStep);
        _svg.Append(Invariant($"<svg viewBox=\"0 0 {Width} {Height}\" role=\"img\" aria-label=\"{EncodeAttribute(description)}\">"));
        foreach (double tick in Ticks(_bottom, _top, yStep))
        {
            _svg.Append(Invariant($"<line class=\"grid\" x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{Y(tick):F1}\" y2=\"{Y(tick):F1}\"/>"));
            _svg.Append(Invariant($"<text x=\"{Left - 8}\" y=\"{Y(tick) + 4:F1}\" text-anchor=\"end\">{Number(tick)}</text>"));
        }

        (double Place, string Label)[] ticks = categories is null
            ? [.. Ticks(_left, _right, NiceStep(_right - _left, 8)).Select(tick => (tick, Number(tick)))]
            : [.. categories.Select((category, i) => (i + 0.5, Shorten(category, CharactersOfWidth / categories.Count)))];
        foreach (var (place, label) in ticks)
        {
            _svg.Append(Invariant($"<text x=\"{X(place):F1}\" y=\"{Height - Bottom + 18}\" text-anchor=\"middle\">{Encode(label)}</text>"));
        }

        double center = (Left + Width - Right) / 2;
        _svg.Append(Invariant($"<text x=\"{center}\" y=\"{Height - 8}\" text-anchor=\"middle\">{Encode(xLabel)}</text>"));
        _svg.Append(Invariant($"<text x=\"{Left}\" y=\"14\">{Encode(yLabel)}</text>"));
    }

    /// <summary>Adds a bar.</summary>
    public void AddBar(double from, double to, double height, string hint)
    {
        double width = Math.Max(0.5, X(to) - X(from) - 1);
        _svg.Append(Invariant($"<rect class=\"bar\" x=\"{X(from) + 0.5:F1}\" width=\"{width:F1}\" y=\"{Y(height):F1}\""));
        _svg.Append(Invariant($" height=\"{Y(_bottom) - Y(height):F1}\"><title>{Encode(hint)}</title></rect>"));
    }

    /// <summary>Adds a line with a name in the legend; lines differ in color and in dashes.</summary>
    public void AddLine(string name, IEnumerable<(double X, double Y)> points)
    {
        var finite = points.Where(point => double.IsFinite(point.Y));
        string path = string.Join(' ', finite.Select(point => Invariant($"{X(point.X):F1},{Y(point.Y):F1}")));
        _svg.Append(Invariant($"<polyline class=\"series s{_seriesCount}\" points=\"{path}\"><title>{Encode(name)}</title></polyline>"));
        AddLegend(name, x => Invariant($"<line class=\"series s{_seriesCount}\" x1=\"{x}\" x2=\"{x + 28}\" y1=\"10\" y2=\"10\"/>"));
        _seriesCount++;
    }

    /// <summary>Adds figures with their intervals as bars; series differ in color and in shape.</summary>
    public void AddEstimates(string name, IEnumerable<(double X, Estimate Figure, string Hint)> points)
    {
        foreach (var (x, figure, hint) in points)
        {
            if (!double.IsFinite(figure.Value)) continue;
            _svg.Append(Invariant($"<g><title>{Encode(hint)}</title>"));
            if (double.IsFinite(figure.Lower))
            {
                _svg.Append(Invariant($"<path class=\"series s{_seriesCount} interval\""));
                _svg.Append(Invariant($" d=\"M{X(x) - 5:F1},{Y(figure.Upper):F1} h10 m-5,0 V{Y(figure.Lower):F1} m-5,0 h10\"/>"));
            }

            _svg.Append(Dot(X(x), Y(figure.Value))).Append("</g>");
        }

        AddLegend(name, x => Dot(x + 14, 10));
        _seriesCount++;
    }

    /// <summary>Adds a dashed line between two places.</summary>
    public void AddGuide((double X, double Y) from, (double X, double Y) to)
    {
        _svg.Append(Invariant($"<line class=\"mark\" x1=\"{X(from.X):F1}\" y1=\"{Y(from.Y):F1}\""));
        _svg.Append(Invariant($" x2=\"{X(to.X):F1}\" y2=\"{Y(to.Y):F1}\"/>"));
    }

    /// <summary>Adds a vertical line with a label.</summary>
    public void AddMark(double x, string name)
    {
        if (x < _left || x > _right) return;
        string anchor = X(x) > Width - 160 ? "end" : "start";
        _svg.Append(Invariant($"<line class=\"mark\" x1=\"{X(x):F1}\" x2=\"{X(x):F1}\" y1=\"{Top}\" y2=\"{Height - Bottom}\"/>"));
        double left = X(x) + (anchor == "end" ? -4 : 4), top = Top + 12 + (16 * _markCount++);
        _svg.Append(Invariant($"<text x=\"{left:F1}\" y=\"{top}\" text-anchor=\"{anchor}\">{Encode(name)}</text>"));
    }

    /// <summary>The plot.</summary>
    public override string ToString() => _svg + "</svg>";

    private void AddLegend(string name, Func<double, string> symbol)
    {
        if (name.Length == 0) return;
        double x = Width - Right - 150 - (150 * _seriesCount);
        _svg.Append(symbol(x)).Append(Invariant($"<text x=\"{x + 34}\" y=\"14\">{Encode(name)}</text>"));
    }

    // A circle in the first series, a square in the others.
    private string Dot(double x, double y) => _seriesCount == 0
        ? Invariant($"<circle class=\"dot\" cx=\"{x:F1}\" cy=\"{y:F1}\" r=\"4\"/>")
        : Invariant($"<rect class=\"dot d{_seriesCount}\" x=\"{x - 4:F1}\" y=\"{y - 4:F1}\" width=\"8\" height=\"8\"/>");

    private static string Shorten(string text, int length) => text.Length <= length ? text : text[..Math.Max(1, length - 1)] + "…";

    private static string Number(double value) => Math.Abs(value) >= 1000
        ? value.ToString("N0", CultureInfo.InvariantCulture)
        : Math.Round(value, 6).ToString("0.######", CultureInfo.InvariantCulture);

    // 1, 2 or 5 times a power of ten.
    private static double NiceStep(double range, int count)
    {
        if (!(range > 0)) return 1;
        double rough = range / count, power = Math.Pow(10, Math.Floor(Math.Log10(rough))), digit = rough / power;
        return power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10);
    }

    private static IEnumerable<double> Ticks(double low, double high, double step)
    {
        for (double i = Math.Ceiling((low / step) - 1e-9); i * step <= high + (1e-9 * step); i++)
        {
            yield return (i * step) + 0.0; // −0 + 0 is 0
        }
    }

    private double X(double x) => Left + ((x - _left) / (_right - _left) * (Width - Left - Right));

    private double Y(double y) => Top + ((_top - Math.Clamp(y, _bottom, _top)) / (_top - _bottom) * (Height - Top - Bottom));
}
