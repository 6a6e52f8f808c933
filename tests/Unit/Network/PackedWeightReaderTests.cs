
namespace MLNet.Gpt.Tests.Network;

public class PackedWeightReaderTests
{
    public static TheoryData<bool, bool> Switches => [(true, true), (true, false), (false, true), (false, false)];

    [Theory]
    [MemberData(nameof(Switches))]
    public void A_single_precision_model_returns_its_weights_bit_for_bit(bool hasTiedHead, bool hasQkvBias)
    {
        var weights = TinyModels.Weights(GptPresets.Tiny with { HasTiedHead = hasTiedHead, HasQkvBias = hasQkvBias }, seed: 3);
        using var model = GptModel.FromWeights(weights, TinyModels.Words);

        foreach (var entry in WeightNames.For(weights.Config)) Assert.Equal(weights[entry.Name].ToArray(), ReadAll(model, entry));
    }

    [Theory]
    [InlineData(WeightPrecision.BFloat16, 1.0 / 256)]
    [InlineData(WeightPrecision.Int8, 1.0 / 254)]
    [InlineData(WeightPrecision.Int4, 0.12)]
    public void A_quantized_model_returns_the_rounded_weights(WeightPrecision precision, double tolerance)
    {
        var weights = TinyModels.Weights(GptPresets.Tiny, seed: 3);
        using var model = GptModel.FromWeights(weights, TinyModels.Words, new() { Precision = precision });

        foreach (var entry in WeightNames.For(weights.Config))
        {
            float[] expected = weights[entry.Name].ToArray(), actual = ReadAll(model, entry);
            float largest = expected.Max(Math.Abs);
            Assert.All(
                expected.Zip(actual),
                pair => Assert.True(Math.Abs(pair.First - pair.Second) <= tolerance * largest, $"{entry.Name}: {pair}"));
        }
    }

    [Fact]
    public void Any_part_can_be_read()
    {
        var weights = TinyModels.Weights(GptPresets.Tiny, seed: 3);
        using var model = GptModel.FromWeights(weights, TinyModels.Words);
        float[] part = new float[71];

        model.Read(WeightNames.Key(1), 45, part);

        Assert.Equal(weights[WeightNames.Key(1)].Slice(45, 71).ToArray(), part);
    }

    [Fact]
    public void Missing_weights_are_refused_by_name()
    {
        using var model = TinyModels.Create();

        Assert.Contains(
            "'out_head.weight'",
            Assert.Throws<KeyNotFoundException>(() => model.Read(WeightNames.Head, 0, new float[1])).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "'final_norm.scale'",
            Assert.Throws<ArgumentOutOfRangeException>(() => model.Read(WeightNames.FinalNormScale, 31, new float[2])).Message,
            StringComparison.Ordinal);
    }

    private static float[] ReadAll(IWeightSource source, WeightEntry entry)
    {
        float[] elements = new float[entry.ElementCount];
        source.Read(entry.Name, 0, elements);
        return elements;
    }
}
