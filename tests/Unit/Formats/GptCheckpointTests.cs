using MLNet.Gpt.Formats;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats;

public sealed class GptCheckpointTests : IDisposable
{
    private static readonly GptConfig Config = GptPresets.Tiny with
    {
        VocabularySize = 7, HasTiedHead = false, HasQkvBias = false, DropoutRate = 0.125,
    };
    private static readonly WordTokenizer Words = new(
        ["a", "effort", "every", "forward", "moves", "you", "zoo"], unknownWord: "zoo", endOfText: "a");

    private readonly TemporaryDirectory _directory = new();

    private string Path => System.IO.Path.Combine(_directory.Path, "model.safetensors");

    [Fact]
    public void A_saved_model_is_read_back_bit_for_bit_with_its_configuration_and_tokenizer()
    {
        var weights = RandomWeights.Of(Config);
        GptCheckpoint.Save(Path, weights, Words);
        using var checkpoint = GptCheckpoint.Open(Path);

        Assert.Equal(Config, checkpoint.Config);
        foreach (var entry in WeightNames.For(Config))
        {
            float[] read = new float[entry.ElementCount];
            checkpoint.Read(entry.Name, 0, read);
            Assert.Equal(weights[entry.Name].ToArray(), read);
        }

        var tokenizer = Assert.IsType<WordTokenizer>(checkpoint.Tokenizer);
        Assert.Equal(Words.Words, tokenizer.Words);
        Assert.Equal(("zoo", 0), (tokenizer.UnknownWord, tokenizer.EndOfTextId));
    }

    [Fact]
    public void The_engine_loads_it_and_computes_the_same_logits()
    {
        GptCheckpoint.Save(Path, RandomWeights.Of(Config), Words);
        using var loaded = GptModel.Load(Path);
        using var original = GptModel.FromWeights(RandomWeights.Of(Config), Words);
        Assert.Equal(original.ComputeLogits([2, 1, 4]), loaded.ComputeLogits([2, 1, 4]));
    }

    [Theory]
    [InlineData(TensorDataType.Float16)]
    [InlineData(TensorDataType.BFloat16)]
    public void Half_the_bytes_store_the_same_model_up_to_rounding(TensorDataType type)
    {
        GptCheckpoint.Save(Path, RandomWeights.Of(Config), Words, type);
        using var checkpoint = GptCheckpoint.Open(Path);
        Assert.Equal(type, checkpoint.DataType);
        float[] read = new float[7 * 32];
        checkpoint.Read(WeightNames.Head, 0, read);
        float tolerance = type == TensorDataType.Float16 ? 1 / 2048f : 1 / 256f;
        Assert.Equal(
            RandomWeights.Of(Config)[WeightNames.Head].ToArray(), read, (a, b) => Math.Abs(a - b) <= (Math.Abs(a) * tolerance) + 1e-7f);
    }

    [Fact]
    public void The_GPT2_tokenizer_is_saved_by_its_name()
    {
        var config = GptPresets.Tiny with { VocabularySize = 50257, EmbeddingWidth = 8, HeadCount = 2, LayerCount = 1 };
        GptCheckpoint.Save(Path, RandomWeights.Of(config), Gpt2Tokenizer.Instance);
        using var checkpoint = GptCheckpoint.Open(Path);
        Assert.Same(Gpt2Tokenizer.Instance, checkpoint.Tokenizer);
    }

    [Fact]
    public void A_tokenizer_can_be_left_out_and_passed_when_loading()
    {
        GptCheckpoint.Save(Path, RandomWeights.Of(Config), tokenizer: null);
        Assert.Contains(
            "has no tokenizer", Assert.Throws<ArgumentException>(() => GptModel.Load(Path)).Message, StringComparison.Ordinal);
        using var model = GptModel.Load(Path, tokenizer: Words);
        Assert.Same(Words, model.Tokenizer);
    }

    [Fact]
    public void A_tokenizer_of_another_size_is_stored_and_its_other_tokens_are_refused_when_used()
    {
        GptCheckpoint.Save(Path, RandomWeights.Of(Config), Gpt2Tokenizer.Instance);
        using var model = GptModel.Load(Path);
        Assert.Equal(7, model.Tokenizer.VocabularySize);
        Assert.Equal([0], model.Tokenizer.Encode("!"));
        Assert.Contains(
            "'a' with the id 64",
            Assert.Throws<ArgumentException>(() => model.Tokenizer.Encode("a")).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_tokenizer_of_another_kind_is_refused_before_anything_is_written()
    {
        var weights = RandomWeights.Of(Config);
        Assert.Contains(
            "CountingTokenizer",
            Assert.Throws<ArgumentException>(() => GptCheckpoint.Save(Path, weights, new CountingTokenizer(7))).Message,
            StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_directory.Path));
    }

    public static TheoryData<string, string, string> Damages => new()
    {
        { "version '2'", "\"mlnet_gpt.version\":\"1\"", "\"mlnet_gpt.version\":\"2\"" },
        { "lacks 'mlnet_gpt.version'", "mlnet_gpt.version", "mlnet_gpt.Version" },
        { "lacks the weight 'tok_emb.weight'", "\"tok_emb.weight\"", "\"tok_emb.Weight\"" },
        { "lacks the weight 'trf_blocks.2.att.W_query.weight'", "\\u0022layerCount\\u0022:2", "\\u0022layerCount\\u0022:3" },
        { "contains 'trf_blocks.1.att.W_query.weight', which is not a weight", "\\u0022layerCount\\u0022:2", "\\u0022layerCount\\u0022:1" },
        { "requires the shape (15, 32)", "\\u0022contextLength\\u0022:16", "\\u0022contextLength\\u0022:15" },
        { "does not contain a valid model configuration", "\\u0022headCount\\u0022:4", "\\u0022headCount\\u0022:5" },
        { "does not contain a valid model configuration", "\\u0022headCount\\u0022:4", "\\u0022headCount\\u0022:0" },
        { "does not contain a valid model configuration", "\\u0022headCount\\u0022:4", "\\u0022headcount\\u0022:4" },
        { "does not contain a valid model configuration", "\\u0022headCount\\u0022:4", "\\u0022layerCount\\u0022:4" },
        { "tokenizer of kind 'wards'", "kind\\u0022:\\u0022words", "kind\\u0022:\\u0022wards" },
        { "does not contain a valid tokenizer", "\\u0022every\\u0022", "\\u0022effort\\u0022" },
        { "its tokenizer has 7 ids, its model 6", "\\u0022vocabularySize\\u0022:7", "\\u0022vocabularySize\\u0022:6" },
    };

    [Theory]
    [MemberData(nameof(Damages))]
    public void A_tampered_header_is_refused_with_the_reason(string reason, string original, string replacement)
    {
        GptCheckpoint.Save(Path, RandomWeights.Of(Config), Words);
        byte[] bytes = File.ReadAllBytes(Path);
        int length = (int)BitConverter.ToUInt64(bytes);
        string json = System.Text.Encoding.UTF8.GetString(bytes, 8, length);
        Assert.Contains(original, json, StringComparison.Ordinal);
        File.WriteAllBytes(
            Path,
            SafetensorsBytes.Of(
                System.Text.Encoding.UTF8.GetBytes(json.Replace(original, replacement, StringComparison.Ordinal)), bytes[(8 + length)..]));

        var error = Assert.Throws<InvalidDataException>(() => GptCheckpoint.Open(Path));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(Path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hostile_number_of_layers_fails_at_once()
    {
        A_tampered_header_is_refused_with_the_reason(
            "lacks the weight", "\\u0022layerCount\\u0022:2", "\\u0022layerCount\\u0022:2147483647");
    }

    public void Dispose() => _directory.Dispose();
}
