using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>Infers a configuration from the tensors' shapes, for files that contain only weights.</summary>
internal static class ShapeInference
{
    // GPT-2's published sizes, the only ones for which the width determines the number of heads.
    private static readonly Dictionary<long, int> PublishedHeads = GptPresets.All.Values
        .Where(config => config is { IsGpt2: true, EmbeddingWidth: >= 768 })
        .DistinctBy(config => config.EmbeddingWidth)
        .ToDictionary(config => (long)config.EmbeddingWidth, config => config.HeadCount);

    /// <summary>Returns the configuration of the tensors.</summary>
    /// <param name="path">For messages.</param>
    /// <param name="table">The names.</param>
    /// <param name="tensors">The tensors by these names.</param>
    /// <param name="headCount">
    /// Attention heads, which no shape shows; may be <see langword="null"/> for the widths of GPT-2's published sizes.
    /// </param>
    /// <exception cref="InvalidDataException">A tensor is missing or of an impossible shape.</exception>
    /// <exception cref="ArgumentException">The number of heads is required.</exception>
    public static GptConfig Infer(string path, TensorTable table, IReadOnlyDictionary<string, FileTensor> tensors, int? headCount)
    {
        var embedding = Matrix(table.NameOf(TensorRole.TokenEmbedding));
        var positions = Matrix(table.NameOf(TensorRole.PositionEmbedding));
        long width = embedding.Shape[1];
        int layers = 0;
        while (tensors.ContainsKey(table.QueryNameOf(layers))) layers++;
        if (layers == 0) throw new InvalidDataException($"'{path}' lacks the tensor '{table.QueryNameOf(0)}'.");

        if (headCount is null && PublishedHeads.TryGetValue(width, out int published)) headCount = published;
        if (headCount is null)
        {
            throw new ArgumentException(
                $"'{path}' does not say how many attention heads its model of width {width} has, and GPT-2 was not "
                + "published in that width; pass the number of heads.",
                nameof(headCount));
        }

        return Configurations.Validated(path, () => new GptConfig
        {
            VocabularySize = checked((int)embedding.Shape[0]),
            ContextLength = checked((int)positions.Shape[0]),
            EmbeddingWidth = checked((int)width),
            HeadCount = headCount.Value,
            LayerCount = layers,
            HasQkvBias = tensors.ContainsKey(table.QueryBiasNameOf(0)),
            HasTiedHead = !tensors.TryGetValue(table.NameOf(TensorRole.Head), out var head)
                || (head.Identity is not null && head.Identity.Equals(embedding.Identity)),
        });

        FileTensor Matrix(string name)
        {
            if (!tensors.TryGetValue(name, out var tensor)) throw new InvalidDataException($"'{path}' lacks the tensor '{name}'.");
            if (tensor.Shape.Count != 2) throw new InvalidDataException($"'{tensor.File}' contains {tensor} instead of a matrix.");
            return tensor;
        }
    }
}
