using System.Diagnostics;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Tests.Data;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats.Hostile;

/// <summary>Damaged tokenizers cause an <see cref="InvalidDataException"/> that names the file, quickly, or encode text.</summary>
public sealed class HostileTokenizerTests : IDisposable
{
    private const int Few = 400;
    private const int Many = 40_000; // of each of eight forms: 320,000 per kind of file
    private const string Text = " The whale's 123 x\u0301\n\n  !<|begin|> é醒 <think></s>";

    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string, bool> Files =>
        [.. ((string[])["llama3", "qwen2", "smollm", "gpt2prefix", "llama2", "gemma", "mistral", "metaspace"])
            .SelectMany(name => (TheoryDataRow<string, bool>[])[new(name, false), new(name, true)])];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_damaged_tokenizer_is_refused_or_works(string name, bool isGguf) => Run(name, isGguf, firstSeed: 0, Few);

    [Theory(Explicit = true)]
    [Trait("Category", "Slow")]
    [MemberData(nameof(Files))]
    public void Many_damaged_tokenizers_are_refused_or_work(string name, bool isGguf) => Run(name, isGguf, firstSeed: 1_000_000, Many);

    public void Dispose() => _directory.Dispose();

    private void Run(string name, bool isGguf, int firstSeed, int count)
    {
        string source = TestFiles.InRepository($"tests/Unit/Tokenization/Fixtures/Families/{name}.json");
        string path = Path.Combine(_directory.Path, isGguf ? "model.gguf" : "tokenizer.json");
        if (isGguf)
        {
            var tokenizer = TokenizerFile.Load(source);
            var weights = RandomWeights.Of(GptPresets.Tiny with { VocabularySize = tokenizer.VocabularySize });
            try
            {
                GptModelExporter.Export(path, weights, tokenizer);
            }
            catch (ArgumentException) when (name is "gpt2prefix" or "metaspace" or "qwen2")
            {
                return; // a form that GGUF does not have
            }
        }
        else File.Copy(source, path);

        byte[] original = File.ReadAllBytes(path);
        Range structure = isGguf ? 0..(original.AsSpan().LastIndexOf("output_norm.bias"u8) + 40) : Range.All;
        int accepted = 0;
        for (int seed = firstSeed; seed < firstSeed + count; seed++)
        {
            File.WriteAllBytes(path, new Mutator(seed).Mutate(original, [structure], out _));
            var watch = Stopwatch.StartNew();
            try
            {
                var tokenizer = TokenizerFile.Load(path);
                accepted++;
                int[] ids = tokenizer.Encode(Text);
                Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.VocabularySize - 1));
                _ = tokenizer.Decode(ids) + tokenizer.Decode(tokenizer.Encode(Text, SpecialTokens.Literal));
            }
            catch (InvalidDataException error)
            {
                Assert.True(error.Message.Contains(_directory.Path, StringComparison.Ordinal), $"Seed {seed}: {error.Message}");
            }
            catch (ArgumentException error) when (error.Message.Contains("is not a token of this vocabulary", StringComparison.Ordinal))
            {
            }
            catch (Exception error) when (error is not Xunit.Sdk.IAssertionException)
            {
                Assert.Fail($"Seed {seed}: {error}");
            }

            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"Seed {seed} took {watch.Elapsed}.");
        }

        Assert.InRange(accepted, 1, count - 1);
    }
}
