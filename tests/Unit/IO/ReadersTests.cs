using Microsoft.ML;
using MLNet.Gpt.Formats.Safetensors;

namespace MLNet.Gpt.Tests.IO;

/// <summary>
/// The same rules for every reader: a pipe, a device, a folder or an unreadable file causes an exception at once that
/// says so.
/// </summary>
public sealed class ReadersTests : IDisposable
{
    private static readonly TimeSpan LongEnough = TimeSpan.FromSeconds(60);

    private static readonly Dictionary<string, Action<string>> Readers = new()
    {
        ["model"] = path => GptModelFile.Open(path).Dispose(),
        ["checkpoint"] = path => GptCheckpoint.Open(path).Dispose(),
        ["safetensors"] = path => SafetensorsReader.Open(path).Dispose(),
        ["package"] = path => GptTransformer.Load(path),
        ["LoadModel"] = path => new MLContext(seed: 1).LanguageModeling.LoadModel(path),
        ["token file's text"] = path => TokenFileBuilder.FromFiles(path + ".bin", [path], TinyModels.Words),
        ["token file"] = path => TokenFile.Open(path).Dispose(),
        ["text"] = path => Corpus.FromFiles([path]).Documents.ToList(),
        ["results"] = path => CorpusResults.ReadDocuments([path]).ToList(),
    };

    private readonly TemporaryDirectory _directory = new();

    public static TheoryData<string> Names => [.. Readers.Keys];

    public void Dispose() => _directory.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_pipe_does_not_hang_a_reader(string reader)
    {
        string pipe = Path.Combine(_directory.Path, "pipe");
        Assert.SkipUnless(WritersTests.MakePipe(pipe), "This system has no named pipes.");

        var error = await Assert.ThrowsAsync<IOException>(() => Read(reader, pipe));

        Assert.Contains(pipe, error.Message, StringComparison.Ordinal);
        Assert.Contains("named pipe", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("config.json")]
    [InlineData("hparams.json")]
    [InlineData("metadata.json")]
    public async Task A_pipe_in_a_folder_does_not_hang_a_reader(string name)
    {
        Assert.SkipUnless(WritersTests.MakePipe(Path.Combine(_directory.Path, name)), "This system has no named pipes.");
        File.WriteAllText(Path.Combine(_directory.Path, "model.safetensors"), "");

        await Assert.ThrowsAnyAsync<IOException>(() => Read("LoadModel", _directory.Path));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_device_is_not_a_file(string reader)
    {
        Assert.SkipUnless(File.Exists("/dev/zero"), "This system has no /dev/zero.");

        await Assert.ThrowsAsync<IOException>(() => Read(reader, "/dev/zero"));
    }

    [Theory]
    [InlineData("checkpoint")]
    [InlineData("safetensors")]
    [InlineData("results")]
    public async Task A_folder_is_not_a_file(string reader)
    {
        var error = await Assert.ThrowsAsync<IOException>(() => Read(reader, _directory.Path));

        Assert.Contains("folder", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task An_unreadable_file_is_reported_as_such(string reader)
    {
        if (OperatingSystem.IsWindows()) return;
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "Root may read everything.");
        string file = Path.Combine(_directory.Path, "file");
        File.WriteAllText(file, "PK and more");
        File.SetUnixFileMode(file, UnixFileMode.None);

        var error = await Assert.ThrowsAsync<IOException>(() => Read(reader, file));

        Assert.Contains("denied", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(UnixFileMode.None)]
    [InlineData(UnixFileMode.UserRead)]
    public async Task An_unreadable_folder_is_reported_as_such(UnixFileMode mode)
    {
        if (OperatingSystem.IsWindows()) return;
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "Root may read everything.");
        string folder = Path.Combine(_directory.Path, "folder");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), "{}");
        File.SetUnixFileMode(folder, mode);
        try
        {
            var error = await Assert.ThrowsAsync<IOException>(() => Read("model", folder));
            Assert.Contains("denied", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.SetUnixFileMode(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    // A reader that hangs keeps its thread, but the test ends anyway.
    private static Task Read(string reader, string path) =>
        Task.Factory.StartNew(
            () => Readers[reader](path),
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).WaitAsync(LongEnough);
}
