using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.PyTorch;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.StateDicts;

/// <summary>A model that torch.save wrote.</summary>
internal static class PyTorchFormat
{
    private const int StartLength = 4;

    /// <summary>Whether a file begins like one of torch.save.</summary>
    public static bool Begins(string path)
    {
        using var file = PositionedFile.Open(path);
        byte[] start = file.Read(0, (int)Math.Min(StartLength, file.Length));
        return ZipDirectory.Begins(start) || LegacyTorchFile.Begins(start);
    }

    public static OpenedModel Open(string path, OpenOptions options)
    {
        using var files = new OpenFiles();
        var (container, state) = Read(path, files);
        var weights = StateDict.Open(path, state.Tensors, options with { HeadCount = options.HeadCount ?? state.HeadCount }, out bool hasConfig);
        string folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return hasConfig
            ? new("Hugging Face PyTorch", weights, () => TokenizerFiles.Read(folder), files.Release())
            : new(container.Format, weights, () => null, files.Release());
    }

    /// <summary>The tensors of a state dict.</summary>
    public static TorchStateDict OpenStateDict(string path, OpenFiles files) => Read(path, files).State;

    private static (ITorchContainer Container, TorchStateDict State) Read(string path, OpenFiles files)
    {
        var file = files.Add(PositionedFile.Open(path));
        ITorchContainer container = ZipDirectory.Begins(file.Read(0, (int)Math.Min(StartLength, file.Length))) ? new ZipTorchFile(file) : new LegacyTorchFile(file);
        return (container, TorchStateDict.Find(file, container));
    }
}
