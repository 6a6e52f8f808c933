using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>A model in a GGUF file, with its tokenizer.</summary>
internal sealed class GgufFormat : IModelFormat
{
    public ModelWriter Writer { get; } = new(
        ExportFormat.Gguf, [".gguf"], [.. ModelWriter.PlainTypes, TensorDataType.Q8_0, TensorDataType.Q4_0], GgufWriter.Write)
    {
        ObstacleOf = GgufDecoder.ObstacleOf,
    };

    public bool Recognizes(ModelContent content) => content.Start.StartsWith(GgufConstants.Magic);

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        string path = content.Path;
        var file = GgufReader.Open(files.Add(content.Take()));
        string? architecture = file.Optional<string>(GgufConstants.ArchitectureKey);
        if (architecture is null || !GgufDecoder.Architectures.Contains(architecture))
        {
            throw new InvalidDataException(
                $"'{path}' contains a model of the architecture '{architecture}'; supported are "
                + $"{string.Join(", ", GgufDecoder.Architectures)}.");
        }

        var tensors = new Dictionary<string, FileTensor>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors)
        {
            if (!tensors.TryAdd(tensor.Name, tensor)) throw new InvalidDataException(
                $"'{path}' contains the tensor '{tensor.Name}' twice.");
        }

        var weights = new WeightMap(
            path, GgufDecoder.Read(path, file, architecture, tensors), GgufDecoder.NamesOf(architecture), tensors,
            cancellationToken: options.CancellationToken);
        return new($"GGUF v{file.Version}", weights, () => GgufTokenizer.Read(path, file, architecture));
    }
}
