using MLNet.Gpt.IO;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Transforms;

[assembly: LoadableClass(
    typeof(GptTransformer), typeof(GptTransformerPersistence), null, typeof(SignatureLoadModel), "GPT language model", GptTransformerPersistence.LoaderSignature)]

namespace MLNet.Gpt.Transforms;

/// <summary>
/// How a <see cref="GptTransformer"/> lies in a file of ML.NET's: its options as JSON, and its model as a checkpoint of this library. ML.NET keeps an
/// entry in a temporary file while it is written or read; weights are streamed to and from there, so that no model needs to fit in managed memory.
/// </summary>
internal static class GptTransformerPersistence
{
    public const string LoaderSignature = "GptTransformer";

    private const string CheckpointStream = "Model.safetensors";
    private const uint Version = 0x00010001;

    /// <summary>Called by ML.NET, which finds it by its name.</summary>
    public static GptTransformer Create(IHostEnvironment env, ModelLoadContext ctx)
    {
        ctx.CheckAtModel(VersionInfo());
        var saved = SavedOptions.Parse("The saved pipeline", ctx.Reader.ReadString());
        GptModel? model = null;
        if (!ctx.TryLoadBinaryStream(CheckpointStream, reader => model = LoadModel(reader.BaseStream, saved.Model.ToOptions(), env)))
        {
            throw new InvalidDataException($"The saved pipeline lacks the GPT model's weights ('{CheckpointStream}').");
        }

        return new GptTransformer(env, model!, saved.Transformer);
    }

    public static void Save(GptTransformer transformer, ModelSaveContext ctx)
    {
        // First what can fail, a tokenizer that cannot be saved among it; then what writes.
        string options = SavedOptions.Of(transformer).ToJson();
        _ = TokenizerJson.Write(transformer.Model.Tokenizer);
        ctx.CheckAtModel();
        ctx.SetVersionInfo(VersionInfo());
        ctx.Writer.Write(options);
        ctx.SaveBinaryStream(CheckpointStream, writer => GptCheckpoint.Write(writer.BaseStream, transformer.Model, transformer.Model.Tokenizer));
    }

    private static GptModel LoadModel(Stream stream, GptModelOptions options, IHostEnvironment environment)
    {
        const string name = $"saved pipeline/{CheckpointStream}";
        using var file = stream is FileStream { Position: 0 } unpacked
            ? PositionedFile.Of(name, unpacked)
            : PositionedFile.Temporary(name, environment.TemporaryFolder(), stream.CopyTo);
        using var checkpoint = GptCheckpoint.Open(file);
        var tokenizer = checkpoint.Tokenizer ?? throw new InvalidDataException($"'{name}' holds no tokenizer.");
        return GptModel.FromWeights(checkpoint, tokenizer, options);
    }

    private static VersionInfo VersionInfo() => new(
        modelSignature: "GPT TRAN",
        verWrittenCur: Version,
        verReadableCur: Version,
        verWeCanReadBack: Version,
        loaderSignature: LoaderSignature,
        loaderAssemblyName: typeof(GptTransformerPersistence).Assembly.FullName);
}
