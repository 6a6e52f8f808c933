using System.Text;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Package;

/// <summary>The model in a package of a transformer; see docs/package.md.</summary>
internal static class PackageFormat
{
    /// <summary>The entry that tells a package from any other zip.</summary>
    public const string MetadataEntry = "metadata.json";

    public const string ConfigEntry = "config.json";
    public const string TokenizerEntry = "tokenizer.json";
    public const string WeightsEntry = "model.safetensors";

    /// <summary>Most bytes of the configuration, and of the metadata.</summary>
    public const int SmallEntry = 1 << 20;

    /// <summary>Most bytes of the tokenizer: that of the largest vocabularies has a quarter of it.</summary>
    public const int TokenizerLimit = 64 << 20;

    /// <summary>Whether a package was unpacked to a folder: other programs' models may have a file of metadata as well.</summary>
    public static bool IsIn(string folder)
    {
        var metadata = new FileInfo(Path.Combine(folder, MetadataEntry));
        if (metadata is not { Exists: true, Length: <= SmallEntry }) return false;
        byte[] format = Encoding.UTF8.GetBytes(PackageMetadata.FormatName);
        return PositionedFile.ReadAll(metadata.FullName, SmallEntry).AsSpan().IndexOf(format) >= 0;
    }

    /// <summary>Reads a package without its transformer's options, and compares the checksum of its weights.</summary>
    /// <param name="entries">The package.</param>
    /// <param name="path">The file or folder, for messages.</param>
    /// <param name="temporaryFolder">
    /// Where weights in a zip are unpacked to; <see langword="null"/> for the system's place.
    /// </param>
    /// <exception cref="InvalidDataException">
    /// It is damaged, of a newer version, or contradicts itself; the message names the entry and the field.
    /// </exception>
    public static (PackageMetadata Metadata, OpenedModel Model) Open(PackageEntries entries, string path, string? temporaryFolder)
    {
        var metadata = PackageMetadata.Parse(entries.PathOf(MetadataEntry), entries.ReadText(MetadataEntry, SmallEntry));
        string config = entries.ReadText(ConfigEntry, SmallEntry), tokenizer = entries.ReadText(TokenizerEntry, TokenizerLimit);
        using var files = new OpenFiles();
        var file = files.Add(entries.OpenFile(WeightsEntry, temporaryFolder));
        string sha256 = file.Sha256();
        if (!sha256.Equals(metadata.WeightsSha256, StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidDataException(
                $"'{file.Path}' is damaged: its checksum is {sha256}, and weightsSha256 in '{MetadataEntry}' is {metadata.WeightsSha256}.");
        }

        return (metadata, Open(path, config, tokenizer, entries.PathOf, files, file));
    }

    /// <summary>Puts the parts of a package together.</summary>
    /// <param name="path">The file or folder, for messages.</param>
    /// <param name="config">The text of its configuration.</param>
    /// <param name="tokenizer">The text of its tokenizer.</param>
    /// <param name="pathOf">Names an entry in a message.</param>
    /// <param name="files">Is released where the model is good.</param>
    /// <param name="file">The weights, which <paramref name="files"/> already has.</param>
    public static OpenedModel Open(
        string path, string config, string tokenizer, Func<string, string> pathOf, OpenFiles files, PositionedFile file)
    {
        var sizes = GptConfigJson.Read(pathOf(ConfigEntry), config);
        ITextTokenizer read = TokenizerJson.Read(pathOf(TokenizerEntry), tokenizer, sizes.VocabularySize);
        var weights = new WeightMap(path, sizes, BookLayout.Instance, TensorNames.Index(SafetensorsReader.Open(file).FileTensors()));
        return new("MLNet.Gpt package", weights, () => read, files.Release());
    }
}
