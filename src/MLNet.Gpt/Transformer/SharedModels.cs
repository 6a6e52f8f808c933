using System.Runtime.CompilerServices;
using Microsoft.ML;

namespace MLNet.Gpt.Transformer;

/// <summary>
/// The models in a pipeline's file so far, while it is written or read: transformers that share a model write it once,
/// in the folder of the first of them, and share it again after loading.
/// </summary>
internal static class SharedModels
{
    // Kept as long as the file is open.
    private static readonly ConditionalWeakTable<Repository, List<Entry>> Files = [];

    /// <summary>Returns the entry of a model; <see langword="null"/> if the file does not have it yet.</summary>
    public static Entry? Find(Repository file, GptModel model) => In(file).Find(each => ReferenceEquals(each.Owner.Model, model));

    /// <summary>Returns the entry of a folder.</summary>
    /// <exception cref="InvalidDataException">No transformer before this one has its model there.</exception>
    public static Entry Find(Repository file, string folder) => In(file).Find(each => each.Folder == folder)
        ?? throw new InvalidDataException(
            $"The saved pipeline has a GPT transformer whose model is in '{folder}', but there is no model there.");

    /// <summary>Remembers a model for later transformers that share it.</summary>
    public static void Add(Repository file, Entry entry) => In(file).Add(entry);

    private static List<Entry> In(Repository file) => Files.GetValue(file, static _ => []);

    /// <summary>A model in a pipeline's file.</summary>
    /// <param name="Owner">The model with its transformers; when writing a file, they are not counted.</param>
    /// <param name="Folder">The folder of the transformer with which the model is saved, with slashes.</param>
    /// <param name="Sha256">
    /// The checksum of that transformer's options and model; <see langword="null"/> in a file of version 1.
    /// </param>
    internal sealed record Entry(ModelOwner Owner, string Folder, string? Sha256);
}
