using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>A model of the architecture gpt2 in a GGUF file, with its tokenizer.</summary>
internal sealed class GgufFormat : IModelFormat
{
    public ModelWriter Writer { get; } = new(
        ExportFormat.Gguf, [".gguf"], [.. ModelWriter.PlainTypes, TensorDataType.Q8_0], GgufWriter.Write)
    {
        Supports = config => config is { IsGpt2: true, FeedForward: FeedForwardKind.Gelu },
    };

    public bool Recognizes(ModelContent content) => content.Start.StartsWith(GgufConstants.Magic);

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        string path = content.Path;
        var file = GgufReader.Open(files.Add(content.Take()));
        string? architecture = file.Optional<string>(GgufConstants.ArchitectureKey);
        if (architecture != GgufConstants.Architecture)
        {
            throw new InvalidDataException(
                $"'{path}' contains a model of the architecture '{architecture}'; only '{GgufConstants.Architecture}' is supported.");
        }

        var tensors = new Dictionary<string, FileTensor>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors)
        {
            if (!tensors.TryAdd(tensor.Name, tensor)) throw new InvalidDataException(
                $"'{path}' contains the tensor '{tensor.Name}' twice.");
        }

        var weights = new WeightMap(
            path, ReadConfig(path, file, tensors), GgufNames.Gpt2, tensors, cancellationToken: options.CancellationToken);
        return new($"GGUF v{file.Version}", weights, () => GgufTokenizer.Read(path, file, architecture));
    }

    private static GptConfig ReadConfig(string path, GgufReader file, Dictionary<string, FileTensor> tensors)
    {
        var table = GgufNames.Gpt2;
        if (!tensors.TryGetValue(table.NameOf(TensorRole.TokenEmbedding), out var embedding) || embedding.Shape.Count != 2)
        {
            throw new InvalidDataException($"'{path}' lacks the matrix '{table.NameOf(TensorRole.TokenEmbedding)}'.");
        }

        int width = file.Integer(GgufConstants.EmbeddingWidthKey), heads = file.Integer(GgufConstants.HeadCountKey);
        if (file.OptionalInteger("gpt2.attention.head_count_kv") is { } keyHeads && keyHeads != heads)
        {
            throw new InvalidDataException(
                $"'{path}' specifies {heads} heads and {keyHeads} key heads; GPT-2 has the same number of both.");
        }

        int context = file.Integer(GgufConstants.ContextLengthKey), layers = file.Integer(GgufConstants.LayerCountKey);
        return Configurations.Validated(path, () => new GptConfig
        {
            VocabularySize = checked((int)embedding.Shape[0]),
            ContextLength = context,
            EmbeddingWidth = width,
            HeadCount = heads,
            LayerCount = layers,
            FeedForwardWidth = file.OptionalInteger(GgufConstants.FeedForwardWidthKey) ?? checked(4 * width),
            NormEpsilon = (float)(file.Optional<double?>(GgufConstants.LayerNormEpsilonKey) ?? 1e-5),
            HasQkvBias = tensors.ContainsKey(table.QueryBiasNameOf(0)),
            HasTiedHead = !tensors.ContainsKey(table.NameOf(TensorRole.Head)),
        });
    }
}
