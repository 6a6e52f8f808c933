using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Transforms;

[assembly: LoadableClass(
    typeof(GptTransformer), typeof(GptTransformerPersistence), null, typeof(SignatureLoadModel), "GPT language model", GptTransformerPersistence.LoaderSignature)]

namespace MLNet.Gpt.Transforms;

/// <summary>
/// How a <see cref="GptTransformer"/> lies in a file of ML.NET's: its options as JSON, and its model as a checkpoint of this library, streamed
/// through a temporary file so that no model needs to fit in managed memory.
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
        var saved = JsonSerializer.Deserialize<SavedOptions>(ctx.Reader.ReadString(), SavedOptions.Json)
            ?? throw new InvalidDataException("The saved options of the GPT transformer are empty.");
        using var file = new TemporaryFile();
        if (!ctx.TryLoadBinaryStream(CheckpointStream, reader => file.Fill(reader.BaseStream)))
        {
            throw new InvalidDataException($"The saved pipeline lacks the GPT model's weights ('{CheckpointStream}').");
        }

        return new GptTransformer(GptModel.Load(file.Path, saved.Model), saved.Transformer);
    }

    public static void Save(GptTransformer transformer, ModelSaveContext ctx)
    {
        // First what can fail, a tokenizer that cannot be saved among it; then what writes.
        using var file = new TemporaryFile();
        GptCheckpoint.Save(file.Path, transformer.Model, transformer.Model.Tokenizer);
        ctx.CheckAtModel();
        ctx.SetVersionInfo(VersionInfo());
        ctx.Writer.Write(JsonSerializer.Serialize(new SavedOptions(transformer.Options, transformer.Model.Options), SavedOptions.Json));
        ctx.SaveBinaryStream(CheckpointStream, writer => file.CopyTo(writer.BaseStream));
    }

    private static VersionInfo VersionInfo() => new(
        modelSignature: "GPT TRAN",
        verWrittenCur: Version,
        verReadableCur: Version,
        verWeCanReadBack: Version,
        loaderSignature: LoaderSignature,
        loaderAssemblyName: typeof(GptTransformerPersistence).Assembly.FullName);
}
