
namespace MLNet.Gpt.Tests.Formats.Importing;

public class LogitTests
{
    public static TheoryData<string> Models => [.. ModelFixtures.References.Keys];

    [Theory]
    [MemberData(nameof(Models))]
    public void Another_programs_model_gives_that_programs_logits(string name)
    {
        var reference = ModelFixtures.References[name];
        using var model = GptModel.Load(ModelFixtures.Path(name), tokenizer: ModelFixtures.Words, headCount: 2);
        float[] logits = model.ComputeLogits(reference.Ids);
        Assert.Equal(reference.Logits.SelectMany(row => row), logits, (expected, actual) => Math.Abs(expected - actual) < 1e-5f);
    }

    [Theory]
    [InlineData("hf", "Hugging Face safetensors", "F32", true, true)]
    [InlineData("hf/model.safetensors", "Hugging Face safetensors", "F32", true, true)]
    [InlineData("hf/config.json", "Hugging Face safetensors", "F32", true, true)]
    [InlineData("hf-sharded", "Hugging Face safetensors", "BF16 + F16", true, true)]
    [InlineData("hf-sharded/model.safetensors.index.json", "Hugging Face safetensors", "BF16 + F16", true, true)]
    [InlineData("hf-bin", "Hugging Face PyTorch", "F16", true, true)]
    [InlineData("hf-bin/pytorch_model.bin", "Hugging Face PyTorch", "F16", true, true)]
    [InlineData("transformers", "Hugging Face safetensors", "F32", true, true)]
    [InlineData("book/model.pth", "PyTorch zip", "F32", false, false)]
    [InlineData("book/checkpoint.pth", "PyTorch zip", "BF16", false, false)]
    [InlineData("book/views.pth", "PyTorch zip", "F32", true, true)]
    [InlineData("book/legacy.pth", "PyTorch legacy", "F16", false, false)]
    [InlineData("own/model.safetensors", "MLNet.Gpt safetensors", "F32", true, false)]
    [InlineData("openai", "TensorFlow checkpoint", "F32", true, true)]
    [InlineData("openai/model.ckpt.index", "TensorFlow checkpoint", "F32", true, true)]
    [InlineData("openai/checkpoint", "TensorFlow checkpoint", "F32", true, true)]
    [InlineData("openai/hparams.json", "TensorFlow checkpoint", "F32", true, true)]
    [InlineData("gguf/f32.gguf", "GGUF v3", "F32", true, true)]
    [InlineData("gguf/f16.gguf", "GGUF v3", "F16 + F32", true, true)]
    [InlineData("gguf/bf16.gguf", "GGUF v3", "BF16 + F32", true, true)]
    [InlineData("gguf/q8_0.gguf", "GGUF v3", "Q8_0 + F32", true, true)]
    public void The_format_is_detected_from_the_content(string path, string format, string dataType, bool hasBias, bool isTied)
    {
        var info = GptModelFile.Inspect(ModelFixtures.Path(path), headCount: path.StartsWith("book", StringComparison.Ordinal) ? 2 : null);
        Assert.Equal((format, dataType, hasBias, isTied), (info.Format, info.DataType, info.Config.HasQkvBias, info.Config.HasTiedHead));
        Assert.Equal(info.ParameterCount, info.Parts.Sum(part => part.ParameterCount));
        Assert.Equal(info.Config.ParameterCount, info.ParameterCount);
    }

    [Theory]
    [InlineData("book/model.pth", "PyTorch zip")]
    [InlineData("book/legacy.pth", "PyTorch legacy")]
    [InlineData("gguf/q8_0.gguf", "GGUF v3")]
    [InlineData("own/model.safetensors", "MLNet.Gpt safetensors")]
    public void A_misleading_name_does_not_matter(string name, string format)
    {
        using var directory = new TemporaryDirectory();
        foreach (string ending in (string[])["", ".txt", ".gguf", ".safetensors", ".zip"])
        {
            string path = Path.Combine(directory.Path, "renamed" + ending);
            File.Copy(ModelFixtures.Path(name), path);
            Assert.Equal(format, GptModelFile.Inspect(path, headCount: 2).Format);
        }
    }

    [Fact]
    public void Bytes_by_part_are_those_in_the_file()
    {
        var info = GptModelFile.Inspect(ModelFixtures.Path("gguf/q8_0.gguf"));
        Assert.Equal(40 * 34, info.Parts.Single(part => part.Name == "Token embedding").Bytes);
        Assert.Equal((4 * 32 * 34) + (4 * 32 * 4), info.Parts.Single(part => part.Name == "Attention").Bytes);
        Assert.Equal(6 * 32 * 4, info.Parts.Single(part => part.Name == "Layer norms").Bytes);
    }

    [Fact]
    public void Weights_are_read_in_any_pieces()
    {
        foreach (string name in ModelFixtures.References.Keys)
        {
            using var file = GptModelFile.Open(ModelFixtures.Path(name), headCount: 2);
            var random = new Random(1);
            foreach (var entry in WeightNames.For(file.Config))
            {
                float[] whole = new float[entry.ElementCount];
                file.Read(entry.Name, 0, whole);
                for (int i = 0; i < 10; i++)
                {
                    int start = random.Next(whole.Length), length = random.Next(whole.Length - start + 1);
                    float[] piece = new float[length];
                    file.Read(entry.Name, start, piece);
                    Assert.Equal(whole[start..(start + length)], piece);
                }
            }
        }
    }
}
