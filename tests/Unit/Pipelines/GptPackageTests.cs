using System.IO.Compression;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Formats.Safetensors;

namespace MLNet.Gpt.Tests.Pipelines;

public sealed class GptPackageTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly TemporaryDirectory _folder = new();
    private readonly string[] _texts = [.. Enumerable.Range(0, 6).Select(i => TinyModels.Text(2 + (i * 5), i))];

    private string File => Path.Combine(_folder.Path, "model.gpt");

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_loaded_transformer_has_the_same_options_and_results()
    {
        var options = new GptTransformerOptions
        {
            InputColumnName = "Text",
            Columns = new() { CandidateTokens = "Candidates", CandidateCount = 3, Embedding = "Features" },
            Scoring = new() { PrependEndOfText = true, SpecialTokens = SpecialTokens.Literal },
            Generation = new() { MaxTokens = 5, StopSequences = ["w9"], Seed = 4, Temperature = 0.7 },
        };
        var transformer = new GptTransformer(_model, options);

        transformer.Save(File);
        var loaded = GptTransformer.Load(File);

        Assert.Equivalent(options, loaded.Options, strict: true);
        Assert.Equal(_model.Config, loaded.Model.Config);
        Assert.Equal(_model.Options.Precision, loaded.Model.Options.Precision);
        Assert.Null(loaded.Model.Options.ThreadCount); // depends on the machine
        var data = Rows.ToView(_ml, _texts);
        Assert.Equivalent(Rows.Read(_ml, transformer.Transform(data)), Rows.Read(_ml, loaded.Transform(data)), strict: true);
    }

    [Fact]
    public void An_unpacked_package_loads_too()
    {
        new GptTransformer(_model).Save(File);
        string folder = Path.Combine(_folder.Path, "unpacked");
        ZipFile.ExtractToDirectory(File, folder);

        var loaded = _ml.LanguageModeling.LoadModel(folder);

        var data = Rows.ToView(_ml, _texts);
        Assert.Equivalent(Rows.Read(_ml, new GptTransformer(_model).Transform(data)), Rows.Read(_ml, loaded.Transform(data)), strict: true);
        Assert.Equal(
            ["config.json", "metadata.json", "model.safetensors", "tokenizer.json"],
            Directory.GetFiles(folder).Select(Path.GetFileName).Order());
        using var weights = SafetensorsReader.Open(Path.Combine(folder, "model.safetensors"));
        Assert.Equal(WeightNames.For(_model.Config).Select(entry => entry.Name), weights.Tensors.Select(tensor => tensor.Name));
    }

    [Fact]
    public void The_precision_can_be_changed_when_loading()
    {
        new GptTransformer(_model).Save(File);

        Assert.Equal(WeightPrecision.Int8, GptTransformer.Load(File, new() { Precision = WeightPrecision.Int8 }).Model.Options.Precision);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(0.3)]
    [InlineData(0.9)]
    [InlineData(-1)]
    public void A_truncated_package_is_refused(double where)
    {
        new GptTransformer(_model).Save(File);
        byte[] bytes = System.IO.File.ReadAllBytes(File);
        int length = where is > 0 and < 1 ? (int)(where * bytes.Length) : where < 0 ? bytes.Length - 1 : (int)where;
        System.IO.File.WriteAllBytes(File, bytes[..length]);

        var error = Assert.Throws<InvalidDataException>(() => GptTransformer.Load(File));

        Assert.Contains(File, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_flipped_bit_of_the_weights_goes_unnoticed()
    {
        new GptTransformer(_model).Save(File);
        byte[] bytes = System.IO.File.ReadAllBytes(File);
        float weight = ReadWeight("out_head.weight");
        int place = bytes.AsSpan().IndexOf(BitConverter.GetBytes(weight));
        bytes[place + 2] ^= 1;
        System.IO.File.WriteAllBytes(File, bytes);

        var error = Assert.Throws<InvalidDataException>(() => GptTransformer.Load(File));

        Assert.Contains("model.safetensors", error.Message, StringComparison.Ordinal);

        float ReadWeight(string name)
        {
            var elements = new float[1];
            _model.Read(name == "out_head.weight" && _model.Config.HasTiedHead ? "tok_emb.weight" : name, 5, elements);
            return elements[0];
        }
    }

    [Fact]
    public void Errors_name_what_is_wrong()
    {
        AssertRefused("metadata.json", "\"formatVersion\": 1", "\"formatVersion\": 2", "formatVersion is 2");
        AssertRefused("metadata.json", "MLNet.Gpt.Transformer", "Other", "format is 'Other'");
        AssertRefused("metadata.json", "\"weightsSha256\"", "\"sum\"", "weightsSha256");
        AssertRefused("metadata.json", "\"inputColumnName\": \"Text\"", "\"inputColumnName\": \"\"", "InputColumnName");
        AssertRefused("metadata.json", "\"inputColumnName\"", "\"inputColumnNames\"", "inputColumnNames");
        AssertRefused("metadata.json", "\"candidateCount\": 5", "\"candidateCount\": 0", "CandidateCount is 0");
        AssertRefused("metadata.json", "\"windowLength\": null", "\"windowLength\": 500", "WindowLength is 500");
        AssertRefused("metadata.json", "{", "[", "metadata.json");
        AssertRefused("metadata.json", "\"precision\": \"Float32\"", "\"precision\": 77", "model.precision");
        AssertRefused("metadata.json", "\"precision\": \"Float32\"", "\"precision\": 2", "model.precision");
        AssertRefused("metadata.json", "\"precision\": \"Float32\"", "\"precision\": \"77\"", "model.precision");
        AssertRefused("metadata.json", "\"lastWindow\": \"OnStride\"", "\"lastWindow\": 2", "lastWindow");
        AssertRefused("metadata.json", "\"specialTokens\": \"Literal\"", "\"specialTokens\": \"Guessed\"", "specialTokens");
        AssertRefused("metadata.json", "\"documents\": \"Separate\"", "\"documents\": null", "documents");
        AssertRefused("metadata.json", "\"overflow\": \"Slide\"", "\"overflow\": -1", "overflow");
        AssertRefused("metadata.json", "\"scoring\": {", "\"scoring\": null, \"other\": {", "metadata.json");
        AssertRefused("config.json", "\"layerCount\":2", "\"layerCount\":3", "trf_blocks.2");
        AssertRefused("config.json", "\"layerCount\":2", "\"layerCount\":1", "trf_blocks.1");
        AssertRefused("config.json", "\"contextLength\":16", "\"contextLength\":32", "pos_emb.weight");
        AssertRefused("config.json", "\"headCount\":4", "\"headCount\":5", "HeadCount 5");
        AssertRefused("config.json", "\"vocabularySize\":61", "\"vocabularySize\":60", "its tokenizer has 61 ids, its model 60");
        AssertRefused("config.json", "\"hasQkvBias\":true,", "", "hasQkvBias");
        AssertRefused("tokenizer.json", "\"w7\",", "", "60 ids");
        AssertRefused("tokenizer.json", "\"words\"", "\"signs\"", "signs");
    }

    [Fact]
    public void Duplicate_entries_are_refused()
    {
        AssertRefused("metadata.json", "\"format\":", "\"format\": \"MLNet.Gpt.Transformer\", \"format\":", "format");
        AssertRefused("metadata.json", "\"precision\": \"Float32\"", "\"precision\": \"Float32\", \"precision\": \"Int8\"", "precision");
        AssertRefused("config.json", "\"layerCount\":2", "\"layerCount\":2,\"layerCount\":2", "layerCount");
        AssertRefused("tokenizer.json", "\"kind\"", "\"kind\":\"gpt2\",\"kind\"", "kind");

        foreach (string entry in (string[])["config.json", "model.safetensors", "notes.txt"])
        {
            new GptTransformer(_model).Save(File);
            using (var archive = ZipFile.Open(File, ZipArchiveMode.Update))
            {
                for (int i = archive.GetEntry(entry) is null ? 0 : 1; i < 2; i++) archive.CreateEntry(entry);
            }

            Assert.Contains(
                $"'{entry}' twice",
                Assert.Throws<InvalidDataException>(() => GptTransformer.Load(File)).Message,
                StringComparison.Ordinal);
            Assert.Contains(
                $"'{entry}' twice",
                Assert.Throws<InvalidDataException>(() => GptModelFile.Open(File)).Message,
                StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("metadata.json", 1 << 20)]
    [InlineData("config.json", 1 << 20)]
    [InlineData("tokenizer.json", 64 << 20)]
    public void A_text_entry_has_a_maximum_length(string entry, int limit)
    {
        new GptTransformer(_model).Save(File);
        Replace(entry, stream =>
        {
            byte[] blanks = new byte[1 << 20];
            blanks.AsSpan().Fill((byte)' ');
            for (long written = 0; written <= limit; written += blanks.Length) stream.Write(blanks);
        });
        new GptTransformer(_model).Save(File + "2"); // code that runs for the first time allocates

        long allocated = Allocated(() =>
        {
            var error = Assert.Throws<InvalidDataException>(() => GptTransformer.Load(File));
            Assert.Contains($"{entry}' ", error.Message, StringComparison.Ordinal);
            Assert.Contains("at most", error.Message, StringComparison.Ordinal);
        });

        Assert.InRange(allocated, 0, 5_000_000);
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("tokenizer.json")]
    public void An_entry_does_not_unpack_to_more_than_its_file_can_hold(string entry)
    {
        new GptTransformer(_model).Save(File);
        Replace(entry, stream => stream.Write(new byte[40 << 20])); // 40 kB of zip

        var error = Assert.Throws<InvalidDataException>(() => GptTransformer.Load(File));

        Assert.Contains($"'{File}/{entry}' claims 41943040 bytes", error.Message, StringComparison.Ordinal);
        Assert.Contains("16 times", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_entry_unpacks_to_no_more_than_its_declared_length()
    {
        new GptTransformer(_model).Save(File);
        byte[] bytes = System.IO.File.ReadAllBytes(File);
        int directory = bytes.AsSpan().LastIndexOf("config.json"u8) - 46; // of the last entry with that name, in the directory
        Assert.Equal(0x02014B50, BitConverter.ToInt32(bytes, directory));
        BitConverter.TryWriteBytes(bytes.AsSpan(directory + 24), BitConverter.ToInt32(bytes, directory + 24) - 1);
        System.IO.File.WriteAllBytes(File, bytes);

        Assert.Contains(
            "config.json",
            Assert.Throws<InvalidDataException>(() => GptTransformer.Load(File)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void A_repacked_package_loads()
    {
        new GptTransformer(_model).Save(File);
        string folder = Path.Combine(_folder.Path, "unpacked"), packed = File + ".zip";
        ZipFile.ExtractToDirectory(File, folder);
        ZipFile.CreateFromDirectory(folder, packed, CompressionLevel.SmallestSize, includeBaseDirectory: false);

        AssertSame(GptTransformer.Load(packed));
    }

    [Fact]
    public void Every_loading_method_opens_a_package()
    {
        new GptTransformer(_model, new() { Columns = new() { Probability = "P" } }).Save(File);
        string folder = Path.Combine(_folder.Path, "unpacked");
        ZipFile.ExtractToDirectory(File, folder);

        foreach (string path in (string[])[File, folder])
        {
            using var model = GptModel.Load(path);
            Assert.Equal(_model.Config, model.Config);
            AssertSame(new GptTransformer(model));
            Assert.Equal("MLNet.Gpt package", GptModelFile.Inspect(path).Format);
            AssertSame(_ml.LanguageModeling.LoadModel(path));
        }

        var loaded = Assert.IsType<GptTransformer>(new MLContext().Model.Load(File, out _));
        Assert.Equal("P", loaded.Options.Columns.Probability);
        AssertSame(loaded);
    }

    [Fact]
    public void The_checksum_of_a_package_loaded_by_ML_NET_is_verified()
    {
        string[] entries = ["config.json", "tokenizer.json", "model.safetensors"];
        string[] texts = ["\"layerCount\":2", "\"w7\"", "pt"], replacements = ["\"layerCount\":1", "\"v7\"", "tp"];
        foreach (var (entry, text, replacement) in entries.Zip(texts, replacements))
        {
            new GptTransformer(_model).Save(File);
            Rewrite(entry, text, replacement);

            Assert.Contains(
                "checksum",
                Assert.ThrowsAny<Exception>(() => _ml.Model.Load(File, out _)).GetBaseException().Message,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_package_of_an_earlier_version_is_read()
    {
        string earlier = Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Models", "own", "package-1.gpt");

        var transformer = GptTransformer.Load(earlier);

        Assert.Equal(5, transformer.Options.Generation.MaxTokens);
        Assert.Equal(EarlierLoss, transformer.Transform(Rows.ToView(_ml, "w1 w2 w3 w1")).GetColumn<double>("CrossEntropy").Single(), 1e-6);
    }

    [Fact]
    public void A_thread_count_saved_by_an_older_version_is_not_used()
    {
        new GptTransformer(_model).Save(File);
        Rewrite("metadata.json", "\"precision\": \"Float32\"", "\"precision\": \"Float32\", \"threadCount\": 1000000");

        Assert.Null(GptTransformer.Load(File).Model.Options.ThreadCount);
    }

    [Theory]
    [InlineData("metadata.json")]
    [InlineData("config.json")]
    [InlineData("tokenizer.json")]
    [InlineData("model.safetensors")]
    public void An_entry_that_is_missing_is_named(string entry)
    {
        new GptTransformer(_model).Save(File);
        using (var archive = ZipFile.Open(File, ZipArchiveMode.Update)) archive.GetEntry(entry)!.Delete();

        Assert.Contains(
            $"'{entry}'", Assert.Throws<InvalidDataException>(() => GptTransformer.Load(File)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_or_canceled_save_keeps_the_old_file()
    {
        new GptTransformer(_model).Save(File);
        byte[] before = System.IO.File.ReadAllBytes(File);

        using var other = TinyModels.Create(new CountingTokenizer(TinyModels.Words));
        Assert.Contains(
            nameof(CountingTokenizer),
            Assert.Throws<ArgumentException>(() => new GptTransformer(other).Save(File)).Message,
            StringComparison.Ordinal);
        Assert.Throws<OperationCanceledException>(() => new GptTransformer(_model).Save(File, new CancellationToken(canceled: true)));

        Assert.Equal(before, System.IO.File.ReadAllBytes(File));
        Assert.Equal(File, Directory.GetFiles(_folder.Path).Single()); // and no other file
    }

    [Fact]
    public void Weights_are_saved_and_loaded_through_a_small_buffer()
    {
        // 21 MB of weights: the allocated bytes would be a multiple of that if all weights were ever in memory.
        var config = GptPresets.Tiny with { EmbeddingWidth = 384, LayerCount = 3, HeadCount = 8 };
        using var model = GptModel.FromWeights(TinyModels.Weights(config, 1), TinyModels.Words, new() { ThreadCount = 1 });
        string pipeline = Path.Combine(_folder.Path, "pipeline.zip");
        var transformer = new GptTransformer(model);
        var schema = Rows.ToView(_ml, "w1").Schema;
        Assert.InRange(model.WeightBytes, 20_000_000, 25_000_000);
        new GptTransformer(_model).Save(File); // code that runs for the first time allocates
        GptTransformer.Load(File);

        Assert.InRange(Allocated(() => transformer.Save(File)), 0, 5_000_000);
        Assert.InRange(Allocated(() => GptTransformer.Load(File, new() { ThreadCount = 1 }).Model.Dispose()), 0, 5_000_000);
        Assert.InRange(Allocated(() => _ml.Model.Save(transformer, schema, pipeline)), 0, 5_000_000);
        Assert.InRange(Allocated(() => ((GptTransformer)_ml.Model.Load(pipeline, out _)).Model.Dispose()), 0, 5_000_000);
    }

    [Fact(Explicit = true)]
    [Trait("Category", "Slow")]
    public void A_model_of_over_two_gigabytes_needs_little_managed_memory()
    {
        var config = GptPresets.Gpt2Large with { VocabularySize = 61 };
        using var model = GptModel.FromWeights(new ZeroWeights(config), TinyModels.Words);
        Assert.True(model.WeightBytes > 2L << 30);
        string pipeline = Path.Combine(_folder.Path, "pipeline.zip");

        long package = Allocated(() => new GptTransformer(model).Save(File));
        Assert.True(new FileInfo(File).Length > 2L << 30);
        package += Allocated(() => GptTransformer.Load(File).Model.Dispose());
        long ofMLNet = Allocated(() => _ml.LanguageModeling.SaveModel(new GptTransformer(model), null, pipeline));
        ofMLNet += Allocated(() => ((GptTransformer)_ml.Model.Load(pipeline, out _)).Model.Dispose());

        Assert.InRange(package, 0, 200_000_000);
        Assert.InRange(ofMLNet, 0, 200_000_000);
    }

    internal const double EarlierLoss = 2.0164923667907715;

    private void AssertSame(GptTransformer loaded)
    {
        var data = Rows.ToView(_ml, _texts);
        Assert.Equal(
            new GptTransformer(_model).Transform(data).GetColumn<double>("CrossEntropy"),
            loaded.Transform(data).GetColumn<double>("CrossEntropy"));
    }

    private void Replace(string entry, Action<Stream> write)
    {
        using var archive = ZipFile.Open(File, ZipArchiveMode.Update);
        archive.GetEntry(entry)!.Delete();
        using var stream = archive.CreateEntry(entry, CompressionLevel.Optimal).Open();
        write(stream);
    }

    private static long Allocated(Action action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private void AssertRefused(string entry, string text, string replacement, string expected)
    {
        new GptTransformer(_model, new() { Columns = new() { CandidateTokens = "Candidates" } }).Save(File);
        Rewrite(entry, text, replacement);

        var error = Assert.Throws<InvalidDataException>(() => GptTransformer.Load(File));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains(File, error.Message, StringComparison.Ordinal);
    }

    private void Rewrite(string entry, string text, string replacement)
    {
        using var archive = ZipFile.Open(File, ZipArchiveMode.Update);
        string old;
        using (var reader = new StreamReader(archive.GetEntry(entry)!.Open())) old = reader.ReadToEnd();
        Assert.Contains(text, old, StringComparison.Ordinal);
        archive.GetEntry(entry)!.Delete();
        using var stream = archive.CreateEntry(entry).Open();
        int place = old.IndexOf(text, StringComparison.Ordinal);
        stream.Write(Encoding.UTF8.GetBytes(old[..place] + replacement + old[(place + text.Length)..]));
    }

    private sealed class ZeroWeights(GptConfig config) : IWeightSource
    {
        public GptConfig Config => config;

        public void Read(string name, long start, Span<float> destination) => destination.Fill(0.01f);
    }
}
