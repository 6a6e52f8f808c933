using System.Buffers.Binary;
using System.Xml.Linq;
using MLNet.Gpt.Charts;

namespace MLNet.Gpt.Tests.Charts;

public sealed class LossCurveTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mlnet-gpt-charts").FullName;

    private static readonly TrainingHistory History = new()
    {
        Points =
        [
            new() { Step = 0, Epoch = 1, TokensSeen = 0, TrainingLoss = 10.9, ValidationLoss = 10.8 },
            new() { Step = 10, Epoch = 1, TokensSeen = 5000, TrainingLoss = 8.1, ValidationLoss = 8.4 },
            new() { Step = 20, Epoch = 2, TokensSeen = 10_000, TrainingLoss = 6.5, ValidationLoss = 7.2 },
        ],
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(TrainingAxis.TokensSeen, "thousand tokens seen")]
    [InlineData(TrainingAxis.Steps, "steps")]
    [InlineData(TrainingAxis.Epochs, "epochs")]
    public void An_SVG_has_the_requested_size_and_names_its_axes_and_curves(TrainingAxis axis, string label)
    {
        string path = Path.Combine(_folder, "new", "curve.svg");

        LossCurve.Save(History, path, axis, Math.Log(50257), new() { Width = 600, Height = 400 });

        var root = XDocument.Load(path).Root!;
        Assert.Equal("600", root.Attribute("width")!.Value);
        string text = string.Concat(
            root.Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value + "|"));
        Assert.All(
            [label, "training", "validation", "guessing (ln V)", "cross-entropy, nats per token"],
            expected => Assert.Contains(expected, text));
    }

    [Fact]
    public void A_PNG_has_the_requested_size()
    {
        string path = Path.Combine(_folder, "curve.png");

        LossCurve.Save(History, path, size: new() { Width = 640, Height = 480 });

        byte[] bytes = File.ReadAllBytes(path);
        Assert.Equal("PNG"u8, bytes.AsSpan(1, 3));
        Assert.Equal(640, BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(16)));
        Assert.Equal(480, BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(20)));
    }

    [Fact]
    public void Another_extension_and_a_size_too_small_are_refused_by_name()
    {
        Assert.Contains(
            "curve.gif",
            Assert.Throws<ArgumentException>(() => LossCurve.Save(History, Path.Combine(_folder, "curve.gif"))).Message);
        Assert.Contains("99", Assert.Throws<ArgumentOutOfRangeException>(() => new ChartSize { Width = 99 }).Message);
        Assert.Throws<ArgumentException>(() => LossCurve.Save(new() { Points = [] }, Path.Combine(_folder, "curve.png")));
    }
}
