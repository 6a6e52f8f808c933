using System.Text;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Package;

/// <summary>The model in a transformer package; see docs/package.md.</summary>
internal sealed class PackageFormat : IModelFormat
{
    /// <summary>The entry that distinguishes a package from any other zip.</summary>
    public const string MetadataEntry = "metadata.json";

    public const string ConfigEntry = "config.json";
    public const string TokenizerEntry = "tokenizer.json";
    public const string WeightsEntry = "model.safetensors";

    /// <summary>The maximum size of the configuration, and of the metadata.</summary>
    public const int SmallEntry = 1 << 20;

    /// <summary>The maximum size of the tokenizer; those of the largest vocabularies have a quarter of it.</summary>
    public const int TokenizerLimit = 64 << 20;

    /// <summary>
    /// Returns whether a folder is an unpacked package; other programs' models may have a metadata file as well.
    /// </summary>
    public static bool IsIn(string folder)
    {
        var metadata = new FileInfo(Path.Combine(folder, MetadataEntry));
        if (metadata is not { Exists: true, Length: <= SmallEntry }) return false;
        byte[] format = Encoding.UTF8.GetBytes(PackageMetadata.FormatName);
        return PositionedFile.ReadAll(metadata.FullName, SmallEntry).AsSpan().IndexOf(format) >= 0;
    }

    public bool Recognizes(ModelContent content) =>
        content.IsFolder ? IsIn(content.Path) : PackageEntries.TryOpen(content)?.Contains(MetadataEntry) == true;

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        using var folder = content.IsFolder ? PackageEntries.Open(content.Path) : null;
        var entries = folder ?? PackageEntries.TryOpen(content)!;
        return Open(entries, content.Path, temporaryFolder: null, files, options.CancellationToken).Model;
    }

    /// <summary>Reads a package without its transformer's options, and verifies the checksum of its weights.</summary>
    /// <param name="entries">The package.</param>
    /// <param name="path">The file or folder, for messages.</param>
    /// <param name="temporaryFolder">
    /// The folder to which weights in a zip are unpacked; <see langword="null"/> for the system's temporary folder.
    /// </param>
    /// <param name="files">Receives the weights.</param>
    /// <param name="cancellationToken">Stops the opening.</param>
    /// <exception cref="InvalidDataException">
    /// The package is damaged, of a newer version, or inconsistent; the message names the entry and the field.
    /// </exception>
    public static (PackageMetadata Metadata, OpenedModel Model) Open(
        PackageEntries entries, string path, string? temporaryFolder, OpenFiles files, CancellationToken cancellationToken = default)
    {
        var metadata = PackageMetadata.Parse(entries.PathOf(MetadataEntry), entries.ReadText(MetadataEntry, SmallEntry));
        string config = entries.ReadText(ConfigEntry, SmallEntry), tokenizer = entries.ReadText(TokenizerEntry, TokenizerLimit);
        var file = files.Add(entries.OpenFile(WeightsEntry, temporaryFolder, cancellationToken));
        string sha256 = file.Sha256();
        if (!sha256.Equals(metadata.WeightsSha256, StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidDataException(
                $"'{file.Path}' is damaged: its checksum is {sha256}, but weightsSha256 in '{MetadataEntry}' is {metadata.WeightsSha256}.");
        }

        return (metadata, Open(path, config, tokenizer, entries.PathOf, file, cancellationToken));
    }

    /// <summary>Assembles the parts of a package.</summary>
    /// <param name="path">The file or folder, for messages.</param>
    /// <param name="config">The text of its configuration.</param>
    /// <param name="tokenizer">The text of its tokenizer.</param>
    /// <param name="pathOf">Names an entry in a message.</param>
    /// <param name="file">The weights; the caller closes them.</param>
    /// <param name="cancellationToken">Stops the opening.</param>
    public static OpenedModel Open(
        string path,
        string config,
        string tokenizer,
        Func<string, string> pathOf,
        PositionedFile file,
        CancellationToken cancellationToken = default)
    {
        var sizes = GptConfigJson.Read(pathOf(ConfigEntry), config);
        ITextTokenizer read = TokenizerJson.Read(pathOf(TokenizerEntry), tokenizer, sizes.VocabularySize);
        var weights = new WeightMap(
            path,
            sizes,
            OwnNames.Table,
            TensorNames.Index(SafetensorsReader.Open(file).FileTensors()),
            cancellationToken: cancellationToken);
        return new("MLNet.Gpt package", weights, () => read);
    }
}
