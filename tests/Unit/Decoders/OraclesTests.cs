using MLNet.Gpt.Tests.TorchSharp;

namespace MLNet.Gpt.Tests.Decoders;

/// <summary>The oracles agree with each other before the library is compared with them.</summary>
[Collection(TorchCollection.Name)]
public sealed class OraclesTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(DecoderFamilies.LlamaCppNames), MemberType = typeof(DecoderFamilies))]
    public void The_decoder_on_TorchSharp_and_llama_cpp_have_the_same_logits(string name)
    {
        var description = DecoderFamilies.Named(name);
        var weights = description.RandomWeights(seed: 1);
        int[] ids = description.RandomIds(64, seed: 2);
        using var decoder = new TorchDecoder(description, weights);
        double[] expected = decoder.Logits(ids);
        Assert.InRange(Math.Sqrt(expected.Average(logit => logit * logit)), 0.5, 2);

        string path = Path.Combine(_directory.Path, "model.gguf");
        GgufFile.Write(path, description, weights);
        using var model = new LlamaCppModel(path);
        float[] actual = model.Logits(ids);
        Assert.Equal(expected.Length, actual.Length);
        double difference = expected.Zip(actual, (x, y) => Math.Abs(x - y)).Max();

        // llama.cpp looks GELU up in a table in half precision.
        Assert.InRange(difference, 0, description.IsGemma ? 1e-3 : 2e-5);
    }

    public static TheoryData<string, string> Changes => new()
    {
        { "llama", "head count" }, { "llama", "rotary base" }, { "llama", "epsilon" }, { "llama-linear", "linear" },
        { "llama3", "llama3" }, { "llama3-short", "llama3" },
        { "mistral", "window" }, { "mistral", "window by one" }, { "qwen2-window", "first local layer" }, { "gemma3", "window" },
        { "gemma3", "local base" }, { "gemma3", "global layers" }, { "gemma3-linear", "linear" }, { "gemma3-scalar", "scalar" },
        { "gemma2", "attention cap" }, { "gemma2", "logit cap" },
    };

    /// <summary>A part that a reader forgets shows in the logits.</summary>
    [Theory]
    [MemberData(nameof(Changes))]
    public void Each_part_of_a_description_changes_the_logits(string name, string part)
    {
        var description = DecoderFamilies.Named(name);
        var changed = part switch
        {
            "head count" => description with { HeadCount = 4, KeyValueHeadCount = 1, HeadSize = 64 },
            "rotary base" => description with { RotaryBase = 500_000 },
            "epsilon" => description with { NormEpsilon = 1e-3 },
            "linear" => description with { LinearFactor = null },
            "llama3" => description with { Llama3 = null },
            "window" => description with { Window = null },
            "window by one" => description with { Window = description.Window + 1 },
            "first local layer" => description with { FirstLocalLayer = 1 },
            "local base" => description with { LocalRotaryBase = 20_000 },
            "attention cap" => description with { AttentionCap = null },
            "logit cap" => description with { LogitCap = 30 },
            "global layers" => description with { GlobalEvery = 2 },
            _ => description with { QueryScalar = null },
        };
        var weights = description.RandomWeights(seed: 1);
        int[] ids = description.RandomIds(64, seed: 2);
        using TorchDecoder original = new(description, weights), other = new(changed, weights);
        double difference = original.Logits(ids).Zip(other.Logits(ids), (x, y) => Math.Abs(x - y)).Max();
        Assert.InRange(difference, 5e-3, double.MaxValue);
    }

    [Theory]
    [MemberData(nameof(DecoderFamilies.Names), MemberType = typeof(DecoderFamilies))]
    public void Gradients_of_the_decoder_on_TorchSharp_equal_finite_differences(string name)
    {
        var description = DecoderFamilies.Named(name);
        var weights = description.RandomWeights(seed: 1);
        int[] inputs = description.RandomIds(80, seed: 2), targets = description.RandomIds(80, seed: 3);
        using var decoder = new TorchDecoder(description, weights);
        var (_, gradients) = decoder.Backward(inputs, targets, sequenceCount: 2);
        foreach (string each in new[] { weights.Keys.First(key => key.Contains(".1.")), weights.Keys.Last() })
        {
            int index = Enumerable.Range(0, gradients[each].Length).MaxBy(i => Math.Abs(gradients[each][i]));
            const float Step = 1e-2f;
            double difference = (LossWith(Step) - LossWith(-Step)) / (2 * Step);
            Assert.Equal(gradients[each][index], difference, 0.01 * Math.Abs(difference));

            double LossWith(float change)
            {
                float[] elements = [.. weights[each].Elements];
                elements[index] += change;
                using var changed = new TorchDecoder(description, new Dictionary<string, NamedTensor>(weights)
                {
                    [each] = weights[each] with { Elements = elements },
                });
                return changed.Backward(inputs, targets, sequenceCount: 2).Loss;
            }
        }
    }
}
