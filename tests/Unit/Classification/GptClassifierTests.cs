using System.Text.Json;
using System.Text.Json.Nodes;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Tests.TorchSharp;
using MLNet.Gpt.TorchSharp;
using TorchSharp;

namespace MLNet.Gpt.Tests.Classification;

[Collection(TorchCollection.Name)]
public sealed class GptClassifierTests : IDisposable
{
    private static readonly string[] Labels = ["a", "b", "c"];

    private readonly GptClassifier _classifier = Create(GptPresets.Tiny with { HasQkvBias = true });
    private readonly TemporaryDirectory _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _classifier.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Logits_are_those_of_a_plain_forward_pass_and_a_linear_layer_in_TorchSharp()
    {
        // The rows of a head of next tokens, of which the first are the classes.
        var config = _classifier.Model.Config;
        var head = config with { HasTiedHead = false };
        float[] rows = new float[head.VocabularySize * head.EmbeddingWidth];
        _classifier.HeadWeight.CopyTo(rows);
        var arrays = WeightNames.For(config).ToDictionary(entry => entry.Name, entry => Read(_classifier.Model, entry));
        arrays.Add(WeightNames.Head, rows);
        using var scope = torch.NewDisposeScope();
        using var network = GptModule.FromWeights(new GptWeights(head, arrays));
        network.eval();
        using var noGradients = torch.no_grad();
        for (int length = 1; length <= config.ContextLength; length += 3)
        {
            string text = TinyModels.Text(length, length);
            int[] ids = _classifier.Encode(text, cancellationToken: Cancellation);
            Assert.Equal(length, ids.Length);
            var last = network.call(torch.tensor(ids, torch.ScalarType.Int64).unsqueeze(0))[0, length - 1];
            var prediction = _classifier.Predict(text, cancellationToken: Cancellation);
            for (int i = 0; i < Labels.Length; i++)
            {
                Assert.Equal(last[i].item<float>() + _classifier.HeadBias[i], prediction.Logits[i], 1e-5f);
            }

            float[] scores = torch.softmax(torch.tensor(prediction.Logits.ToArray()), 0).data<float>().ToArray();
            for (int i = 0; i < Labels.Length; i++) Assert.Equal(scores[i], prediction.Scores[i], 1e-6f);
            Assert.Equal(Labels[Array.IndexOf(scores, scores.Max())], prediction.Label);
            Assert.Equal(length, prediction.TokenCount);
        }
    }

    [Theory]
    [InlineData(WeightPrecision.Float32)]
    [InlineData(WeightPrecision.BFloat16)]
    [InlineData(WeightPrecision.Int8)]
    [InlineData(WeightPrecision.Int4)]
    public void A_text_gets_the_same_bits_alone_in_a_batch_and_on_any_number_of_threads(WeightPrecision precision)
    {
        string[] texts = [.. Enumerable.Range(0, 120).Select(i => TinyModels.Text(i % 17, i))];
        using var one = Create(GptPresets.Tiny, new() { Precision = precision, ThreadCount = 1 });
        using var many = Create(GptPresets.Tiny, new() { Precision = precision, ThreadCount = 3 });
        float[][] expected = [.. texts.Select(text => one.Predict(text, cancellationToken: Cancellation).Logits.ToArray())];
        Assert.Equal(expected, one.Predict(texts, Cancellation).Select(each => each.Logits.ToArray()));
        Assert.Equal(expected, many.Predict(texts, Cancellation).Select(each => each.Logits.ToArray()));
        Assert.Equal(expected, texts.AsParallel().AsOrdered().Select(
            text => many.Predict(text, cancellationToken: Cancellation).Logits.ToArray()));
        Assert.Equal(expected[..7], many.Predict(texts[..7], Cancellation).Select(each => each.Logits.ToArray()));
        using var exact = Create(GptPresets.Tiny);
        var scores = exact.Predict(texts, Cancellation);
        float tolerance = precision == WeightPrecision.Int4 ? 0.6f : 0.1f;
        for (int i = 0; i < texts.Length; i++) Assert.Equal(scores[i].Logits[0], expected[i][0], tolerance);
    }

    [Fact]
    public void Long_texts_lose_their_end_and_the_longer_one_of_a_pair_its_own()
    {
        int end = TinyModels.Words.EndOfTextId!.Value;
        int[] long1 = Ids(40, 1), long2 = Ids(40, 2), short1 = Ids(3, 3);
        Assert.Equal(long1[..16], _classifier.Encode(Text(long1), cancellationToken: Cancellation));
        Assert.Equal([.. short1, end, .. long2[..12]], _classifier.Encode(Text(short1), Text(long2), Cancellation));
        Assert.Equal([.. long2[..12], end, .. short1], _classifier.Encode(Text(long2), Text(short1), Cancellation));
        Assert.Equal([.. long1[..8], end, .. long2[..7]], _classifier.Encode(Text(long1), Text(long2), Cancellation));
        var prediction = _classifier.Predict(Text(long1), cancellationToken: Cancellation);
        Assert.True(prediction.IsTruncated);
        Assert.Equal(prediction.Logits, _classifier.Predict(Text(long1[..16]), cancellationToken: Cancellation).Logits);
        Assert.False(_classifier.Predict(Text(long1[..16]), cancellationToken: Cancellation).IsTruncated);

        using var strict = Create(GptPresets.Tiny, texts: new() { MaxTokenCount = 5, RefusesLongTexts = true });
        Assert.Equal(5, strict.Predict(Text(long1[..5]), cancellationToken: Cancellation).TokenCount);
        var error = Assert.Throws<ArgumentException>(() => strict.Predict(Text(long1[..6]), cancellationToken: Cancellation));
        Assert.Contains("6 tokens; at most 5", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => Create(GptPresets.Tiny, texts: new() { MaxTokenCount = 17 }));
    }

    [Fact]
    public void An_empty_text_is_the_end_of_a_text()
    {
        int end = TinyModels.Words.EndOfTextId!.Value;
        Assert.Equal([end], _classifier.Encode("", cancellationToken: Cancellation));
        Assert.Equal([end], _classifier.Encode("", "", Cancellation));
        Assert.Equal([end, 3], _classifier.Encode("", "w3", Cancellation));
        var withoutEnd = new WordTokenizer([.. Enumerable.Range(0, 61).Select(i => $"w{i}")]);
        using var other = Create(GptPresets.Tiny, tokenizer: withoutEnd);
        Assert.Throws<ArgumentException>(() => other.Predict("", cancellationToken: Cancellation));
        Assert.Throws<ArgumentException>(() => other.Predict("w1", "w2", Cancellation));
        Assert.Empty(other.Predict(Array.Empty<string>(), Cancellation));
    }

    [Fact]
    public void A_saved_folder_is_transformers_own_and_predicts_the_same_bits()
    {
        string path = Path.Combine(_folder.Path, "model");
        _classifier.Save(path, cancellationToken: Cancellation);
        using var loaded = GptClassifier.Load(path, cancellationToken: Cancellation);
        string[] texts = [.. Enumerable.Range(0, 20).Select(i => TinyModels.Text(i, i))];
        Assert.Equal(
            _classifier.Predict(texts, Cancellation).Select(each => (each.Label, Logits: string.Join(' ', each.Logits))),
            loaded.Predict(texts, Cancellation).Select(each => (each.Label, Logits: string.Join(' ', each.Logits))));
        Assert.Equal(Labels, loaded.Labels);

        var config = Config(path);
        Assert.Equal("GPT2ForSequenceClassification", (string?)config["architectures"]![0]);
        Assert.Equal("single_label_classification", (string?)config["problem_type"]);
        Assert.Equal(3, (int?)config["num_labels"]);
        Assert.Equal("b", (string?)config["id2label"]!["1"]);
        Assert.Equal(2, (int?)config["label2id"]!["c"]);
        Assert.Equal(TinyModels.Words.EndOfTextId, (int?)config["pad_token_id"]);
        using var file = SafetensorsReader.Open(Path.Combine(path, "model.safetensors"));
        Assert.Equal([3L, 32L], file.Find("score.weight")!.Shape);
        Assert.Equal([3L], file.Find("score.bias")!.Shape);
        Assert.NotNull(file.Find("transformer.wte.weight"));
        Assert.Null(file.Find("lm_head.weight"));

        // It remains a model of next tokens for whoever wants that, as before.
        using var decoder = GptModelFile.Open(path, cancellationToken: Cancellation);
        Assert.Contains("head for another task", decoder.Warnings.Single(), StringComparison.Ordinal);
        Assert.Contains("GptClassifier.Load", decoder.Warnings.Single(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_transformers_writes_is_read_without_bias_and_names()
    {
        string path = Path.Combine(_folder.Path, "model");
        var head = _classifier.Head with { Bias = new float[3] };
        using var model = _classifier.Model.Quantize(WeightPrecision.Float32, cancellationToken: Cancellation);
        new GptClassifier(model, head, new()).Save(path, cancellationToken: Cancellation);
        using (var file = SafetensorsReader.Open(Path.Combine(path, "model.safetensors"))) Assert.Null(file.Find("score.bias"));
        var config = Config(path);
        string[] ours = ["id2label", "label2id", "num_labels", "problem_type", "mlnet_gpt", "pad_token_id"];
        foreach (string key in ours) config.Remove(key);
        Write(path, config);
        using var loaded = GptClassifier.Load(
            Path.Combine(path, "config.json"), new() { Precision = WeightPrecision.BFloat16 }, cancellationToken: Cancellation);
        Assert.Equal(["LABEL_0", "LABEL_1", "LABEL_2"], loaded.Labels);
        Assert.False(loaded.IsRegression);
        Assert.Equal([0f, 0f, 0f], loaded.HeadBias.ToArray());
        Assert.Equal(head.Weight, loaded.HeadWeight.ToArray());
        Assert.Equal(SpecialTokens.Literal, loaded.Texts.SpecialTokens);
    }

    [Fact]
    public void Other_families_and_settings_of_texts_survive_saving()
    {
        string path = Path.Combine(_folder.Path, "llama");
        var texts = new ClassifierTextOptions { MaxTokenCount = 7, RefusesLongTexts = true, SpecialTokens = SpecialTokens.Recognized };
        using var llama = Create(GptPresets.TinyLlama, texts: texts, isRegression: true);
        llama.Save(path, new() { DataType = TensorDataType.BFloat16 }, cancellationToken: Cancellation);
        var config = Config(path);
        Assert.Equal("LlamaForSequenceClassification", (string?)config["architectures"]![0]);
        Assert.Equal("regression", (string?)config["problem_type"]);
        using var loaded = GptClassifier.Load(path, cancellationToken: Cancellation);
        Assert.True(loaded.IsRegression);
        Assert.Equal(texts, loaded.Texts);
        var prediction = loaded.Predict("w1 w2", cancellationToken: Cancellation);
        Assert.Null(prediction.Label);
        Assert.Equal(llama.Predict("w1 w2", cancellationToken: Cancellation).Score, prediction.Score, 0.05f);
    }

    [Theory]
    [InlineData("id2label", """{"0":"a","1":"b"}""", "2 labels; the head has 3")]
    [InlineData("id2label", """{"0":"a","1":"b","3":"c"}""", "the id '3'")]
    [InlineData("id2label", """{"0":"a","1":"b","2":"b"}""", "the same name")]
    [InlineData("problem_type", "\"multi_label_classification\"", "multi_label_classification")]
    [InlineData("problem_type", "\"regression\"", "3 labels")]
    [InlineData("n_embd", "16", "score.weight")]
    [InlineData("mlnet_gpt", """{"special_tokens":"None"}""", "None")]
    [InlineData("mlnet_gpt", """{"max_token_count":99}""", "MaxTokenCount is 99")]
    public void A_damaged_configuration_is_refused(string key, string value, string expected)
    {
        string path = Path.Combine(_folder.Path, "model");
        _classifier.Save(path, cancellationToken: Cancellation);
        var config = Config(path);
        config[key] = JsonNode.Parse(value);
        Write(path, config);
        var error = Assert.Throws<InvalidDataException>(() => GptClassifier.Load(path, cancellationToken: Cancellation));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_without_a_head_for_classes_is_refused()
    {
        string path = Path.Combine(_folder.Path, "model");
        _classifier.Model.Export(path, cancellationToken: Cancellation);
        var error = Assert.Throws<InvalidDataException>(() => GptClassifier.Load(path, cancellationToken: Cancellation));
        Assert.Contains("'score.weight'", error.Message, StringComparison.Ordinal);
        Assert.Throws<DirectoryNotFoundException>(() => GptClassifier.Load(path + "x", cancellationToken: Cancellation));
        Assert.Throws<InvalidDataException>(() => GptClassifier.Load(_folder.Path, cancellationToken: Cancellation));
    }

    internal static GptClassifier Create(
        GptConfig config, GptModelOptions? options = null, ClassifierTextOptions? texts = null, ITextTokenizer? tokenizer = null,
        bool isRegression = false)
    {
        var body = config with { HasTiedHead = true };
        var model = GptModel.FromWeights(TinyModels.Weights(body, 5), tokenizer ?? TinyModels.Words, options ?? new() { ThreadCount = 2 });
        var random = new Random(6);
        int outputs = isRegression ? 1 : Labels.Length;
        float[] weight = [.. Enumerable.Range(0, outputs * config.EmbeddingWidth).Select(_ => random.NextSingle() - 0.5f)];
        float[] bias = [.. Enumerable.Range(0, outputs).Select(_ => random.NextSingle() - 0.5f)];
        return new(model, new(weight, bias, isRegression ? ["LABEL_0"] : Labels, isRegression), texts ?? new());
    }

    private static float[] Read(GptModel model, WeightEntry entry)
    {
        float[] elements = new float[entry.ElementCount];
        model.Read(entry.Name, 0, elements);
        return elements;
    }

    private static int[] Ids(int count, int seed) => TinyModels.Words.Encode(TinyModels.Text(count, seed));

    private static string Text(int[] ids) => TinyModels.Words.Decode(ids);

    private static JsonObject Config(string path) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(path, "config.json")))!.AsObject();

    private static void Write(string path, JsonObject config) =>
        File.WriteAllText(Path.Combine(path, "config.json"), config.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
}
