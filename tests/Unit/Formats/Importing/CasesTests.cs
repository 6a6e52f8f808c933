using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.ML;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Tests.Inference;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Formats.Importing;

/// <summary>Files in layouts that users of other programs reported; see the README next to them.</summary>
public sealed class CasesTests : IDisposable
{
    private const string Text = "Call me Ishmael. Some years ago.";

    // The reference has a value for it, but this library refuses to compute it.
    private const string AsTied = "hf-tied-but-differs as tied";

    private static readonly Dictionary<string, Reference> References =
        JsonSerializer.Deserialize<Dictionary<string, Reference>>(File.ReadAllText(At("reference.json")), JsonSerializerOptions.Web)!;

    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string> Names => [.. References.Keys.Where(name => name != AsTied)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_file_in_a_reported_layout_gives_the_right_value(string name)
    {
        var reference = References[name];
        using var model = Load(name.Split(' ')[0]);
        var scores = Scores(model, name);

        Assert.Equal(reference.N, scores.Length);
        AssertMean(name, scores);
        Assert.All(
            reference.First.Zip(scores),
            pair =>
                Assert.InRange(pair.Second.NegativeLogLikelihood - pair.First, -10 * Tolerance(pair.First), 10 * Tolerance(pair.First)));
    }

    [Fact]
    public void A_stored_head_that_differs_from_a_tied_one_is_refused_unless_requested()
    {
        Assert.Contains(
            "useStoredHead (-UseStoredHead)",
            Assert.Throws<InvalidDataException>(() => GptModelFile.Open(At("hf-tied-but-differs"))).Message,
            StringComparison.Ordinal);
        Assert.False(GptModelFile.Inspect(At("hf-tied-but-differs"), useStoredHead: true).Config.HasTiedHead);
        Assert.True(GptModelFile.Inspect(At("hf-save-model"), useStoredHead: true).Config.HasTiedHead);
    }

    [Fact]
    public void A_tied_head_with_its_own_name_is_also_read_from_the_file_alone()
    {
        string alone = Path.Combine(_directory.Path, "model.safetensors");
        File.Copy(At("hf-save-model/model.safetensors"), alone);
        using var model = GptModel.Load(alone, tokenizer: Bytes(), headCount: 4);
        Assert.True(model.Config.HasTiedHead);
        AssertMean("hf-save-model", Scores(model, "hf-save-model"));
    }

    [Fact]
    public void A_head_for_another_task_is_ignored_with_a_warning()
    {
        using var file = GptModelFile.Open(At("hf-leftover"));
        string warning = Assert.Single(file.Warnings);
        Assert.Contains("'multiple_choice_head.summary.weight'", warning, StringComparison.Ordinal);
        Assert.Contains("hf-leftover", warning, StringComparison.Ordinal);
        using var good = GptModelFile.Open(At("hf-good"));
        Assert.Empty(good.Warnings);
    }

    [Fact]
    public void ML_NET_logs_the_warning()
    {
        var ml = new MLContext();
        var messages = new List<string>();
        ml.Log += (_, log) => messages.Add(log.Message);
        using var model = ml.LanguageModeling.LoadModel(At("hf-leftover")).Model;
        Assert.Contains(
            messages,
            message =>
                message.Contains("Warning", StringComparison.Ordinal)
                    && message.Contains("multiple_choice_head", StringComparison.Ordinal));
    }

    [Fact]
    public void The_checkpoint_in_a_run_folder_is_the_last_one_saved()
    {
        using var run = GptModelFile.Open(At("gpt2-simple-rel"));
        using var release = GptModelFile.Open(ModelFixtures.Path("openai"));
        foreach (var entry in WeightNames.For(run.Config))
        {
            float[] mine = new float[entry.ElementCount], expected = new float[entry.ElementCount];
            run.Read(entry.Name, 0, mine);
            release.Read(entry.Name, 0, expected);
            Assert.Equal(expected, mine);
        }
    }

    [Theory]
    [InlineData("nanogpt/biasless.pt", "out.safetensors")]
    [InlineData("nanogpt/biasless.pt", "out")]
    [InlineData("nanogpt/biasless.pt", "out.gguf")]
    [InlineData("nanogpt/biasless.pt", "out.pth")]
    [InlineData("nanogpt/padded-50304.pt", "out.safetensors")]
    [InlineData("nanogpt/padded-50304.pt", "out")]
    [InlineData("nanogpt/padded-50304.pt", "out.gguf")]
    [InlineData("nanogpt/padded-50304.pt", "out.pth")]
    [InlineData("hf-padded", "out.safetensors")]
    [InlineData("hf-padded", "out")]
    [InlineData("hf-padded", "out.gguf")]
    [InlineData("hf-added-tokens with [PAD]", "out.safetensors")]
    [InlineData("hf-added-tokens with [PAD]", "out")]
    [InlineData("hf-added-tokens with [PAD]", "out.gguf")]
    [InlineData("hf-eos-s after <s>", "out.safetensors")]
    [InlineData("hf-eos-s after <s>", "out")]
    [InlineData("hf-eos-s after <s>", "out.gguf")]
    [InlineData("hf-eos-s after </s>", "out")]
    [InlineData("hf-eos-s after </s>", "out.gguf")]
    [InlineData("padded.gguf", "out.safetensors")]
    [InlineData("padded.gguf", "out")]
    [InlineData("padded.gguf", "out.gguf")]
    public void What_was_read_is_written_and_read_back(string name, string place)
    {
        using var model = Load(name.Split(' ')[0]);
        string path = Path.Combine(_directory.Path, place);
        model.Export(path);
        using var back = GptModel.Load(
            path, tokenizer: place.EndsWith(".pth", StringComparison.Ordinal) ? model.Tokenizer : null, headCount: 4);
        Assert.Equal(model.Tokenizer.VocabularySize, back.Tokenizer.VocabularySize);
        Assert.Equal(
            (model.Tokenizer.BeginningOfTextId, model.Tokenizer.EndOfTextId),
            (back.Tokenizer.BeginningOfTextId, back.Tokenizer.EndOfTextId));
        Assert.Equal(FittedTokenizer.TokenCountOf(model.Tokenizer), FittedTokenizer.TokenCountOf(back.Tokenizer));
        AssertMean(name, Scores(back, name));
    }

    [Fact]
    public void ONNX_has_the_padded_rows_as_well()
    {
        using var model = Load("hf-padded");
        string path = Path.Combine(_directory.Path, "out.onnx");
        model.Export(path);
        Assert.True(new FileInfo(path).Length > 320 * 32 * sizeof(float));
    }

    [Fact]
    public void A_pipeline_and_a_package_keep_a_padded_vocabulary()
    {
        var ml = new MLContext();
        var transformer = ml.LanguageModeling.LoadModel(At("hf-padded"));
        using var model = transformer.Model;
        string package = Path.Combine(_directory.Path, "model.zip"), pipeline = Path.Combine(_directory.Path, "pipeline.zip");
        transformer.Save(package);
        ml.Model.Save(transformer, null, pipeline);
        foreach (string path in (string[])[package, pipeline])
        {
            using var back = ml.LanguageModeling.LoadModel(path).Model;
            Assert.Equal(320, back.Tokenizer.VocabularySize);
            AssertMean("hf-padded", Scores(back, "hf-padded"));
        }
    }

    [Fact]
    public void A_padded_model_generates_only_what_its_tokenizer_knows()
    {
        // The model prefers id 300, whatever comes before.
        var config = GptPresets.Tiny with { VocabularySize = 320, HasTiedHead = false };
        var random = RandomWeights.Of(config);
        var arrays = WeightNames.For(config).ToDictionary(entry => entry.Name, entry => random[entry.Name].ToArray());
        arrays[WeightNames.FinalNormShift].AsSpan().Fill(1);
        arrays[WeightNames.Head].AsSpan(300 * config.EmbeddingWidth, config.EmbeddingWidth).Fill(0.2f);
        using var model = GptModel.FromWeights(new GptWeights(config, arrays), Bytes());
        var generator = new TextGenerator(model);
        for (int seed = 0; seed < 20; seed++)
        {
            foreach (var options in (GenerationOptions[])[
                new() { MaxTokens = 20 },
                new() { MaxTokens = 20, Temperature = 2, Seed = seed },
                new() { MaxTokens = 20, Temperature = 2, Seed = seed, RandomAlgorithm = RandomAlgorithm.PyTorch, TopK = 300 },
                new() { MaxTokens = 20, Temperature = 1, Seed = seed, RepetitionPenalty = 1.5, TopP = 0.9, LookupDecoding = true }])
            {
                // Ids that only the model has may occur in a prompt.
                var text = generator.Generate([300, 301, 12 * seed], options);
                Assert.All(text.TokenIds, id => Assert.InRange(id, 0, 256));
            }

            Assert.Equal(300, new NextTokenPredictor(model).Predict([300, 301, 12 * seed], 1)[0].Id);
        }
    }

    [Fact]
    public void An_id_that_only_the_model_has_is_named_among_candidates()
    {
        using var model = Load("hf-padded");
        Assert.Equal("a[PAD319]b", model.Tokenizer.Decode([97, 319, 98]));
        Assert.Equal(8, model.Tokenizer.ByteCount(319));
        var decoder = model.Tokenizer.CreateStreamDecoder();
        Assert.Equal(["a", "[PAD257]", "b", ""], [decoder.Append(97), decoder.Append(257), decoder.Append(98), decoder.Flush()]);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Tokenizer.Decode([320]));
        var described = new TextScorer(model).ScoreTokens(Text, new() { CandidateCount = 320 });
        Assert.Contains(described.Tokens.SelectMany(token => token.Candidates), candidate => candidate.Text == "[PAD300]");
    }

    [Fact]
    public void A_token_that_only_the_tokenizer_has_is_refused_by_name()
    {
        CopyWithPad();
        using var model = GptModel.Load(_directory.Path);
        AssertMean("hf-good", Scores(model, "hf-good"));
        Assert.Equal(257, model.Tokenizer.VocabularySize);
        Assert.Contains(
            "'[PAD]' with the id 257",
            Assert.Throws<ArgumentException>(() => model.Tokenizer.Encode("Hi[PAD] there")).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => model.Tokenizer.Count("Hi[PAD] there"));
        Assert.Throws<ArgumentException>(() => new TextScorer(model).Score("Hi[PAD] there"));
        Assert.Equal(13, model.Tokenizer.Encode("Hi[PAD] there", SpecialTokens.Literal).Length);

        foreach (string place in (string[])["out.safetensors", "out", "out.gguf"])
        {
            string path = Path.Combine(_directory.Path, place);
            model.Export(path);
            using var back = GptModel.Load(path);
            AssertMean("hf-good", Scores(back, "hf-good"));
        }
    }

    [Fact]
    public void Ordinary_tokens_that_the_model_lacks_are_refused_when_a_text_contains_one()
    {
        using var model = GptModel.Load(At("hf-good"), tokenizer: Gpt2Tokenizer.Instance);
        Assert.Equal(257, model.Tokenizer.VocabularySize);
        Assert.Null(model.Tokenizer.EndOfTextId);
        Assert.Equal([32, 0], model.Tokenizer.Encode("A!"));
        var error = Assert.Throws<ArgumentException>(() => model.Tokenizer.Encode("A whale"));
        Assert.Contains("the token ' whale' with the id ", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new TextScorer(model).Score("A whale"));
        Assert.Equal(4, new TextGenerator(model).Generate("A", new() { MaxTokens = 4 }).TokenIds.Count);

        // In one list of tokens, others would take the place of those that are missing.
        string gguf = Path.Combine(_directory.Path, "out.gguf");
        Assert.Contains(
            "50257", Assert.Throws<ArgumentException>(() => model.Export(gguf)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(gguf));
        foreach (string place in (string[])["out.safetensors", "out"])
        {
            string path = Path.Combine(_directory.Path, place);
            model.Export(path);
            using var back = GptModel.Load(path);
            Assert.Equal([32, 0], back.Tokenizer.Encode("A!"));
            Assert.Throws<ArgumentException>(() => back.Tokenizer.Encode("A whale"));
        }
    }

    [Theory] // the tokenizer is guessed only for GPT-2's size and its usual paddings
    [InlineData(50257, true)]
    [InlineData(50258, false)]
    [InlineData(50264, true)]
    [InlineData(50272, true)]
    [InlineData(50304, true)]
    [InlineData(50400, false)]
    public void A_vocabulary_of_GPT_2s_size_padded_or_not_gets_its_tokenizer(int size, bool taken)
    {
        var config = GptPresets.Tiny with { VocabularySize = size, EmbeddingWidth = 4, HeadCount = 1, LayerCount = 1, ContextLength = 2 };
        string path = Path.Combine(_directory.Path, "model.pth");
        GptModelExporter.Export(path, RandomWeights.Of(config), tokenizer: null);
        if (!taken)
        {
            Assert.Contains(
                "50257, 50264, 50272, 50304",
                Assert.Throws<ArgumentException>(() => GptModel.Load(path, headCount: 1)).Message,
                StringComparison.Ordinal);
            return;
        }

        using var model = GptModel.Load(path, headCount: 1);
        Assert.Same(Gpt2Tokenizer.Instance, FittedTokenizer.Original(model.Tokenizer));
        Assert.Equal((size, 50256), (model.Tokenizer.VocabularySize, model.Tokenizer.EndOfTextId));
    }

    [Fact]
    public void Generation_stops_at_the_end_that_the_folder_names()
    {
        using var folder = GptModelFile.Open(At("hf-eos-s"));
        Assert.Equal((256, 257), (folder.Tokenizer!.BeginningOfTextId, folder.Tokenizer.EndOfTextId));
        Assert.Equal([256, 72, 105, 257, 258], folder.Tokenizer.Encode("<s>Hi</s><pad>"));

        // A head that always prefers </s>.
        var arrays = WeightNames.For(folder.Config with { HasTiedHead = false })
            .ToDictionary(entry => entry.Name, entry => new float[entry.ElementCount]);
        foreach (var (name, elements) in arrays) if (name.EndsWith("shift", StringComparison.Ordinal)) elements.AsSpan().Fill(1);
        arrays[WeightNames.Head].AsSpan(257 * folder.Config.EmbeddingWidth, folder.Config.EmbeddingWidth).Fill(1);
        using var model = GptModel.FromWeights(new GptWeights(folder.Config with { HasTiedHead = false }, arrays), folder.Tokenizer);
        var text = new TextGenerator(model).Generate("Yes.");
        Assert.Equal((FinishReason.EndOfText, ""), (text.FinishReason, text.Text));
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("tokenizer.json")]
    [InlineData("config.json")]
    [InlineData("pytorch_model.bin")]
    [InlineData("vocab.json")]
    [InlineData("merges.txt")]
    [InlineData("added_tokens.json")]
    public void A_Git_LFS_pointer_in_a_folder_is_reported_as_one(string name)
    {
        Copy("hf-added-tokens");
        if (name is "tokenizer.json") File.Copy(At("hf-good/tokenizer.json"), Path.Combine(_directory.Path, name));
        if (name is "pytorch_model.bin") File.Delete(Path.Combine(_directory.Path, "model.safetensors"));
        File.Copy(At("hf-lfs-pointer/model.safetensors"), Path.Combine(_directory.Path, name), overwrite: true);
        var error = Assert.Throws<InvalidDataException>(() => GptModel.Load(_directory.Path));
        Assert.Contains("git lfs pull", error.Message, StringComparison.Ordinal);
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("model.gguf")]
    [InlineData("model.pth")]
    [InlineData("model.ckpt.index")]
    public void A_Git_LFS_pointer_and_an_empty_file_are_reported_as_such(string name)
    {
        string path = Path.Combine(_directory.Path, name);
        File.Copy(At("hf-lfs-pointer/model.safetensors"), path);
        Assert.Contains("git lfs pull", Assert.Throws<InvalidDataException>(() => GptModel.Load(path)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "git lfs pull", Assert.Throws<InvalidDataException>(() => TokenizerFile.Load(path)).Message, StringComparison.Ordinal);
        File.WriteAllBytes(path, []);
        Assert.Contains("is empty", Assert.Throws<InvalidDataException>(() => GptModel.Load(path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    [InlineData("generation_config.json")]
    public void A_byte_order_mark_before_JSON_is_skipped(string name)
    {
        Copy("hf-good");
        string path = Path.Combine(_directory.Path, name);
        byte[] json = File.Exists(path) ? File.ReadAllBytes(path) : "{}"u8.ToArray();
        File.WriteAllBytes(path, [0xEF, 0xBB, 0xBF, .. json]);
        using var model = GptModel.Load(_directory.Path);
        AssertMean("hf-good", Scores(model, "hf-good"));
        if (name == "config.json") Assert.Equal("Hugging Face safetensors", GptModelFile.Inspect(path).Format);
        if (name == "tokenizer.json") Assert.Equal(257, TokenizerFile.Load(path).VocabularySize);
    }

    [Fact]
    public void A_refusal_lists_names_from_the_file()
    {
        string path = Path.Combine(_directory.Path, "model.safetensors");
        SafetensorsWriter.Write(path, [new("encoder.layer.0.weight", [2, 2])], (_, _, destination) => destination.Clear());
        Assert.Contains(
            "'encoder.layer.0.weight'",
            Assert.Throws<InvalidDataException>(() => GptModelFile.Open(path)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("module.")]
    [InlineData("_module.")]
    [InlineData("model.")]
    [InlineData("module._orig_mod.")]
    [InlineData("_orig_mod.module.model.")]
    [InlineData("model.transformer.module.")]
    public void Prefixes_are_removed_in_any_order_and_number(string prefix)
    {
        using var good = SafetensorsReader.Open(At("hf-good/model.safetensors"));
        string path = Path.Combine(_directory.Path, "model.safetensors");
        SafetensorsWriter.Write(
            path,
            good.Tensors.Select(tensor => new WeightEntry(prefix + tensor.Name, [.. tensor.Shape.Select(size => (int)size)])),
            (name, start, destination) => good.Read(name[prefix.Length..], start, destination));
        using var model = GptModel.Load(path, tokenizer: Bytes(), headCount: 4);
        AssertMean("hf-good", Scores(model, "hf-good"));
    }

    public void Dispose() => _directory.Dispose();

    private static void AssertMean(string name, TokenScore[] scores)
    {
        double expected = References[name].Mean, mean = scores.Sum(score => (double)score.NegativeLogLikelihood) / scores.Length;
        Assert.InRange(mean, expected - Tolerance(expected), expected + Tolerance(expected));
    }

    private void Copy(string name)
    {
        foreach (string file in Directory.GetFiles(At(name))) File.Copy(file, Path.Combine(_directory.Path, Path.GetFileName(file)));
    }

    // [PAD] was added to the tokenizer, but the embeddings were not resized.
    private void CopyWithPad()
    {
        Copy("hf-good");
        string path = Path.Combine(_directory.Path, "tokenizer.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        json["added_tokens"]!.AsArray().Add(JsonNode.Parse("""{"id":257,"content":"[PAD]","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}"""));
        File.WriteAllText(path, json.ToJsonString());
    }

    private static double Tolerance(double value) => 1e-6 * Math.Max(1, value);

    private static string At(string name) => Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Cases", name);

    private GptModel Load(string name) => name switch
    {
        "nanogpt/padded-50304.pt" => GptModel.Load(Unpacked(name)),
        "hf-tied-but-differs" => GptModel.Load(At(name), useStoredHead: true),
        _ when name.StartsWith("nanogpt", StringComparison.Ordinal) => GptModel.Load(At(name), tokenizer: Bytes()),
        _ => GptModel.Load(At(name)),
    };

    private static TokenScore[] Scores(GptModel model, string name) => name switch
    {
        "hf-added-tokens with [PAD]" => new TextScorer(model).ScoreIds(model.Tokenizer.Encode("Hi[PAD] there")),
        "hf-eos-s after <s>" => Rolling(model),
        "hf-eos-s after </s>" =>
            new TextScorer(model).ScoreIds([model.Tokenizer.EndOfTextId!.Value, .. model.Tokenizer.Encode(Text.AsSpan(0, 31))]),
        _ => new TextScorer(model).ScoreIds(model.Tokenizer.Encode(Text)),
    };

    private static TokenScore[] Rolling(GptModel model)
    {
        var scorer = new TextScorer(model, ScoringOptions.RollingWindows);
        return scorer.ScoreIds(scorer.Encode(Text.AsSpan(0, 31)));
    }

    private static BytePairTokenizer Bytes() => new(
        [.. Enumerable.Range(0, 256).Select(value => (byte[])[(byte)value]), Encoding.UTF8.GetBytes("<|endoftext|>")], [], [256], 256);

    private string Unpacked(string name)
    {
        string path = Path.Combine(_directory.Path, Path.GetFileName(name));
        using var packed = new GZipStream(File.OpenRead(At(name + ".gz")), CompressionMode.Decompress);
        using var file = File.Create(path);
        packed.CopyTo(file);
        return path;
    }

    private sealed record Reference(double Sum, double Mean, int N, double[] First);
}
