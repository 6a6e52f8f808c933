using System.Text.Json.Nodes;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Tests.Formats.Importing;

namespace MLNet.Gpt.Tests.Formats.HuggingFace;

public sealed class HuggingFaceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    [Theory]
    [InlineData("model_type", "\"bert\"", "'bert'; supported are gpt2, llama")]
    [InlineData("activation_function", "\"relu\"", "the activation 'relu'")]
    [InlineData("layer_norm_epsilon", "0", "NormEpsilon is 0; it must be above 0")]
    [InlineData("n_inner", "0", "FeedForwardWidth is 0; it must be at least 1")]
    [InlineData("scale_attn_weights", "false", "sets scale_attn_weights to False")]
    [InlineData("scale_attn_by_inverse_layer_idx", "true", "sets scale_attn_by_inverse_layer_idx to True")]
    [InlineData("add_cross_attention", "true", "sets add_cross_attention to True")]
    [InlineData("n_head", "3", "not divisible")]
    [InlineData("n_head", "0", "must be at least 1")]
    [InlineData("n_head", "2.5", "not a 32-bit integer")]
    [InlineData("n_head", "null", "lacks 'n_head'")]
    [InlineData("n_layer", "3", "lacks the tensor 'h.2.ln_1.weight'")]
    [InlineData("n_layer", "2147483647", "lacks the tensor 'h.2.ln_1.weight'")]
    [InlineData("n_layer", "1", "'transformer.h.1.ln_1.weight' F32 (8), which is not a weight")]
    [InlineData("n_embd", "16", "requires the shape (40, 16)")]
    [InlineData("n_embd", "2147483646", "does not contain a valid model configuration")]
    [InlineData("vocab_size", "41", "requires the shape (41, 8)")]
    [InlineData("tie_word_embeddings", "false", "lacks the tensor 'lm_head.weight'")]
    public void An_unsupported_configuration_is_refused_by_name(string name, string value, string reason)
    {
        Copy("hf");
        Change(name, JsonNode.Parse(value));
        var error = Assert.Throws<InvalidDataException>(() => GptModelFile.Open(_directory.Path));
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(_directory.Path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../model-00001-of-00002.safetensors")]
    [InlineData("/etc/passwd")]
    [InlineData("a/b")]
    [InlineData("a\\b")]
    [InlineData("..")]
    [InlineData("")]
    public void An_index_does_not_lead_to_files_outside_its_folder(string shard)
    {
        Copy("hf-sharded");
        string path = Path.Combine(_directory.Path, "model.safetensors.index.json");
        var index = JsonNode.Parse(File.ReadAllText(path))!;
        index["weight_map"]!["wte.weight"] = shard;
        File.WriteAllText(path, index.ToJsonString());
        Assert.Contains(
            "not the plain name",
            Assert.Throws<InvalidDataException>(() => GptModelFile.Open(_directory.Path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_and_its_files_must_agree()
    {
        Copy("hf-sharded");
        string path = Path.Combine(_directory.Path, "model.safetensors.index.json"), json = File.ReadAllText(path);
        File.WriteAllText(path, json.Replace("\"wte.weight\": \"model-00002", "\"wte.weight\": \"model-00001", StringComparison.Ordinal));
        Assert.Contains(
            "'wte.weight'",
            Assert.Throws<InvalidDataException>(() => GptModelFile.Open(_directory.Path)).Message,
            StringComparison.Ordinal);
        File.WriteAllText(
            path,
            json.Replace(
                "\"weight_map\": {", "\"weight_map\": {\"more\": \"model-00001-of-00002.safetensors\",", StringComparison.Ordinal));
        Assert.Contains(
            "assigns 'more'",
            Assert.Throws<InvalidDataException>(() => GptModelFile.Open(_directory.Path)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void An_untied_head_is_read_and_a_tied_one_must_be_the_embedding()
    {
        Copy("hf");
        string path = Path.Combine(_directory.Path, "model.safetensors");
        using (var original = SafetensorsReader.Open(ModelFixtures.Path("hf/model.safetensors")))
        {
            var entries = original.Tensors.Select(tensor => new WeightEntry(tensor.Name, [.. tensor.Shape.Select(size => (int)size)]))
                .Append(new("lm_head.weight", [40, 8]));
            SafetensorsWriter.Write(path, entries, (name, start, destination) =>
            {
                if (name != "lm_head.weight") original.Read(name, start, destination);
                else destination.Fill(0.5f);
            });
        }

        Assert.Contains(
            "'lm_head.weight' F32 (40, 8) that differs",
            Assert.Throws<InvalidDataException>(() => GptModelFile.Open(_directory.Path)).Message,
            StringComparison.Ordinal);
        Change("tie_word_embeddings", false);
        using var file = GptModelFile.Open(_directory.Path);
        Assert.False(file.Config.HasTiedHead);
        float[] head = new float[2];
        file.Read(WeightNames.Head, 318, head);
        Assert.Equal([0.5f, 0.5f], head);
    }

    [Fact]
    public void A_folder_without_known_files_is_refused_with_what_is_supported()
    {
        Assert.Contains(
            "config.json", Assert.Throws<InvalidDataException>(() => GptModelFile.Open(_directory.Path)).Message, StringComparison.Ordinal);
        File.Copy(ModelFixtures.Path("hf/config.json"), Path.Combine(_directory.Path, "config.json"));
        Assert.Contains(
            "pytorch_model.bin",
            Assert.Throws<InvalidDataException>(() => GptModelFile.Open(_directory.Path)).Message,
            StringComparison.Ordinal);
    }

    public void Dispose() => _directory.Dispose();

    private void Copy(string model)
    {
        foreach (string file in Directory.GetFiles(ModelFixtures.Path(model)))
        {
            File.Copy(file, Path.Combine(_directory.Path, Path.GetFileName(file)));
        }
    }

    private void Change(string name, JsonNode? value)
    {
        string path = Path.Combine(_directory.Path, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!;
        config[name] = value;
        File.WriteAllText(path, config.ToJsonString());
    }
}
