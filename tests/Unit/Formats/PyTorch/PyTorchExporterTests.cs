using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Text;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats.PyTorch;

public sealed class PyTorchExporterTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Path => System.IO.Path.Combine(_directory.Path, "model.pth");

    /// <summary>
    /// The layout that PyTorch's reader requires, which takes the archive's name from the first entry.
    /// </summary>
    [Fact]
    public void The_archive_contains_a_pickle_a_version_and_each_tensors_bytes()
    {
        var config = GptPresets.Tiny with { HasQkvBias = false, HasTiedHead = false };
        var weights = RandomWeights.Of(config);
        GptModelExporter.Export(Path, weights, tokenizer: null);

        using var archive = ZipFile.OpenRead(Path);
        Assert.Equal("archive/data.pkl", archive.Entries[0].FullName);
        Assert.Equal("3\n", Encoding.ASCII.GetString(Contents(archive, "archive/version")));
        Assert.Equal("little", Encoding.ASCII.GetString(Contents(archive, "archive/byteorder")));

        int number = 0;
        foreach (var entry in WeightNames.For(config))
        {
            if (entry.Name == WeightNames.Query(0)) CheckMask(Contents(archive, $"archive/data/{number++}"), config.ContextLength);
            byte[] stored = Contents(archive, $"archive/data/{number++}");
            Assert.Equal(weights[entry.Name].ToArray(), MemoryMarshal.Cast<byte, float>(stored).ToArray());
        }

        Assert.Equal(number + 3, archive.Entries.Count);
    }

    /// <summary>
    /// The keys of the book's <c>GPTModel().state_dict()</c>, in its order: buffers of a module come before its linear
    /// layers.
    /// </summary>
    [Fact]
    public void The_keys_are_those_of_the_books_model()
    {
        string[] block = ["att.mask", "att.W_query.weight", "att.W_key.weight", "att.W_value.weight",
            "att.out_proj.weight", "att.out_proj.bias",
            "ff.layers.0.weight",
            "ff.layers.0.bias",
            "ff.layers.2.weight",
            "ff.layers.2.bias",
            "norm1.scale",
            "norm1.shift",
            "norm2.scale",
            "norm2.shift"];
        string[] expected = ["tok_emb.weight", "pos_emb.weight",
            .. block.Select(key => "trf_blocks.0." + key), .. block.Select(key => "trf_blocks.1." + key),
            "final_norm.scale", "final_norm.shift", "out_head.weight"];

        Assert.Equal(expected, Keys(GptPresets.Tiny with { HasQkvBias = false, HasTiedHead = false }, new()));
        Assert.Equal(expected, Keys(GptPresets.Tiny with { HasQkvBias = false, HasTiedHead = true }, new()));
        Assert.Equal(
            expected.Where(key => !key.EndsWith("mask", StringComparison.Ordinal)),
            Keys(GptPresets.Tiny with { HasQkvBias = false }, new() { IncludeCausalMasks = false }));
        Assert.Equal(expected.Length + 6, Keys(GptPresets.Tiny, new()).Count());
    }

    [Fact]
    public void A_tied_head_and_the_masks_of_all_layers_share_their_bytes()
    {
        GptModelExporter.Export(Path, RandomWeights.Of(GptPresets.Tiny), tokenizer: null);
        using var archive = ZipFile.OpenRead(Path);
        long data = archive.Entries.Where(entry => entry.FullName.StartsWith("archive/data/", StringComparison.Ordinal))
            .Sum(entry => entry.Length);
        Assert.Equal(4 * (GptPresets.Tiny.ParameterCount + (16 * 16)), data);
    }

    [Fact]
    public void The_same_model_gives_the_same_bytes()
    {
        GptModelExporter.Export(Path, RandomWeights.Of(GptPresets.Tiny), tokenizer: null);
        byte[] first = File.ReadAllBytes(Path);
        GptModelExporter.Export(Path, RandomWeights.Of(GptPresets.Tiny), tokenizer: null);
        Assert.Equal(first, File.ReadAllBytes(Path));
    }

    public void Dispose() => _directory.Dispose();

    private static IEnumerable<string> Keys(GptConfig config, ExportOptions options)
    {
        var job = new ExportJob("", RandomWeights.Of(config), null, options, new ExportMeter(null, default));
        return MLNet.Gpt.Formats.PyTorch.PyTorchWriter.StateDict(job).Items.Select(item => item.Key);
    }

    private static void CheckMask(byte[] stored, int length)
    {
        var mask = MemoryMarshal.Cast<byte, float>(stored);
        for (int row = 0; row < length; row++)
        {
            for (int column = 0; column < length; column++) Assert.Equal(column > row ? 1 : 0, mask[(row * length) + column]);
        }
    }

    private static byte[] Contents(ZipArchive archive, string name)
    {
        using var entry = archive.GetEntry(name)!.Open();
        using var copy = new MemoryStream();
        entry.CopyTo(copy);
        return copy.ToArray();
    }
}
