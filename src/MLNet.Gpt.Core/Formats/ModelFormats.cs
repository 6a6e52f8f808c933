using System.Buffers.Binary;
using MLNet.Gpt.Formats.Gguf;
using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Package;
using MLNet.Gpt.Formats.PyTorch;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Formats.StateDicts;
using MLNet.Gpt.Formats.TensorFlow;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats;

/// <summary>Finds the format of a file from its content, of a folder from the files in it, and opens it.</summary>
internal static class ModelFormats
{
    private const int LongestStart = 32;
    private const int ShownStart = 8;

    /// <exception cref="InvalidDataException">The format is not known, or its reader refuses the file.</exception>
    public static OpenedModel Open(string path, OpenOptions options)
    {
        if (Directory.Exists(path)) return OpenFolder(path, options);
        var (start, end, length) = Sample(path);
        if (length == 0) throw new InvalidDataException($"'{path}' is empty.");
        var text = JsonFile.WithoutMark(start).Span;
        if (start.StartsWith("GGUF"u8)) return GgufFormat.Open(path);
        if (ZipDirectory.Begins(start)) return OpenZip(path, options);
        if (LegacyTorchFile.Begins(start)) return PyTorchFormat.Open(path, options);
        if (SortedTable.Ends(end)) return TensorFlowFormat.Open(path);
        if (text.StartsWith("model_checkpoint_path"u8)) return TensorFlowFormat.OpenFolder(FolderOf(path));
        if (IsSafetensors(start, length)) return SafetensorsFormat.Open(path, options);
        if (text.StartsWith("{"u8)) return OpenJson(path, options);
        throw new InvalidDataException(
            $"'{path}' is of no format that is known here: a model is a safetensors, PyTorch, GGUF or TensorFlow checkpoint file; this one begins with the bytes {Convert.ToHexString(start.AsSpan(0, Math.Min(start.Length, ShownStart)))}.");
    }

    // What is none of our own zips is torch.save's, whose reader has its own way to read a zip, and tells what is wrong with it.
    private static OpenedModel OpenZip(string path, OpenOptions options)
    {
        using var entries = TryOpen(path);
        if (entries?.Contains(PackageFormat.MetadataEntry) == true) return PackageFormat.Open(entries, path, temporaryFolder: null).Model;
        return entries is not null && PipelineFormat.IsIn(entries) ? PipelineFormat.Open(entries, path) : PyTorchFormat.Open(path, options);

        static PackageEntries? TryOpen(string path)
        {
            try
            {
                return PackageEntries.Open(path);
            }
            catch (InvalidDataException)
            {
                return null;
            }
        }
    }

    private static OpenedModel OpenFolder(string folder, OpenOptions options)
    {
        if (PackageFormat.IsIn(folder))
        {
            using var entries = PackageEntries.Open(folder);
            return PackageFormat.Open(entries, folder, temporaryFolder: null).Model;
        }

        if (HuggingFaceFormat.IsIn(folder)) return HuggingFaceFormat.OpenFolder(folder, options);
        if (TensorFlowFormat.IsIn(folder)) return TensorFlowFormat.OpenFolder(folder);
        ReadableFile.CheckFolder(folder);
        throw new InvalidDataException(
            $"The folder '{folder}' holds no model that is known here: neither {HuggingFaceConfig.FileName} of Hugging Face nor {GptHyperparameters.FileName} of OpenAI's release.");
    }

    // A file that belongs to a folder's model and is not the weights.
    private static OpenedModel OpenJson(string path, OpenOptions options)
    {
        string folder = FolderOf(path);
        return Path.GetFileName(path) switch
        {
            HuggingFaceConfig.FileName => HuggingFaceFormat.OpenFolder(folder, options),
            GptHyperparameters.FileName => TensorFlowFormat.OpenFolder(folder),
            _ => HuggingFaceFormat.OpenIndex(path, options),
        };
    }

    // Its first 8 bytes are the length of a header that lies inside the file and begins with a brace.
    private static bool IsSafetensors(ReadOnlySpan<byte> start, long length) =>
        start.Length > SafetensorsHeader.LengthSize && start[SafetensorsHeader.LengthSize] == '{'
        && BinaryPrimitives.ReadUInt64LittleEndian(start) <= (ulong)(length - SafetensorsHeader.LengthSize);

    private static (byte[] Start, byte[] End, long Length) Sample(string path)
    {
        using var file = PositionedFile.Open(path);
        int count = (int)Math.Min(LongestStart, file.Length);
        return (file.Read(0, count), file.Read(file.Length - count, count), file.Length);
    }

    private static string FolderOf(string path) => Path.GetDirectoryName(Path.GetFullPath(path))!;
}
