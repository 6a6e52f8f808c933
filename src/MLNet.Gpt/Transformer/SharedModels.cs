using System.Runtime.CompilerServices;
using Microsoft.ML;

namespace MLNet.Gpt.Transformer;

/// <summary>
/// The models that a pipeline's file holds so far while it is written or read: transformers that share a model write it
/// once, in the folder of the first of them, and get one model back.
/// </summary>
internal static class SharedModels
{
    // Kept as long as the file is open.
    private static readonly ConditionalWeakTable<Repository, List<Entry>> Files = [];

    /// <summary>The entry of a model; <see langword="null"/> if the file does not have it yet.</summary>
    public static Entry? Find(Repository file, GptModel model) => In(file).Find(each => ReferenceEquals(each.Owner.Model, model));

    /// <summary>The entry of a folder.</summary>
    /// <exception cref="InvalidDataException">No transformer before this one has its model there.</exception>
    public static Entry Find(Repository file, string folder) => In(file).Find(each => each.Folder == folder)
        ?? throw new InvalidDataException(
            $"The saved pipeline has a GPT transformer whose model is in '{folder}', and there is no model there.");

    /// <summary>Remembers a model for later transformers that share it.</summary>
    public static void Add(Repository file, Entry entry) => In(file).Add(entry);

    private static List<Entry> In(Repository file) => Files.GetValue(file, static _ => []);

    /// <summary>A model in a pipeline's file.</summary>
    /// <param name="Owner">The model with its transformers; those of a file that is being written are not counted.</param>
    /// <param name="Folder">The folder of the transformer that the model is saved with, with slashes.</param>
    /// <param name="Sha256">
    /// The checksum of that transformer's options and model; <see langword="null"/> in a file of version 1.
    /// </param>
    internal sealed record Entry(ModelOwner Owner, string Folder, string? Sha256);
}
