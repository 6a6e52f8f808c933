using System.Buffers.Binary;
using System.Xml.Linq;
using MLNet.Gpt.Charts;
using MLNet.Gpt.Tests.Evaluation;

namespace MLNet.Gpt.Tests.Charts;

public sealed class EvaluationChartsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlnet-gpt-charts").FullName;
    private readonly TokenStatistics _statistics;

    public EvaluationChartsTests()
    {
        using var model = TinyModels.Create();
        _statistics = new CorpusEvaluator(model).Evaluate(TestCorpora.Mixed, cancellationToken: TestContext.Current.CancellationToken)
            .Statistics;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Each_chart_names_what_it_shows()
    {
        Assert.All(
            ["Surprisal of the tokens", "surprisal, bits", "% of the tokens", "guessing (log₂ V)"],
            text => Assert.Contains(text, Svg(path => EvaluationCharts.SaveHistogram(_statistics, path, 61)), StringComparison.Ordinal));
        Assert.All(
            ["preceding tokens", "5–8", "9–16", "cross-entropy, nats per token"],
            text => Assert.Contains(text, Svg(path => EvaluationCharts.SaveLossByContext(_statistics, path)), StringComparison.Ordinal));
        Assert.All(
            ["Calibration", "calibrated", "accuracy"],
            text => Assert.Contains(
                text, Svg(path => EvaluationCharts.SaveCalibration(_statistics.Calibration, path)), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(null)]
    [InlineData(61)]
    [InlineData(50_257)]
    public void The_histogram_begins_at_zero_and_shows_every_bin(int? vocabularySize)
    {
        using var plot = EvaluationCharts.DrawHistogram(_statistics, vocabularySize);
        plot.RenderInMemory(800, 500);
        var limits = plot.Axes.GetLimits();

        Assert.Equal(0, limits.Left);
        Assert.Equal(0, limits.Bottom);
        var bins = _statistics.SurprisalHistogram;
        Assert.True(limits.Right > Math.Log2(vocabularySize ?? 2) && limits.Right > bins.Last(bin => bin.Count > 0).LowerBound);
        Assert.True(limits.Top > 100.0 * bins.Max(bin => bin.Count) / bins.Sum(bin => bin.Count));
    }

    [Fact]
    public void A_PNG_has_the_requested_size()
    {
        string path = Path.Combine(_folder, "new", "histogram.png");
        EvaluationCharts.SaveHistogram(_statistics, path, size: new() { Width = 640, Height = 480 });

        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal(640, BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(16)));
        Assert.Equal(480, BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(20)));
    }

    [Fact]
    public void Empty_measurements_are_refused()
    {
        var nothing = new TokenStatistics();
        Assert.Throws<ArgumentException>(() => EvaluationCharts.SaveHistogram(nothing, Path.Combine(_folder, "n.png")));
        Assert.Throws<ArgumentException>(() => EvaluationCharts.SaveLossByContext(nothing, Path.Combine(_folder, "n.png")));
        Assert.Throws<ArgumentException>(() => EvaluationCharts.SaveCalibration(nothing.Calibration, Path.Combine(_folder, "n.png")));
    }

    private string Svg(Action<string> save)
    {
        string path = Path.Combine(_folder, "chart.svg");
        save(path);
        return string.Concat(XDocument.Load(path).Descendants().Where(element => element.Name.LocalName == "text").Select(
            element => element.Value + "|"));
    }
}
