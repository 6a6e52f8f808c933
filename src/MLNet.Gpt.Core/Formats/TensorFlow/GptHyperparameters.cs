using MLNet.Gpt.Formats.Importing;

namespace MLNet.Gpt.Formats.TensorFlow;

/// <summary>The <c>hparams.json</c> of OpenAI's release.</summary>
internal static class GptHyperparameters
{
    public const string FileName = "hparams.json";
    private const int SizeLimit = 1 << 20;

    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static GptConfig Read(string path)
    {
        var (vocabulary, context, width, heads, layers) = JsonFile.Read(
            path, SizeLimit, root => (root.Integer("n_vocab"), root.Integer("n_ctx"), root.Integer("n_embd"), root.Integer("n_head"), root.Integer("n_layer")));
        return Configurations.Validated(path, () => new GptConfig
        {
            VocabularySize = vocabulary,
            ContextLength = context,
            EmbeddingWidth = width,
            HeadCount = heads,
            LayerCount = layers,
            HasQkvBias = true,
            HasTiedHead = true,
        });
    }
}
