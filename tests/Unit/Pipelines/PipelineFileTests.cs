using System.IO.Compression;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.IO;
using MLNet.Gpt.Tests.Pipelines.NewProcess;

namespace MLNet.Gpt.Tests.Pipelines;

public sealed class PipelineFileTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly GptModel _model = TinyModels.Create();
    private readonly TemporaryDirectory _folder = new();
    private readonly IDataView _data;

    public PipelineFileTests() => _data = Rows.ToView(_ml, Enumerable.Range(0, 6).Select(i => TinyModels.Text(2 + (i * 5), i)));

    private string PathOf(string name) => Path.Combine(_folder.Path, name);

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_new_process_loads_the_pipeline_and_predicts_the_same()
    {
        var pipeline = _ml.Transforms.CopyColumns("Body", "Text").Append(_ml.LanguageModeling.FromModel(_model, "Body")).Fit(_data);
        _ml.LanguageModeling.SaveModel(pipeline, _data.Schema, PathOf("pipeline.zip"));
        await File.WriteAllTextAsync(
            PathOf("expected.json"),
            JsonSerializer.Serialize(Rows.Read(_ml, pipeline.Transform(_data))),
            TestContext.Current.CancellationToken);

        await ChildTestRun.Run("MLNet.Gpt.Tests.Pipelines.NewProcess", (SavedPipelineTests.Variable, _folder.Path));
    }

    [Fact]
    public void A_failed_save_leaves_the_old_file_unchanged()
    {
        string file = PathOf("pipeline.zip");
        _ml.LanguageModeling.SaveModel(new GptTransformer(_model), _data.Schema, file);
        byte[] before = File.ReadAllBytes(file);
        using var unsavable = TinyModels.Create(new CountingTokenizer(TinyModels.Words));

        Assert.Throws<ArgumentException>(() => _ml.LanguageModeling.SaveModel(new GptTransformer(unsavable), _data.Schema, file));
        Assert.Throws<OperationCanceledException>(() => _ml.LanguageModeling.SaveModel(
            new GptTransformer(_model), _data.Schema, file, new CancellationToken(canceled: true)));

        Assert.Equal(before, File.ReadAllBytes(file));
        Assert.Equal(file, Directory.GetFiles(_folder.Path).Single());
        Assert.IsType<GptTransformer>(_ml.Model.Load(file, out _));
    }

    [Fact]
    public void A_failure_that_the_writer_swallows_is_thrown_anyway()
    {
        using var full = new FullStream();
        using var guarded = new GuardedStream(full, CancellationToken.None);

        using (var archive = new ZipArchive(guarded, ZipArchiveMode.Create, leaveOpen: true))
        {
            Assert.Throws<IOException>(archive.Dispose);
        }

        Assert.Throws<IOException>(guarded.ThrowIfFailed);
    }

    [Fact]
    public void LoadModel_reads_a_package_a_checkpoint_and_a_pipeline_of_one_transformer()
    {
        var transformer = new GptTransformer(_model);
        transformer.Save(PathOf("package.gpt"));
        GptCheckpoint.Save(PathOf("model.safetensors"), _model, _model.Tokenizer);
        _ml.Model.Save(transformer, _data.Schema, PathOf("lone.zip"));
        var expected = Rows.Read(_ml, transformer.Transform(_data));

        foreach (string name in (string[])["package.gpt", "model.safetensors", "lone.zip"])
        {
            Assert.Equivalent(expected, Rows.Read(_ml, _ml.LanguageModeling.LoadModel(PathOf(name)).Transform(_data)), strict: true);

            var chosen = _ml.LanguageModeling.LoadModel(
                PathOf(name), new() { Columns = new() { Probability = "P" } }, new() { Precision = WeightPrecision.Int8 });
            Assert.Equal("P", chosen.Options.Columns.Probability);
            Assert.Equal(WeightPrecision.Int8, chosen.Model.Options.Precision);
            Assert.Equal(6, chosen.Transform(_data).GetColumn<float>("P").Count());
        }
    }

    [Fact]
    public void LoadModel_reads_the_models_of_other_programs()
    {
        string fixtures = Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Models");

        var loaded = _ml.LanguageModeling.LoadModel(Path.Combine(fixtures, "transformers"));

        Assert.Equal(6, loaded.Transform(_data).GetColumn<string>("PredictedToken").Count(token => token.Length > 0));
        var error = Assert.Throws<ArgumentException>(() => _ml.LanguageModeling.LoadModel(Path.Combine(fixtures, "book", "model.pth")));
        // A state dict has neither the number of heads nor a tokenizer.
        Assert.Contains("model.pth", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LoadModel_refuses_pipelines_that_it_would_have_to_cut()
    {
        var pipeline = _ml.Transforms.CopyColumns("Body", "Text").Append(_ml.LanguageModeling.FromModel(_model, "Body")).Fit(_data);
        _ml.Model.Save(pipeline, _data.Schema, PathOf("pipeline.zip"));
        File.WriteAllText(PathOf("note.txt"), "This is no model at all, and not even long.");
        using (var archive = ZipFile.Open(PathOf("other.zip"), ZipArchiveMode.Create)) archive.CreateEntry("something.txt");

        var error = Assert.Throws<InvalidDataException>(() => _ml.LanguageModeling.LoadModel(PathOf("pipeline.zip")));
        Assert.Contains("2 transformers", error.Message, StringComparison.Ordinal);
        Assert.Contains("ml.Model.Load", error.Message, StringComparison.Ordinal);
        Assert.Contains(
            "note.txt",
            Assert.Throws<InvalidDataException>(() => _ml.LanguageModeling.LoadModel(PathOf("note.txt"))).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "metadata.json",
            Assert.Throws<InvalidDataException>(() => _ml.LanguageModeling.LoadModel(PathOf("other.zip"))).Message,
            StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => _ml.LanguageModeling.LoadModel(PathOf("nothing")));
    }

    [Fact]
    public void No_flipped_bit_loads_another_model()
    {
        string file = PathOf("pipeline.zip"), damaged = PathOf("damaged.zip");
        _ml.LanguageModeling.SaveModel(new GptTransformer(_model), _data.Schema, file);
        byte[] bytes = File.ReadAllBytes(file);
        double[] expected = Losses(_ml.Model.Load(file, out _));
        var random = new Random(1);
        int refused = 0;
        for (int i = 0; i < 60; i++)
        {
            byte[] copy = [.. bytes];
            copy[random.Next(copy.Length)] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(damaged, copy);
            double[] losses;
            try
            {
                losses = Losses(_ml.Model.Load(damaged, out _));
            }
            catch (Exception)
            {
                refused++;
                continue;
            }

            Assert.Equal(expected, losses);
        }

        Assert.InRange(refused, 50, 60); // most of the file is weights

        double[] Losses(ITransformer loaded) => [.. loaded.Transform(_data).GetColumn<double>("CrossEntropy")];
    }

    [Fact]
    public void A_model_does_not_unpack_to_more_than_its_file_can_hold()
    {
        string file = PathOf("bomb.zip");
        _ml.Model.Save(new GptTransformer(_model), _data.Schema, file);
        using (var archive = ZipFile.Open(file, ZipArchiveMode.Update))
        {
            var entry = archive.Entries.Single(each => each.Name == "Model.safetensors");
            string name = entry.FullName;
            entry.Delete();
            using var stream = archive.CreateEntry(name).Open();
            stream.Write(new byte[40 << 20]);
        }

        Assert.Contains(
            "16 times",
            Assert.Throws<InvalidDataException>(() => _ml.LanguageModeling.LoadModel(file)).Message,
            StringComparison.Ordinal);
        Assert.Contains("16 times", Assert.Throws<InvalidDataException>(() => GptModel.Load(file)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_the_first_version_is_read()
    {
        string first = Path.Combine(Repository.Root, "tests", "Unit", "Fixtures", "Models", "own", "pipeline-1.zip");

        var transformer = Assert.IsType<GptTransformer>(_ml.Model.Load(first, out _));

        Assert.Equal(5, transformer.Options.Generation.MaxTokens);
        Assert.Equal(
            GptPackageTests.EarlierLoss,
            transformer.Transform(Rows.ToView(_ml, "w1 w2 w3 w1")).GetColumn<double>("CrossEntropy").Single(),
            1e-6);
        Assert.Equal("ML.NET pipeline", GptModelFile.Inspect(first).Format);
    }

    [Fact]
    public void The_model_of_a_pipeline_is_read_if_it_is_the_only_one()
    {
        var pipeline = _ml.Transforms.CopyColumns("Body", "Text").Append(_ml.LanguageModeling.FromModel(_model, "Body")).Fit(_data);
        _ml.Model.Save(pipeline, _data.Schema, PathOf("one.zip"));
        _ml.Model.Save(_ml.Transforms.CopyColumns("Body", "Text").Fit(_data), _data.Schema, PathOf("none.zip"));

        using var model = GptModel.Load(PathOf("one.zip"));

        Assert.Equal(
            Rows.Read(_ml, new GptTransformer(_model).Transform(_data)).Select(row => row.CrossEntropy),
            Rows.Read(_ml, new GptTransformer(model).Transform(_data)).Select(row => row.CrossEntropy));
        var error = Assert.Throws<InvalidDataException>(() => GptModel.Load(PathOf("none.zip")));
        Assert.Contains("no GPT model", error.Message, StringComparison.Ordinal);
        Assert.Contains("ml.Model.Load", error.Message, StringComparison.Ordinal);
        error = Assert.Throws<InvalidDataException>(() => GptTransformer.Load(PathOf("one.zip")));
        Assert.Contains("ml.Model.Load", error.Message, StringComparison.Ordinal);

        GptCheckpoint.Save(PathOf("model.safetensors"), _model, _model.Tokenizer);
        error = Assert.Throws<InvalidDataException>(() => GptTransformer.Load(PathOf("model.safetensors")));
        Assert.Contains("GptModel.Load", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_a_newer_version_is_refused()
    {
        string file = PathOf("newer.zip");
        _ml.Model.Save(new GptTransformer(_model), _data.Schema, file);
        using (var archive = ZipFile.Open(file, ZipArchiveMode.Update))
        {
            var key = archive.Entries.Single(
                entry => entry.FullName.EndsWith("Model.key", StringComparison.Ordinal) && IndexOfSignature(Read(entry)) >= 0);
            byte[] bytes = Read(key);
            int index = IndexOfSignature(bytes) + 8; // the versions of writer and reader follow the signature
            BitConverter.TryWriteBytes(bytes.AsSpan(index), 0x00020001u);
            BitConverter.TryWriteBytes(bytes.AsSpan(index + 4), 0x00020001u);
            string name = key.FullName;
            key.Delete();
            using var stream = archive.CreateEntry(name).Open();
            stream.Write(bytes);
        }

        var error = Assert.ThrowsAny<Exception>(() => _ml.Model.Load(file, out _));

        Assert.Contains("version", error.GetBaseException().Message + error.Message, StringComparison.OrdinalIgnoreCase);

        static byte[] Read(ZipArchiveEntry entry)
        {
            using var memory = new MemoryStream();
            using var stream = entry.Open();
            stream.CopyTo(memory);
            return memory.ToArray();
        }

        static int IndexOfSignature(byte[] bytes) => bytes.AsSpan().IndexOf("GPT\0TRAN"u8); // a blank is kept as 0
    }

    [Fact]
    public void The_internals_used_are_those_of_this_version_of_ML_NET()
    {
        // Another version may have others: read docs/decisions/0002-saving-through-ml-net.md, try, and change the number here.
        string version = typeof(MLContext).Assembly.GetCustomAttributes(
            typeof(System.Reflection.AssemblyInformationalVersionAttribute), false)
            .Cast<System.Reflection.AssemblyInformationalVersionAttribute>().Single().InformationalVersion;

        Assert.StartsWith("5.0.1", version, StringComparison.Ordinal);
    }

    private sealed class FullStream : MemoryStream
    {
        public override void Write(byte[] buffer, int offset, int count) => throw new IOException("The disk is full.");

        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("The disk is full.");
    }
}
