using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Formats.Package;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.IO;
using MLNet.Gpt.Transformer;

namespace MLNet.Gpt.Catalog;

/// <summary>
/// Saves pipelines in ML.NET's own format, and loads a transformer from a file of any supported format.
/// </summary>
internal static class PipelineFile
{
    // Every zip of torch.save has this entry, in a folder with any name.
    private const string PickleEntry = "data.pkl";

    /// <summary>
    /// Saves like <c>ml.Model.Save</c>, to a temporary file, and moves it into place when it is complete.
    /// </summary>
    public static void Save(
        MLContext context, ITransformer model, DataViewSchema? inputSchema, string path, CancellationToken cancellationToken) =>
        AtomicFile.Write(path, length: 0, stream =>
        {
            using var guarded = new GuardedStream(stream, cancellationToken);
            context.Model.Save(model, inputSchema, guarded);
            guarded.ThrowIfFailed();
        });

    /// <summary>
    /// Loads a transformer package, an ML.NET pipeline that contains just one GPT transformer, or a model in any format
    /// that <see cref="GptModelFile"/> reads.
    /// </summary>
    /// <exception cref="InvalidDataException">It is none of these, or damaged.</exception>
    public static GptTransformer Load(
        MLContext context,
        string path,
        GptTransformerOptions? options,
        GptModelOptions? modelOptions,
        IProgress<double>? progress,
        CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        bool isModel = Directory.Exists(path) ? !PackageFormat.IsIn(path) : !IsZip(path);
        if (isModel) return LoadModel(context, path, options, modelOptions, progress, cancellationToken);
        bool isPipeline, isPickled;
        using (var entries = PackageEntries.Open(path))
        {
            bool isPackage = entries.Contains(PackageFormat.MetadataEntry);
            isPipeline = !isPackage && PipelineFormat.IsIn(entries);
            if (isPipeline)
            {
                foreach (string model in PipelineFormat.ModelsIn(entries)) entries.Check(model); // ML.NET unpacks it unchecked
            }

            isPickled = !isPackage && !isPipeline && entries.ContainsInFolder(PickleEntry);
        }

        if (isPickled) return LoadModel(context, path, options, modelOptions, progress, cancellationToken);
        return isPipeline
            ? LoadPipeline(context, path, options, modelOptions, progress, cancellationToken)
            : GptPackage.Load(context, path, options, modelOptions, progress, cancellationToken);
    }

    private static GptTransformer LoadModel(
        MLContext context,
        string path,
        GptTransformerOptions? options,
        GptModelOptions? modelOptions,
        IProgress<double>? progress,
        CancellationToken cancellationToken)
    {
        using var file = GptModelFile.Open(path, cancellationToken: cancellationToken);
        const string Name = nameof(LanguageModelingCatalog.LoadModel);
        using var channel = ((IHostEnvironment)context).RegisterQuietly(Name).Start(Name);
        foreach (string warning in file.Warnings) channel.Warning(warning);
        return GptTransformer.Owning(context, GptModel.FromFile(file, modelOptions, tokenizer: null, progress, cancellationToken), options);
    }

    private static GptTransformer LoadPipeline(
        MLContext context,
        string path,
        GptTransformerOptions? options,
        GptModelOptions? modelOptions,
        IProgress<double>? progress,
        CancellationToken cancellationToken)
    {
        var pipeline = LoadByMLNet(context, path, cancellationToken);
        ITransformer[] transformers = [.. Flatten(pipeline)];
        if (transformers is not [GptTransformer loaded])
        {
            (pipeline as IDisposable)?.Dispose();
            throw new InvalidDataException(
                $"'{path}' contains a pipeline of {transformers.Length} transformers "
                + $"({string.Join(", ", transformers.Select(each => each.GetType().Name))}), not just one GPT transformer; "
                + "load it with ml.Model.Load.");
        }

        bool keepsModel = modelOptions is null || modelOptions == loaded.Model.Options;
        if (keepsModel && options is null) return loaded;
        using var replaced = loaded;
        return keepsModel
            ? new GptTransformer(context, loaded.Model, options, loaded.Owner)
            : GptTransformer.Owning(
                context,
                GptModel.FromWeights(loaded.Model, loaded.Model.Tokenizer, modelOptions, progress, cancellationToken),
                options ?? loaded.Options);
    }

    private static ITransformer LoadByMLNet(MLContext context, string path, CancellationToken cancellationToken)
    {
        using var call = Cancellation.OfCall(cancellationToken);
        try
        {
            return context.Model.Load(path, out _);
        }
        catch (Exception error) when (cancellationToken.IsCancellationRequested)
        {
            // ML.NET calls loaders by reflection, which wraps their exceptions.
            throw new OperationCanceledException("Loading was canceled.", error, cancellationToken);
        }
    }

    private static IEnumerable<ITransformer> Flatten(ITransformer transformer) =>
        transformer is IEnumerable<ITransformer> chain ? chain.SelectMany(Flatten) : [transformer];

    private static bool IsZip(string path)
    {
        using var file = ReadableFile.OpenStream(path);
        return file.ReadByte() == 'P' && file.ReadByte() == 'K';
    }
}
