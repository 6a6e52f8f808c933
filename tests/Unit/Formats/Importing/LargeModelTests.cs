using System.Diagnostics;
using MLNet.Gpt.Formats.Safetensors;

namespace MLNet.Gpt.Tests.Formats.Importing;

public class LargeModelTests
{
    // Hugging Face's names and shapes, (in, out).
    private static IEnumerable<WeightEntry> HuggingFace(GptConfig config)
    {
        int c = config.EmbeddingWidth, f = config.FeedForwardWidth;
        yield return new("wte.weight", [config.VocabularySize, c]);
        yield return new("wpe.weight", [config.ContextLength, c]);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            string block = $"h.{layer}.";
            foreach (string norm in (string[])["ln_1", "ln_2"])
            {
                yield return new($"{block}{norm}.weight", [c]);
                yield return new($"{block}{norm}.bias", [c]);
            }

            foreach (
                var (name, inputs, outputs) in new[]
                {
                    ("attn.c_attn", c, 3 * c), ("attn.c_proj", c, c), ("mlp.c_fc", c, f), ("mlp.c_proj", f, c),
                })
            {
                yield return new($"{block}{name}.weight", [inputs, outputs]);
                yield return new($"{block}{name}.bias", [outputs]);
            }
        }

        yield return new("ln_f.weight", [c]);
        yield return new("ln_f.bias", [c]);
    }

    [Fact(Explicit = true)]
    [Trait("Category", "Slow")]
    public void GPT2_small_needs_its_weights_and_a_small_constant()
    {
        using var directory = new TemporaryDirectory();
        string path = Path.Combine(directory.Path, "model.safetensors"), own = Path.Combine(directory.Path, "own.safetensors");
        var random = new Random(1);
        SafetensorsWriter.Write(path, HuggingFace(GptPresets.Gpt2Small), (_, _, destination) =>
        {
            foreach (ref float value in destination) value = random.NextSingle();
        });
        double fastest = double.MaxValue, fastestOwn = double.MaxValue, plain = double.MaxValue;
        byte[] buffer = new byte[1 << 22];
        for (int round = 0; round < 4; round++)
        {
            long managed = GC.GetTotalAllocatedBytes(precise: true);
            var watch = Stopwatch.StartNew();
            using (var model = GptModel.Load(path))
            {
                fastest = Math.Min(fastest, watch.Elapsed.TotalSeconds);
                long allocated = GC.GetTotalAllocatedBytes(precise: true) - managed;
                Assert.Equal(124_439_808, model.Config.ParameterCount);
                Assert.InRange(model.WeightBytes, 4 * 124_439_808L, (4 * 124_439_808L) + (4 << 20));
                Assert.True(allocated < 64 << 20, $"Loading allocated {allocated} bytes in addition to the weights.");
                if (round == 0) GptCheckpoint.Save(own, model, model.Tokenizer);
                TestContext.Current.TestOutputHelper?.WriteLine($"{allocated / 1e6:F1} MB in addition to the weights");
            }

            watch.Restart();
            using (GptModel.Load(own)) fastestOwn = Math.Min(fastestOwn, watch.Elapsed.TotalSeconds);
            watch.Restart();
            using (var file = File.OpenRead(path))
            {
                while (file.Read(buffer) > 0) continue;
            }

            plain = Math.Min(plain, watch.Elapsed.TotalSeconds);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(
            $"Hugging Face {fastest:F3} s, own {fastestOwn:F3} s, the bytes alone {plain:F3} s");
    }
}
