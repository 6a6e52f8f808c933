using System.IO.Compression;
using System.Text;
using MLNet.Gpt.IO;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Transforms;

/// <summary>
/// A <see cref="GptTransformer"/> in a file of its own: a zip that other programs can read, with the weights as plain safetensors. See
/// docs/package.md.
/// </summary>
internal static class GptPackage
{
    /// <summary>The entry that tells a package from any other zip.</summary>
    public const string MetadataEntry = "metadata.json";

    private const string ConfigEntry = "config.json";
    private const string TokenizerEntry = "tokenizer.json";
    private const string WeightsEntry = "model.safetensors";

    public static void Save(GptTransformer transformer, string path, CancellationToken cancellationToken)
    {
        var model = transformer.Model;
        string config = GptConfigJson.Write(model.Config), tokenizer = TokenizerJson.Write(model.Tokenizer);
        var options = SavedOptions.Of(transformer);
        AtomicFile.Write(path, length: 0, stream =>
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            WriteText(archive, ConfigEntry, config);
            WriteText(archive, TokenizerEntry, tokenizer);
            WriteText(archive, MetadataEntry, PackageMetadata.Create(options, WriteWeights(archive, model, cancellationToken)).ToJson());
        });
    }

    /// <param name="environment">The context that the transformer belongs to, if any.</param>
    /// <param name="path">What <see cref="Save"/> wrote.</param>
    /// <param name="options">In place of those that were saved.</param>
    /// <param name="modelOptions">In place of those that were saved.</param>
    public static GptTransformer Load(IHostEnvironment? environment, string path, GptTransformerOptions? options, GptModelOptions? modelOptions)
    {
        using var entries = PackageEntries.Open(path);
        var metadata = PackageMetadata.Parse(entries.Describe(MetadataEntry), entries.ReadText(MetadataEntry));
        var saved = SavedOptions.Parse(entries.Describe(MetadataEntry), metadata.Options.GetRawText());
        var config = GptConfigJson.Read($"{path}/{ConfigEntry}", entries.ReadText(ConfigEntry));
        var tokenizer = TokenizerJson.Read($"{path}/{TokenizerEntry}", entries.ReadText(TokenizerEntry));
        if (tokenizer.VocabularySize != config.VocabularySize)
        {
            throw new InvalidDataException(
                $"{entries.Describe(TokenizerEntry)} has {tokenizer.VocabularySize} ids; vocabularySize in '{ConfigEntry}' is {config.VocabularySize}.");
        }

        var model = LoadModel(entries, metadata, config, tokenizer, modelOptions ?? saved.Model.ToOptions(), environment.TemporaryFolder());
        try
        {
            return new GptTransformer(environment, model, options ?? saved.Transformer);
        }
        catch (ArgumentException error) when (options is null)
        {
            model.Dispose();
            throw new InvalidDataException($"{entries.Describe(MetadataEntry)} holds options that do not fit the model: {error.Message}", error);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    private static GptModel LoadModel(
        PackageEntries entries, PackageMetadata metadata, GptConfig config, ITextTokenizer tokenizer, GptModelOptions options, string? temporaryFolder)
    {
        using var stream = entries.Open(WeightsEntry, out string? path);
        string sha256 = "";
        PositionedFile file;
        if (path is null)
        {
            file = PositionedFile.Temporary(entries.Describe(WeightsEntry).Trim('\''), temporaryFolder, destination => sha256 = Copy(stream, destination, entries));
        }
        else
        {
            sha256 = Copy(stream, Stream.Null, entries);
            file = PositionedFile.Open(path);
        }

        using var opened = file;
        if (!sha256.Equals(metadata.WeightsSha256, StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidDataException(
                $"{entries.Describe(WeightsEntry)} is damaged: its checksum is {sha256}, and weightsSha256 in '{MetadataEntry}' is {metadata.WeightsSha256}.");
        }

        using var checkpoint = GptCheckpoint.Open(file, config);
        return GptModel.FromWeights(checkpoint, tokenizer, options);
    }

    private static string Copy(Stream source, Stream destination, PackageEntries entries)
    {
        try
        {
            using var hashing = new HashingStream(destination);
            source.CopyTo(hashing, 1 << 20);
            return hashing.Sha256();
        }
        catch (Exception error) when (error is InvalidDataException or EndOfStreamException)
        {
            throw new InvalidDataException($"{entries.Describe(WeightsEntry)} is damaged: {error.Message}", error);
        }
    }

    private static string WriteWeights(ZipArchive archive, GptModel model, CancellationToken cancellationToken)
    {
        // Not compressed: weights hardly are compressible, and other programs can then read them in place.
        using var entry = archive.CreateEntry(WeightsEntry, CompressionLevel.NoCompression).Open();
        using var hashing = new HashingStream(entry);
        var metadata = new Dictionary<string, string> { ["format"] = "pt" }; // what Hugging Face's loaders ask for
        SafetensorsWriter.Write(hashing, [.. WeightNames.For(model.Config)], model.Read, SafetensorsDataType.Float32, metadata, cancellationToken);
        return hashing.Sha256();
    }

    private static void WriteText(ZipArchive archive, string name, string text)
    {
        using var entry = archive.CreateEntry(name).Open();
        entry.Write(Encoding.UTF8.GetBytes(text));
    }
}
