using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNet.Gpt.Transformer;

/// <summary>
/// Saves a <see cref="ContinuationTransformer"/> to ML.NET's files and loads it, as <see cref="GptTransformerPersistence"/> does.
/// </summary>
internal static class ContinuationTransformerPersistence
{
    public const string LoaderSignature = "GptContinuations";

    /// <summary>Loads a transformer. ML.NET finds this method by its name.</summary>
    public static ContinuationTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => GptTransformerPersistence.Load(
        env, ctx, VersionInfo(),
        options => Parse(options).Model,
        (options, owner) => new ContinuationTransformer(env, owner.Model, Parse(options).Transformer, owner));

    public static void Save(ContinuationTransformer transformer, ModelSaveContext ctx) => GptTransformerPersistence.Save(
        ctx, VersionInfo(), SavedOptions.ToJson(new StoredParts(transformer.Options, new(transformer.Model.Options.Precision))),
        transformer.Model);

    private static StoredParts Parse(string options) => SavedOptions.Parse<StoredParts>(GptTransformerPersistence.Source, options);

    private static VersionInfo VersionInfo() => GptTransformerPersistence.VersionInfo("GPT CONT", LoaderSignature);

    private sealed record StoredParts(ContinuationTransformerOptions Transformer, SavedOptions.ModelFields Model);
}
