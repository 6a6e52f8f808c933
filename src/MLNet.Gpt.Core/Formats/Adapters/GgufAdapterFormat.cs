using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Gguf;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;
using MLNet.Gpt.Network;

namespace MLNet.Gpt.Formats.Adapters;

/// <summary>
/// llama.cpp's file of a LoRA adapter. Source: llama.cpp's <c>llama-adapter.cpp</c> and <c>convert_lora_to_gguf.py</c>.
/// </summary>
internal static class GgufAdapterFormat
{
    private const string TypeKey = "general.type", Adapter = "adapter", KindKey = "adapter.type", Lora = "lora";
    private const string AlphaKey = "adapter.lora.alpha", InvocationKey = "adapter.alora.invocation_tokens";
    private const string SuffixA = ".lora_a", SuffixB = ".lora_b", Weight = ".weight";

    /// <summary>Returns whether a file begins like one.</summary>
    public static bool Recognizes(PositionedFile file) =>
        file.Length >= GgufConstants.Magic.Length && file.Read(0, GgufConstants.Magic.Length).AsSpan().SequenceEqual(GgufConstants.Magic);

    /// <summary>Writes a file.</summary>
    /// <exception cref="ArgumentException">llama.cpp cannot use such an adapter; the message says why.</exception>
    public static void Write(string path, LoraAdapter adapter, CancellationToken cancellationToken)
    {
        if (GgufDecoder.ObstacleOf(adapter.Config) is { } obstacle)
        {
            throw new ArgumentException($"An adapter of this model cannot be written as GGUF: {obstacle}.", nameof(adapter));
        }

        if (adapter.Weights.Count > 0)
        {
            throw new ArgumentException(
                $"The adapter replaces '{adapter.Weights.Keys.First()}', for which GGUF has no place; merge the adapter instead.",
                nameof(adapter));
        }

        if (LoraTargets.IsTied(adapter.Config) && adapter.Matrices.Any(matrix => matrix.Target == WeightNames.Head))
        {
            throw new ArgumentException(
                $"The adapter updates '{WeightNames.Head}', which is the token embedding, where llama.cpp cannot update it; merge the "
                + "adapter instead.",
                nameof(adapter));
        }

        string architecture = GgufDecoder.ArchitectureOf(adapter.Config);
        var adapted = AdapterModule.Join(AdapterModule.Of(GgufDecoder.NamesOf(architecture), adapter.Config), adapter);

        // llama.cpp computes α / rank for each pair, so B takes up what that is wrong by.
        double alpha = adapter.Matrices.Count == 0 ? 1 : adapter.Matrices[0].Scale * adapter.Matrices[0].Rank;
        var header = new GgufHeaderWriter();
        header.Add(GgufConstants.ArchitectureKey, architecture);
        header.Add(TypeKey, Adapter);
        header.Add(KindKey, Lora);
        header.Add(AlphaKey, (float)alpha);
        var tensors = new List<ExportTensor>();
        foreach (var each in adapted)
        {
            float factor = (float)(each.Scale * each.Rank / (float)alpha);
            tensors.Add(new($"{each.Module.Name}{Weight}{SuffixA}", [each.Rank, each.Module.Columns], Reader(each.A, 1)));
            tensors.Add(new($"{each.Module.Name}{Weight}{SuffixB}", [each.Module.Rows, each.Rank], Reader(each.B, factor)));
        }

        foreach (var tensor in tensors) header.Add(tensor, TensorDataType.Float32);
        byte[] start = header.ToArray();
        var elements = new ElementWriter(new ExportMeter(progress: null, cancellationToken));
        AtomicFile.Write(path, start.Length + header.DataLength, stream =>
        {
            stream.Write(start);
            foreach (var tensor in tensors)
            {
                elements.Write(stream, tensor, TensorDataType.Float32);
                stream.Write(new byte[GgufHeaderWriter.Padding(TensorDataType.Float32.Size(tensor.ElementCount))]);
            }
        });

        static ElementReader Reader(float[] values, float factor) => (start, destination) =>
        {
            for (int i = 0; i < destination.Length; i++) destination[i] = factor * values[start + i];
        };
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or not an adapter of such a model.</exception>
    public static LoraAdapter Read(PositionedFile file, GptConfig config)
    {
        var reader = GgufReader.Open(file);
        if (reader.Optional<string>(TypeKey) != Adapter)
        {
            throw new InvalidDataException(
                $"'{file.Path}' is not an adapter: its {TypeKey} is '{reader.Optional<string>(TypeKey) ?? "model"}', not '{Adapter}'.");
        }

        if (reader.Optional<string>(KindKey) is not Lora and var kind)
        {
            throw new InvalidDataException($"'{file.Path}' has an adapter of the type '{kind}'; only '{Lora}' is supported.");
        }

        string? architecture = reader.Optional<string>(GgufConstants.ArchitectureKey);
        string? own = config.Family is null ? null : GgufDecoder.ArchitectureOf(config);
        if (architecture is null || architecture != own)
        {
            throw new InvalidDataException(
                $"'{file.Path}' has an adapter for the architecture '{architecture}'; the model's is '{own ?? "none of llama.cpp's"}'.");
        }

        if (reader.Optional<object>(InvocationKey) is not null)
        {
            throw new InvalidDataException($"'{file.Path}' sets {InvocationKey}: activated LoRA is not supported.");
        }

        double alpha = reader.Optional<double?>(AlphaKey) ?? 0;
        if (!double.IsFinite(alpha)) throw new InvalidDataException($"'{file.Path}' sets {AlphaKey} to a number that is not finite.");
        var pairs = new AdapterPairs(file.Path);
        foreach (var tensor in reader.Tensors)
        {
            bool isA = tensor.Name.EndsWith(SuffixA, StringComparison.Ordinal);
            if (!isA && !tensor.Name.EndsWith(SuffixB, StringComparison.Ordinal))
            {
                throw new InvalidDataException($"'{file.Path}' contains {tensor}, which is not a part of a LoRA adapter.");
            }

            pairs.Add(tensor.Name[..^SuffixA.Length], tensor, isA);
        }

        var modules = AdapterModule.Of(GgufDecoder.NamesOf(architecture), config)
            .ToDictionary(module => module.Name + Weight, StringComparer.Ordinal);
        var adapted = pairs.Read(modules, (_, rank) => alpha == 0 ? 1 : alpha / rank);
        return LoraAdapter.Read(file.Path, config, adapted, new Dictionary<string, float[]>(), dropout: 0);
    }
}
