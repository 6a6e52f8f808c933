using MLNet.Gpt.Charts;
using Microsoft.ML;

namespace MLNet.Gpt.Tests.Charts;

public sealed class RocCurveTests
{
    [Fact]
    public void The_area_is_that_of_ML_NET()
    {
        var random = new Random(3);
        var rows = Enumerable.Range(0, 200)
            .Select(i => new Row { Label = i % 3 == 0, Score = (float)Math.Round(random.NextDouble() + (i % 3 == 0 ? 0.3 : 0), 2) })
            .ToArray();
        var ml = new MLContext(seed: 1);
        double expected = ml.BinaryClassification.EvaluateNonCalibrated(ml.Data.LoadFromEnumerable(rows)).AreaUnderRocCurve;

        var curve = new RocCurve("x", [.. rows.Select(row => (double)row.Score)], [.. rows.Select(row => row.Label)]);

        Assert.Equal(expected, curve.Area, 1e-6);
        Assert.Equal((0, 0), curve.Points[0]);
        Assert.Equal((1, 1), curve.Points[^1]);
    }

    [Fact]
    public void Points_are_those_of_each_threshold()
    {
        var curve = new RocCurve("x", [0.9, 0.5, 0.5, 0.1], [true, true, false, false]);

        Assert.Equal([(0, 0), (0, 0.5), (0.5, 1), (1, 1)], curve.Points);
        Assert.Equal(0.875, curve.Area);
        Assert.Equal("x (area 0.875)", curve.ToString());
    }

    [Fact]
    public void A_chart_names_each_classifier()
    {
        using var folder = new TemporaryDirectory();
        string path = Path.Combine(folder.Path, "roc.svg");
        RocCurve.Save([new("one", [1, 0], [true, false]), new("other", [0, 1], [true, false])], path);

        string text = File.ReadAllText(path);
        Assert.All(
            ["one (area 1.000)", "other (area 0.000)", "guessing", "true positive rate"],
            part => Assert.Contains(part, text, StringComparison.Ordinal));
    }

    [Fact]
    public void What_makes_no_curve_is_refused()
    {
        var unequal = Assert.Throws<ArgumentException>("isPositive", () => new RocCurve("x", [1, 2], [true]));
        Assert.Contains("2 scores and 1 labels", unequal.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>("isPositive", () => new RocCurve("x", [1, 2], [true, true]));
        Assert.Throws<ArgumentException>("scores", () => new RocCurve("x", [double.NaN, 2], [true, false]));
        Assert.Throws<ArgumentException>("curves", () => RocCurve.Save([], "roc.svg"));
    }

    private sealed class Row
    {
        public bool Label { get; set; }

        public float Score { get; set; }

        public bool PredictedLabel { get; set; }
    }
}
