using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Formats.Package;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.IO;
using MLNet.Gpt.Persistence;

namespace MLNet.Gpt.Catalog;

/// <summary>Pipelines in ML.NET's own format, and the model in whatever format a path leads to.</summary>
internal static class PipelineFile
{
    // What every zip of torch.save has, in a folder of some name.
    private const string PickleEntry = "data.pkl";

    /// <summary>Saves as <c>ml.Model.Save</c> does, aside, and moves the file into place when all of it is there.</summary>
    public static void Save(MLContext context, ITransformer model, DataViewSchema? inputSchema, string path, CancellationToken cancellationToken) =>
        AtomicFile.Write(path, length: 0, stream =>
        {
            using var guarded = new GuardedStream(stream, cancellationToken);
            context.Model.Save(model, inputSchema, guarded);
            guarded.ThrowIfFailed();
        });

    /// <summary>
    /// Loads a transformer's package, a pipeline of ML.NET's that holds a GPT transformer and nothing else, or a model
    /// in any format that <see cref="GptModelFile"/> knows.
    /// </summary>
    /// <exception cref="InvalidDataException">It is none of these, or damaged.</exception>
    public static GptTransformer Load(MLContext context, string path, GptTransformerOptions? options, GptModelOptions? modelOptions)
    {
        if (Directory.Exists(path) ? !PackageFormat.IsIn(path) : !IsZip(path)) return LoadModel(context, path, options, modelOptions);
        bool isPipeline, isPickled;
        using (var entries = PackageEntries.Open(path))
        {
            bool isPackage = entries.Contains(PackageFormat.MetadataEntry);
            isPipeline = !isPackage && PipelineFormat.IsIn(entries);
            foreach (string model in isPipeline ? PipelineFormat.ModelsIn(entries) : []) entries.Check(model); // ML.NET unpacks whatever is there.
            isPickled = !isPackage && !isPipeline && entries.ContainsInFolder(PickleEntry);
        }

        if (isPickled) return LoadModel(context, path, options, modelOptions);
        return isPipeline ? LoadPipeline(context, path, options, modelOptions) : GptPackage.Load(context, path, options, modelOptions);
    }

    private static GptTransformer LoadModel(MLContext context, string path, GptTransformerOptions? options, GptModelOptions? modelOptions)
    {
        using var file = GptModelFile.Open(path);
        using var channel = ((IHostEnvironment)context).RegisterQuietly(nameof(LanguageModelingCatalog.LoadModel)).Start(nameof(LanguageModelingCatalog.LoadModel));
        foreach (string warning in file.Warnings) channel.Warning(warning);
        return new(context, GptModel.FromFile(file, modelOptions), options);
    }

    private static GptTransformer LoadPipeline(MLContext context, string path, GptTransformerOptions? options, GptModelOptions? modelOptions)
    {
        ITransformer[] transformers = [.. Flatten(context.Model.Load(path, out _))];
        if (transformers is not [GptTransformer loaded])
        {
            throw new InvalidDataException(
                $"'{path}' holds a pipeline of {transformers.Length} transformers ({string.Join(", ", transformers.Select(each => each.GetType().Name))}), not a GPT transformer alone; load it with ml.Model.Load.");
        }

        if (modelOptions is null || modelOptions == loaded.Model.Options) return options is null ? loaded : new GptTransformer(context, loaded.Model, options);
        using var model = loaded.Model;
        return new GptTransformer(context, GptModel.FromWeights(model, model.Tokenizer, modelOptions), options ?? loaded.Options);
    }

    private static IEnumerable<ITransformer> Flatten(ITransformer transformer) =>
        transformer is IEnumerable<ITransformer> chain ? chain.SelectMany(Flatten) : [transformer];

    private static bool IsZip(string path)
    {
        using var file = ReadableFile.OpenStream(path);
        return file.ReadByte() == 'P' && file.ReadByte() == 'K';
    }
}
