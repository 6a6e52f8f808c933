using System.Reflection;
using System.Runtime.CompilerServices;
using MLNet.Gpt.Charts;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.Configuration;

/// <summary>
/// A number that is not a member of an enumeration is rejected wherever a caller or a file can pass one.
/// </summary>
public class UndefinedEnumTests
{
    public static TheoryData<Type, string> Settings => [.. typeof(GptConfig).Assembly.GetExportedTypes()
        .Where(type => type.Name.EndsWith("Options", StringComparison.Ordinal) || type == typeof(TrainingHistory))
        .SelectMany(type => type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.CanWrite && EnumOf(property) is not null)
            .Select(property => (type, property.Name)))];

    [Theory]
    [MemberData(nameof(Settings))]
    public void A_setting_accepts_only_the_values_that_its_type_defines(Type type, string name)
    {
        var property = type.GetProperty(name)!;
        object options = RuntimeHelpers.GetUninitializedObject(type);
        foreach (object value in Enum.GetValues(EnumOf(property)!)) property.SetValue(options, value);

        var error =
            Assert.Throws<TargetInvocationException>(() => property.SetValue(options, Enum.ToObject(EnumOf(property)!, 77))).InnerException;

        Assert.StartsWith(
            $"{name} is 77; it must be one of ", Assert.IsType<ArgumentOutOfRangeException>(error).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_setting_is_tested() => Assert.True(Settings.Count >= 14, $"{Settings.Count} settings were found.");

    [Fact]
    public void A_tokenizer_refuses_an_undefined_reading_of_special_tokens()
    {
        const SpecialTokens undefined = (SpecialTokens)77;
        var pairs = new BytePairTokenizer(["a"u8.ToArray()], [], []);
        foreach (ITextTokenizer tokenizer in (ITextTokenizer[])[Gpt2Tokenizer.Instance, TinyModels.Words, pairs])
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Encode("a", undefined));
            Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Count("a", undefined));
        }

        using var model = TinyModels.Create();
        Assert.Throws<ArgumentOutOfRangeException>(() => new NextTokenPredictor(model).Predict("w1", specialTokens: undefined));
        Assert.Throws<ArgumentOutOfRangeException>(() => UnigramModel.Train(Corpus.FromTexts(["w1 w2"]), TinyModels.Words, undefined));
    }

    [Fact]
    public void A_model_is_not_quantized_to_an_undefined_precision()
    {
        using var model = TinyModels.Create();

        Assert.Throws<ArgumentOutOfRangeException>(() => model.Quantize((WeightPrecision)77));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Quantize((WeightPrecision)(-1)));
    }

    [Fact]
    public void Weights_are_not_written_as_an_undefined_type()
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using var model = TinyModels.Create();

        Assert.Throws<ArgumentOutOfRangeException>(() => GptCheckpoint.Save(path, model, model.Tokenizer, (TensorDataType)77));
        Assert.Throws<ArgumentOutOfRangeException>(
            () => SafetensorsWriter.Write(path, WeightNames.For(model.Config), model.Read, (TensorDataType)77));
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void A_model_is_not_drawn_from_an_undefined_distribution()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => GptModule.Create(GptPresets.Tiny, 1, (WeightInitialization)77));
        Assert.Throws<ArgumentOutOfRangeException>(() => WeightInitializer.Create(GptPresets.Tiny, 1, (WeightInitialization)77));
    }

    [Fact]
    public void A_curve_has_no_undefined_axis()
    {
        var point = new TrainingPoint { Step = 0, Epoch = 1, TokensSeen = 0, TrainingLoss = 1 };

        Assert.Throws<ArgumentOutOfRangeException>(() => LossCurve.Save(new() { Points = [point] }, "curve.png", (TrainingAxis)77));
    }

    [Fact]
    public void A_history_names_how_it_ended()
    {
        var point = new TrainingPoint { Step = 0, Epoch = 1, TokensSeen = 0, TrainingLoss = 1 };
        string json = new TrainingHistory { Points = [point] }.ToJson();
        string damaged = json.Replace($"\"{nameof(TrainingEnding.Completed)}\"", "77", StringComparison.Ordinal);
        Assert.NotEqual(json, damaged);

        Assert.Throws<FormatException>(() => TrainingHistory.FromJson(damaged));
    }

    private static Type? EnumOf(PropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return type.IsEnum ? type : null;
    }
}
