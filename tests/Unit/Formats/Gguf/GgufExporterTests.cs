using System.Security.Cryptography;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Tests.Formats.Exporting;

namespace MLNet.Gpt.Tests.Formats.Gguf;

/// <summary>
/// Against whole files that llama.cpp's gguf-py (<c>GGUFWriter</c> and <c>quantize</c>) wrote for the same keys and the
/// weights of <see cref="PatternWeights"/>.
/// </summary>
public sealed class GgufExporterTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Path => System.IO.Path.Combine(_directory.Path, "model.gguf");

    [Theory]
    [InlineData(TensorDataType.Float32, "4ced365ce5ab4c765925a4d8be13fd12e8817ea1e52c42b8500f77ceba818cf9")]
    [InlineData(TensorDataType.Float16, "c6a5100901c49b078035edcb0a4763497067ea622efaf3a3b7d92a4ddea11018")]
    [InlineData(TensorDataType.BFloat16, "bb98fdce02fc7672402bf83cfe6009a014e8383313a603c580ed0915fea6f2a6")]
    [InlineData(TensorDataType.Q8_0, "b96fdc9907d0046c32983d41ebb273042155bdff169b0457980c149ba90fd89d")]
    public void A_model_equals_the_file_of_the_reference_writer_byte_for_byte(TensorDataType type, string sha256)
    {
        GptModelExporter.Export(Path, PatternWeights.Of(GptPresets.Tiny), tokenizer: null, new() { DataType = type });
        Assert.Equal(sha256, Hash());
    }

    [Fact]
    public void Missing_biases_are_zeros_and_an_untied_head_comes_last()
    {
        GptModelExporter.Export(Path, PatternWeights.Of(GptPresets.Tiny with { HasQkvBias = false, HasTiedHead = false }), tokenizer: null);
        Assert.Equal("15f1907a8be5fdb482b206b6bfb404588df476654aaf6c5f6c332b5e925bb3a3", Hash());
    }

    [Fact]
    public void GPT_2s_tokenizer_is_written_with_it()
    {
        var config = GptPresets.Tiny with { VocabularySize = Gpt2Tokenizer.Instance.VocabularySize, LayerCount = 1 };
        GptModelExporter.Export(Path, PatternWeights.Of(config), Gpt2Tokenizer.Instance);
        Assert.Equal("19a92b737badd5304039df59b12c0bbd1f4794dd7cf2d931bb06189ba3a371bb", Hash());
    }

    [Fact]
    public void A_word_vocabulary_is_refused_and_nothing_is_written()
    {
        var words = new WordTokenizer(Enumerable.Range(0, GptPresets.Tiny.VocabularySize).Select(i => $"w{i}"));
        var refused = Assert.Throws<ArgumentException>(() => GptModelExporter.Export(Path, PatternWeights.Of(GptPresets.Tiny), words));
        Assert.Contains(nameof(WordTokenizer), refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory.Path));
    }

    /// <summary>Rows of 48 elements are not whole blocks of 32: half precision, as in llama.cpp's converter.</summary>
    [Fact]
    public void Rows_that_are_not_whole_blocks_stay_in_half_precision()
    {
        var config = GptPresets.Tiny with { EmbeddingWidth = 48 };
        GptModelExporter.Export(Path, PatternWeights.Of(config), tokenizer: null, new() { DataType = TensorDataType.Q8_0 });
        long matrices = (2 * ((3 * 48 * 48) + (48 * 48) + (4 * 48 * 48))) + (61 * 48); // their rows have 48 elements
        long downs = 2 * 4 * 48 * 48; // theirs 192
        long singles = (16 * 48) + (2 * ((3 + 1 + 4 + 1 + 4) * 48)) + (2 * 48);
        long elements = (matrices * 2) + (downs / 32 * 34) + (singles * 4);
        Assert.InRange(new FileInfo(Path).Length - elements, 1, 3000); // header and padding
    }

    public void Dispose() => _directory.Dispose();

    private string Hash() => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path)));
}
