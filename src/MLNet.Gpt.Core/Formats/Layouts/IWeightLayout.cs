using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>The names and arrangement that a writer gives to a model's tensors.</summary>
internal interface IWeightLayout
{
    /// <summary>The token embedding, (V, C).</summary>
    string TokenEmbedding { get; }

    /// <summary>The position embedding, (T, C).</summary>
    string PositionEmbedding { get; }

    /// <summary>The output head, (V, C).</summary>
    string Head { get; }

    /// <summary>The matrix of a block that holds its queries.</summary>
    string Query(int layer);

    /// <summary>The bias of a block's queries.</summary>
    string QueryBias(int layer);

    /// <summary>
    /// A place for each weight of a configuration, one at a time, so that a damaged count of layers ends at the first
    /// one missing.
    /// </summary>
    IEnumerable<WeightPlace> Places(GptConfig config);

    /// <summary>Whether the writer's files hold the tensor although it is no weight, such as the mask of attention.</summary>
    bool IsNoWeight(string tensor);

    /// <summary>
    /// Whether the files of a model without any bias lack those of its linear layers and the shifts of its norms, as
    /// nanoGPT's <c>bias=False</c> leaves them out.
    /// </summary>
    bool LacksBiases(IReadOnlyDictionary<string, FileTensor> tensors);
}
