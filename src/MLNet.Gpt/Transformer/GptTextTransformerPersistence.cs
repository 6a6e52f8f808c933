using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Network;
using MLNet.Gpt.Rows;

namespace MLNet.Gpt.Transformer;

/// <summary>
/// Saves a <see cref="GptTextTransformer"/> to ML.NET's files and loads it, as <see cref="GptTransformerPersistence"/> does: the decoder
/// as a checkpoint, and after the options the head and the values of the keys, whose checksum is among the options.
/// </summary>
internal static class GptTextTransformerPersistence
{
    public const string LoaderSignature = "GptText";

    /// <summary>Loads a transformer. ML.NET finds this method by its name.</summary>
    public static GptTextTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => GptTransformerPersistence.Load(
        env, ctx, VersionInfo(), options => Parse(options).Model, (options, owner) =>
        {
            var stored = Parse(options);
            byte[] head = ReadBytes(ctx), keys = ReadBytes(ctx);
            if (stored.Sha256 != Checksum(head, keys)) throw Damaged("their checksum is wrong");
            int width = owner.Model.Config.EmbeddingWidth, outputs = stored.Labels.Length;
            if (head.Length != sizeof(float) * outputs * ((long)width + 1)) throw Damaged($"they do not fit a width of {width}");
            float[] numbers = MemoryMarshal.Cast<byte, float>(head).ToArray();
            var layer = new ClassifierHead(numbers[..^outputs], numbers[^outputs..], stored.Labels, stored.IsRegression);
            var classifier = new GptClassifier(owner.Model, layer, stored.Texts);
            return new GptTextTransformer(
                env, classifier, stored.Columns, keys.Length == 0 ? null : LabelKeys.Read(env, keys), owner);
        });

    public static void Save(GptTextTransformer transformer, ModelSaveContext ctx)
    {
        var classifier = transformer.Classifier;
        byte[] keys = transformer.Keys?.ToBytes(transformer.Environment) ?? [];
        byte[] head = [.. MemoryMarshal.AsBytes(classifier.HeadWeight), .. MemoryMarshal.AsBytes(classifier.HeadBias)];
        var stored = new StoredParts(
            transformer.Columns, new(classifier.Model.Options.Precision), classifier.Texts, [.. classifier.Labels], classifier.IsRegression,
            Checksum(head, keys));
        GptTransformerPersistence.Save(ctx, VersionInfo(), SavedOptions.ToJson(stored), classifier.Model);
        WriteBytes(ctx, head);
        WriteBytes(ctx, keys);
    }

    private static void WriteBytes(ModelSaveContext ctx, byte[] bytes)
    {
        ctx.Writer.Write(bytes.Length);
        ctx.Writer.Write(bytes);
    }

    private static byte[] ReadBytes(ModelLoadContext ctx)
    {
        int length = ctx.Reader.ReadInt32();
        byte[] bytes = length < 0 ? throw Damaged("their length is negative") : ctx.Reader.ReadBytes(length);
        return bytes.Length == length ? bytes : throw Damaged("they are incomplete");
    }

    private static InvalidDataException Damaged(string problem) =>
        new($"The {GptTransformerPersistence.Source} has a classifier whose head or labels are damaged: {problem}.");

    private static string Checksum(byte[] head, byte[] keys)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(head);
        hash.AppendData(keys);
        return Convert.ToHexStringLower(hash.GetCurrentHash());
    }

    private static StoredParts Parse(string options) => SavedOptions.Parse<StoredParts>(GptTransformerPersistence.Source, options);

    private static VersionInfo VersionInfo() => GptTransformerPersistence.VersionInfo("GPT TEXT", LoaderSignature);

    private sealed record StoredParts(
        TextColumns Columns,
        SavedOptions.ModelFields Model,
        ClassifierTextOptions Texts,
        string[] Labels,
        bool IsRegression,
        string Sha256);
}
