using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Safetensors;

namespace MLNet.Gpt.Formats.Package;

/// <summary>The GPT model in a pipeline saved by ML.NET; everything else in the pipeline is ignored.</summary>
internal sealed class PipelineFormat : IModelFormat
{
    /// <summary>The name of the entry with a transformer's model, in whatever folder it is.</summary>
    public const string WeightsEntry = "Model.safetensors";

    // Folders in every zip written by ML.NET.
    private const string TransformerFolder = "TransformerChain", TrainingFolder = "TrainingInfo";

    /// <summary>
    /// Returns whether a zip was written by ML.NET. A package also has one of these folders, but its weights are
    /// outside it.
    /// </summary>
    public static bool IsIn(PackageEntries entries) =>
        (entries.ContainsFolder(TransformerFolder) || entries.ContainsFolder(TrainingFolder))
            && !entries.Contains(PackageFormat.WeightsEntry);

    /// <summary>The names of the entries with GPT models.</summary>
    public static IEnumerable<string> ModelsIn(PackageEntries entries) =>
        entries.Names.Where(name => name.EndsWith("/" + WeightsEntry, StringComparison.Ordinal));

    public bool Recognizes(ModelContent content) => PackageEntries.TryOpen(content) is { } entries && IsIn(entries);

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        string path = content.Path;
        var entries = PackageEntries.TryOpen(content)!;
        string[] models = [.. ModelsIn(entries)];
        if (models is not [var name])
        {
            string count = models.Length == 0 ? "no GPT model" : $"{models.Length} GPT models";
            throw new InvalidDataException(
                $"'{path}' is a pipeline saved by ML.NET, with {count}; a model is only loaded from a file with one. ml.Model.Load "
                + "reads the whole pipeline.");
        }

        var file = files.Add(entries.OpenFile(name, temporaryFolder: null, options.CancellationToken));
        return CheckpointFormat.Open(SafetensorsReader.Open(file), "ML.NET pipeline", options.CancellationToken);
    }
}
