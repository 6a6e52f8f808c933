using System.Runtime.CompilerServices;
using Microsoft.ML;

namespace MLNet.Gpt.Persistence;

/// <summary>
/// The models that a pipeline's file holds so far while it is written or read: transformers that share a model write it
/// once, in the folder of the first of them, and get one model back.
/// </summary>
internal static class SharedModels
{
    // As long as the file is open, and no longer.
    private static readonly ConditionalWeakTable<Repository, List<SharedModel>> Files = [];

    /// <summary>Where a file has this model; <see langword="null"/> where it does not.</summary>
    public static SharedModel? Find(Repository file, GptModel model) => In(file).Find(each => ReferenceEquals(each.Model, model));

    /// <summary>The model of a folder.</summary>
    /// <exception cref="InvalidDataException">No transformer before this one has its model there.</exception>
    public static SharedModel Find(Repository file, string folder) => In(file).Find(each => each.Folder == folder)
        ?? throw new InvalidDataException($"The saved pipeline has a GPT transformer with the model of '{folder}', and no model there.");

    /// <summary>Remembers a model for the transformers after the one that it belongs to.</summary>
    public static void Add(Repository file, SharedModel model) => In(file).Add(model);

    private static List<SharedModel> In(Repository file) => Files.GetValue(file, static _ => []);
}
