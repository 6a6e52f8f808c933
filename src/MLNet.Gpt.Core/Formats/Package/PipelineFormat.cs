using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Safetensors;

namespace MLNet.Gpt.Formats.Package;

/// <summary>The GPT model in a pipeline that ML.NET saved; everything else in the pipeline is left aside.</summary>
internal sealed class PipelineFormat : IModelFormat
{
    /// <summary>What the entry of a transformer's model is called, in whatever folder it lies.</summary>
    public const string WeightsEntry = "Model.safetensors";

    // Folders that every zip of ML.NET's has.
    private const string TransformerFolder = "TransformerChain", TrainingFolder = "TrainingInfo";

    /// <summary>Whether a zip is one of ML.NET's. A package has a folder of them as well, and its weights outside.</summary>
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
                $"'{path}' is a pipeline that ML.NET saved, with {count}; a file with one is read here. ml.Model.Load "
                + "reads the whole pipeline.");
        }

        var file = files.Add(entries.OpenFile(name, temporaryFolder: null, options.CancellationToken));
        return CheckpointFormat.Open(SafetensorsReader.Open(file), "ML.NET pipeline", options.CancellationToken);
    }
}
