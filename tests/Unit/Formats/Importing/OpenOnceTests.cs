using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Formats.Importing;

/// <summary>
/// A file is opened once, both to find its format and to read it. Counted by the operating system (inotify), so on Linux
/// only.
/// </summary>
public sealed partial class OpenOnceTests : IDisposable
{
    private const uint OpenEvent = 0x20; // IN_OPEN
    private const int HeaderSize = 16;

    private readonly TemporaryDirectory _directory = new();

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("model.pth")]
    [InlineData("model.gguf")]
    [InlineData("model")]
    public void Loading_opens_each_file_once(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "inotify is Linux's.");
        string path = Path.Combine(_directory.Path, name);
        GptModelExporter.Export(path, RandomWeights.Of(GptPresets.Tiny), tokenizer: null);
        AssertOpenedOnce(Directory.Exists(path) ? path : _directory.Path, () =>
        {
            using var file = GptModelFile.Open(path, GptPresets.Tiny.HeadCount);
            float[] first = new float[1];
            foreach (var entry in WeightNames.For(file.Config)) file.Read(entry.Name, 0, first);
        });
    }

    [Theory]
    [InlineData("openai", "checkpoint")]
    [InlineData("openai", "")]
    [InlineData("hf-sharded", "model.safetensors.index.json")]
    [InlineData("hf-bin", "")]
    [InlineData("hf", "config.json")]
    public void Models_of_other_programs_are_opened_once(string folder, string file)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "inotify is Linux's.");
        string source = ModelFixtures.Path(folder), copy = Path.Combine(_directory.Path, folder);
        Directory.CreateDirectory(copy);
        foreach (string each in Directory.EnumerateFiles(source)) File.Copy(each, Path.Combine(copy, Path.GetFileName(each)));
        AssertOpenedOnce(copy, () => GptModelFile.Open(Path.Combine(copy, file)).Dispose());
    }

    public void Dispose() => _directory.Dispose();

    private static void AssertOpenedOnce(string folder, Action load)
    {
        using var watch = new SafeFileHandle(Create(0x800), ownsHandle: true); // IN_NONBLOCK
        Assert.True(Watch(watch, Encoding.UTF8.GetBytes(folder + "\0"), OpenEvent) >= 0);
        load();
        byte[] events = new byte[1 << 16];
        int length = (int)Read(watch, events, (nuint)events.Length);
        var counts = new Dictionary<string, int>();
        for (int at = 0; at < length;)
        {
            int size = BinaryPrimitives.ReadInt32LittleEndian(events.AsSpan(at + 12));
            string name = Encoding.UTF8.GetString(events.AsSpan(at + HeaderSize, size)).TrimEnd('\0');
            if (name.Length > 0) counts[name] = counts.GetValueOrDefault(name) + 1;
            at += HeaderSize + size;
        }

        Assert.NotEmpty(counts);
        Assert.All(counts, count => Assert.True(count.Value == 1, $"'{count.Key}' was opened {count.Value} times."));
    }

    [LibraryImport("libc", EntryPoint = "inotify_init1")]
    private static partial nint Create(int flags);

    [LibraryImport("libc", EntryPoint = "inotify_add_watch")]
    private static partial int Watch(SafeFileHandle watch, byte[] path, uint events);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint Read(SafeFileHandle watch, byte[] events, nuint length);
}
