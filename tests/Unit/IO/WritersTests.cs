using System.Diagnostics;
using System.Text;
using Microsoft.ML;
using MLNet.Gpt.Charts;
using MLNet.Gpt.Formats;
using MLNet.Gpt.IO;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.IO;

/// <summary>The same rules for every writer: links, names, modes, obstacles, and leftovers of killed writers.</summary>
public sealed class WritersTests : IDisposable
{
    private const string AsideOfAKilledWriter = ".mlnet-gpt-0123456789abcdef0123456789abcdef.tmp";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private static readonly GptWeights Weights = RandomWeights.Of(GptPresets.Tiny);
    private static readonly TrainingHistory History = new()
    {
        Points =
        [
            new() { Step = 0, Epoch = 1, TokensSeen = 0, TrainingLoss = 7, ValidationLoss = 7 },
            new() { Step = 10, Epoch = 1, TokensSeen = 10, TrainingLoss = 6, ValidationLoss = 6 },
        ],
    };

    private readonly TemporaryDirectory _directory = new();

    /// <summary>Every writer of a file, by the name of its target.</summary>
    private static readonly Dictionary<string, Action<string>> Files = new()
    {
        [".safetensors"] = path => GptModelExporter.Export(path, Weights, tokenizer: null),
        [".pth"] = path => GptModelExporter.Export(path, Weights, tokenizer: null),
        [".gguf"] = path => GptModelExporter.Export(path, Weights, tokenizer: null),
        [".onnx"] = path => GptModelExporter.Export(path, Weights, tokenizer: null),
        [".split.onnx"] = path => GptModelExporter.Export(path, Weights, tokenizer: null, new() { InlineWeightLimit = 0 }),
        [".gpt"] = path =>
        {
            using var model = TinyModels.Create();
            new GptTransformer(model).Save(path);
        },
        [".zip"] = path =>
        {
            using var model = TinyModels.Create();
            var ml = new MLContext(seed: 1);
            ml.LanguageModeling.SaveModel(new GptTransformer(model), inputSchema: null, path);
        },
        [".png"] = path => LossCurve.Save(History, path),
        [".svg"] = path => LossCurve.Save(History, path),
        [".bin"] = path => TokenFileBuilder.FromTexts(path, ["w1 w2"], TinyModels.Words),
    };

    public static TheoryData<string> FileWriters => [.. Files.Keys];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(FileWriters))]
    public void A_name_may_be_as_long_as_the_file_system_allows(string ending)
    {
        foreach (
            string name in (string[])[new string('n', 255 - ending.Length) + ending, new string('長', (255 - ending.Length) / 3) + ending])
        {
            string path = PathOf(name);

            Files[ending](path);
            Files[ending](path);

            Assert.True(File.Exists(path));
        }

        AssertNothingIsLeft();
    }

    [Theory]
    [MemberData(nameof(FileWriters))]
    public void A_file_keeps_its_mode(string ending)
    {
        if (OperatingSystem.IsWindows()) return;
        string path = PathOf("model" + ending);
        Files[ending](path);
        var usual = File.GetUnixFileMode(path);

        foreach (
            var mode in (UnixFileMode[])[
                OwnerOnly, OwnerOnly | UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite,
                usual
            ])
        {
            File.SetUnixFileMode(path, mode);
            Files[ending](path);
            Assert.Equal(mode, File.GetUnixFileMode(path));
        }
    }

    [Fact]
    public void The_second_file_of_a_model_is_no_more_open_than_the_first()
    {
        if (OperatingSystem.IsWindows()) return;
        string path = PathOf("model.onnx");
        File.WriteAllText(path, "");
        File.SetUnixFileMode(path, OwnerOnly);

        Files[".split.onnx"](path);

        Assert.Equal(OwnerOnly, File.GetUnixFileMode(path + ".data"));
    }

    [Fact]
    public void A_folder_keeps_its_mode_and_those_of_its_files()
    {
        if (OperatingSystem.IsWindows()) return;
        string path = PathOf("model"), config = Path.Combine(path, "config.json");
        GptModelExporter.Export(path, Weights, tokenizer: null);
        File.SetUnixFileMode(path, OwnerOnly | UnixFileMode.UserExecute);
        File.SetUnixFileMode(config, OwnerOnly);

        GptModelExporter.Export(path, Weights, tokenizer: null);

        Assert.Equal(OwnerOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(path));
        Assert.Equal(OwnerOnly, File.GetUnixFileMode(config));
    }

    [Theory]
    [MemberData(nameof(FileWriters))]
    public void A_link_is_followed(string ending)
    {
        string real = PathOf("real" + ending), link = PathOf("link" + ending), dangling = PathOf("dangling" + ending), made = PathOf(
            "made" + ending);
        File.WriteAllText(real, "old");
        File.CreateSymbolicLink(link, real);
        File.CreateSymbolicLink(dangling, made);

        Files[ending](link);
        Files[ending](dangling);

        Assert.Equal(real, new FileInfo(link).LinkTarget);
        Assert.Equal(made, new FileInfo(dangling).LinkTarget);
        Assert.True(new FileInfo(real).Length > 3);
        Assert.True(File.Exists(made));
    }

    [Fact]
    public void A_link_to_a_folder_is_followed()
    {
        string real = PathOf("real"), link = PathOf("link"), dangling = PathOf("dangling"), made = PathOf("made");
        Directory.CreateDirectory(real);
        Directory.CreateSymbolicLink(link, real);
        Directory.CreateSymbolicLink(dangling, made);

        GptModelExporter.Export(link, Weights, tokenizer: null);
        GptModelExporter.Export(dangling, Weights, tokenizer: null);

        Assert.Equal(real, new DirectoryInfo(link).LinkTarget);
        Assert.True(File.Exists(Path.Combine(real, "config.json")));
        Assert.Equal(made, new DirectoryInfo(dangling).LinkTarget);
        Assert.True(File.Exists(Path.Combine(made, "config.json")));
    }

    [Theory]
    [MemberData(nameof(FileWriters))]
    public void Links_in_a_cycle_are_refused(string ending)
    {
        string one = PathOf("one" + ending), other = PathOf("other" + ending);
        File.CreateSymbolicLink(one, other);
        File.CreateSymbolicLink(other, one);

        Assert.Throws<IOException>(() => Files[ending](one));
    }

    [Theory]
    [MemberData(nameof(FileWriters))]
    public void A_folder_or_pipe_in_the_way_is_detected_before_anything_is_written(string ending)
    {
        string folder = PathOf("folder" + ending), pipe = PathOf("pipe" + ending);
        Directory.CreateDirectory(folder);

        Assert.Contains(folder, Assert.Throws<IOException>(() => Files[ending](folder)).Message, StringComparison.Ordinal);
        if (MakePipe(pipe))
        {
            Assert.Contains(
                "named pipe", Assert.Throws<IOException>(() => Files[ending](pipe)).Message, StringComparison.Ordinal);
        }

        AssertNothingIsLeft();
    }

    [Fact]
    public void A_folder_in_the_way_of_a_token_file_is_detected_before_a_text_is_read() =>
        Assert.Throws<IOException>(() => TokenFileBuilder.FromTexts(_directory.Path, Texts(), TinyModels.Words));

    [Theory]
    [MemberData(nameof(FileWriters))]
    public void Missing_folders_are_created(string ending)
    {
        string path = Path.Combine(_directory.Path, "a", "b", "model" + ending);

        Files[ending](path);

        Assert.True(File.Exists(path));
    }

    [Theory]
    [InlineData("model.gguf")]
    [InlineData("model")]
    public void Leftovers_of_a_killed_writer_are_removed_after_a_day_and_nothing_else(string name)
    {
        var old = DateTime.UtcNow.AddDays(-2);
        string left = PathOf(AsideOfAKilledWriter), leftFolder = PathOf(".mlnet-gpt-1123456789abcdef0123456789abcdef.tmp");
        string held = PathOf(".mlnet-gpt-2123456789abcdef0123456789abcdef.tmp"), young = PathOf(
            ".mlnet-gpt-3123456789abcdef0123456789abcdef.tmp");
        string filling = PathOf(".mlnet-gpt-4123456789abcdef0123456789abcdef.tmp"), link = PathOf(
            ".mlnet-gpt-5123456789abcdef0123456789abcdef.tmp");
        string[] others =
        [
            PathOf("notes.tmp"), PathOf("model.0123456789abcdef0123456789abcdef.tmp"), PathOf(".mlnet-gpt-mine.tmp"),
            PathOf(AsideOfAKilledWriter + "x"),
            PathOf(".mlnet-gpt-0123456789ABCDEF0123456789ABCDEF.tmp"), PathOf("x" + AsideOfAKilledWriter),
            PathOf(AsideOfAKilledWriter + ".old"),
        ];
        foreach (string file in (string[])[left, held, young, .. others]) File.WriteAllText(file, "x");
        foreach (string folder in (string[])[leftFolder, filling])
        {
            Directory.CreateDirectory(Path.Combine(folder, "inner"));
            File.WriteAllText(Path.Combine(folder, "inner", "weights"), "x");
        }

        File.CreateSymbolicLink(link, others[0]);
        foreach (string file in (string[])[left, held, .. others]) File.SetLastWriteTimeUtc(file, old);
        File.SetLastWriteTimeUtc(Path.Combine(leftFolder, "inner", "weights"), old);
        foreach (string folder in (string[])[leftFolder, filling])
        {
            Directory.SetLastWriteTimeUtc(Path.Combine(folder, "inner"), old);
            Directory.SetLastWriteTimeUtc(folder, old);
        }

        using (new FileStream(held, FileMode.Open, FileAccess.Write, FileShare.Read))
        {
            GptModelExporter.Export(
                PathOf(name), Weights, tokenizer: null);
        }

        Assert.False(File.Exists(left));
        Assert.False(Directory.Exists(leftFolder));
        foreach (string file in (string[])[held, young, link, .. others]) Assert.True(Path.Exists(file), file);
        Assert.True(Directory.Exists(filling)); // a file in it was written just now
    }

    [Fact]
    public void A_temporary_file_has_no_name_and_cannot_be_left_behind()
    {
        using var file = PositionedFile.Temporary("a file", _directory.Path, stream =>
        {
            stream.Write("content"u8);
            if (!OperatingSystem.IsWindows()) Assert.Empty(Directory.EnumerateFileSystemEntries(_directory.Path));
        });

        Assert.Equal("content", Encoding.UTF8.GetString(file.Read(0, 7)));
        file.Dispose();
        Assert.Empty(Directory.EnumerateFileSystemEntries(_directory.Path));
    }

    [Fact]
    public void Two_exports_to_one_path_do_not_use_each_others_weights()
    {
        string path = PathOf("model.onnx");
        var entered = new Barrier(2);
        var cancellation = TestContext.Current.CancellationToken;
        var sources = Enumerable.Range(1, 2).Select(
            seed =>
                new SlowWeights(
                    RandomWeights.Of(GptPresets.Tiny, seed), () => entered.SignalAndWait(TimeSpan.FromSeconds(30), cancellation)));

        Parallel.ForEach(sources, new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = cancellation }, source =>
            GptModelExporter.Export(path, source, tokenizer: null, new() { InlineWeightLimit = 0 }));

        // Both had begun before either was done. There is the graph's own file, and at most one more that an export had
        // locked until its end.
        string text = Encoding.Latin1.GetString(File.ReadAllBytes(path));
        string[] files = [.. Directory.EnumerateFiles(_directory.Path, "*.data").Select(file => Path.GetFileName(file))];
        Assert.Contains(files, file => text.Contains(file, StringComparison.Ordinal));

        GptModelExporter.Export(path, Weights, tokenizer: null, new() { InlineWeightLimit = 0 });
        Assert.Single(Directory.EnumerateFiles(_directory.Path, "*.data"));
        GptModelExporter.Export(path, Weights, tokenizer: null);
        Assert.Empty(Directory.EnumerateFiles(_directory.Path, "*.data"));
    }

    [Fact]
    public void A_file_locked_by_another_export_is_left_alone()
    {
        string path = PathOf("model.onnx");
        Files[".onnx"](path);
        using (var held = MLNet.Gpt.Formats.Onnx.OnnxDataFiles.Reserve(path))
        {
            Files[".split.onnx"](path);
            Assert.Equal(
                ["model.onnx.2.data", "model.onnx.data"],
                Directory.EnumerateFiles(_directory.Path, "*.data").Select(Path.GetFileName).Order(StringComparer.Ordinal));
        }

        Files[".split.onnx"](path);
        Assert.Equal(["model.onnx.3.data"], Directory.EnumerateFiles(_directory.Path, "*.data").Select(Path.GetFileName));
    }

    internal static bool MakePipe(string path)
    {
        if (OperatingSystem.IsWindows()) return false;
        using var process = Process.Start("mkfifo", [path]);
        process.WaitForExit();
        return process.ExitCode == 0;
    }

    private string PathOf(string name) => Path.Combine(_directory.Path, name);

    private void AssertNothingIsLeft() =>
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(_directory.Path), path => Aside.IsOurs(Path.GetFileName(path)));

    private static IEnumerable<string> Texts()
    {
        Assert.Fail("A text was read.");
        yield break;
    }

    // Waits for the other one at its first weight.
    private sealed class SlowWeights(GptWeights weights, Action meet) : IWeightSource
    {
        private bool _hasMet;

        public GptConfig Config => weights.Config;

        public void Read(string name, long start, Span<float> destination)
        {
            if (!_hasMet) meet();
            _hasMet = true;
            weights.Read(name, start, destination);
        }
    }
}
