using System.IO.Compression;
using System.Text;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Package;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Transformer;

/// <summary>
/// Saves a <see cref="GptTransformer"/> to a package and loads it: a zip that other programs can read, with the weights
/// as plain safetensors. See docs/package.md.
/// </summary>
internal static class GptPackage
{
    public static void Save(GptTransformer transformer, string path, CancellationToken cancellationToken)
    {
        var model = transformer.Model;
        string config = GptConfigJson.Write(model.Config);
        string tokenizer = TokenizerJson.Write(model.Tokenizer);
        string options = SavedOptions.Of(transformer).ToJson();
        AtomicFile.Write(path, length: 0, stream =>
        {
            using var archive = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
            WriteText(archive, PackageFormat.ConfigEntry, config);
            WriteText(archive, PackageFormat.TokenizerEntry, tokenizer);
            string sha256 = WriteWeights(archive, model, cancellationToken);
            WriteText(archive, PackageFormat.MetadataEntry, PackageMetadata.Create(options, sha256).ToJson());
            byte[] key = GptTransformerPersistence.KeyOfPackage(transformer, config, tokenizer, sha256);
            Write(archive, GptTransformerPersistence.KeyEntry, key);
        });
    }

    /// <param name="environment">The context that the transformer belongs to, if any.</param>
    /// <param name="path">The file written by <see cref="Save"/>, or the folder that it was unpacked to.</param>
    /// <param name="options">Options to use instead of the saved ones.</param>
    /// <param name="modelOptions">Options to use instead of the saved ones.</param>
    /// <param name="progress">Receives the fraction of the weights that has been read.</param>
    /// <param name="cancellationToken">Stops the loading.</param>
    public static GptTransformer Load(
        IHostEnvironment? environment,
        string path,
        GptTransformerOptions? options,
        GptModelOptions? modelOptions,
        IProgress<double>? progress,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var entries = OpenEntries(path);
        if (!entries.Contains(PackageFormat.MetadataEntry) && PipelineFormat.IsIn(entries))
        {
            throw new InvalidDataException(
                $"'{path}' is a pipeline saved by ML.NET, not a GPT transformer package; use ml.Model.Load.");
        }

        string source = entries.PathOf(PackageFormat.MetadataEntry);
        using var files = new OpenFiles();
        var (metadata, opened) = PackageFormat.Open(entries, path, environment.TemporaryFolder(), files, cancellationToken);
        var saved = SavedOptions.Parse(source, metadata.Options.GetRawText());
        var model = GptModel.FromWeights(
            opened.Weights, opened.ReadTokenizer()!, modelOptions ?? saved.Model.ToOptions(), progress, cancellationToken);
        try
        {
            return GptTransformer.Owning(environment, model, options ?? saved.Transformer);
        }
        catch (ArgumentException error) when (options is null)
        {
            throw new InvalidDataException($"'{source}' has options that do not fit the model: {error.Message}", error);
        }
    }

    private static PackageEntries OpenEntries(string path)
    {
        try
        {
            return PackageEntries.Open(path);
        }
        catch (InvalidDataException error)
        {
            throw new InvalidDataException(
                $"'{path}' is not a GPT transformer package. To load a model, use GptModel.Load or ml.LanguageModeling.LoadModel. "
                + error.Message,
                error);
        }
    }

    private static string WriteWeights(ZipArchive archive, GptModel model, CancellationToken cancellationToken)
    {
        // Not compressed: weights hardly compress, and other programs can read them in place.
        using var entry = archive.CreateEntry(PackageFormat.WeightsEntry, CompressionLevel.NoCompression).Open();
        using var hashing = new HashingStream(entry);
        var metadata = new Dictionary<string, string> { [SafetensorsConstants.FrameworkKey] = SafetensorsConstants.Framework };
        var elements = new ElementWriter(new ExportMeter(progress: null, cancellationToken));
        SafetensorsWriter.Write(hashing, [.. new ModelTensors(model, OwnNames.Table).All()], TensorDataType.Float32, metadata, elements);
        return hashing.Sha256();
    }

    private static void WriteText(ZipArchive archive, string name, string text) => Write(archive, name, Encoding.UTF8.GetBytes(text));

    private static void Write(ZipArchive archive, string name, byte[] contents)
    {
        using var entry = archive.CreateEntry(name).Open();
        entry.Write(contents);
    }
}
