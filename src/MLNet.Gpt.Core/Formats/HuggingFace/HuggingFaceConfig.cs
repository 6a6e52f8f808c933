using System.Text.Json;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// The <c>config.json</c> of a Hugging Face model. Settings that this library does not support are an error that names
/// them. Source: transformers' <c>GPT2Config</c>, whose defaults apply to missing properties.
/// </summary>
internal static class HuggingFaceConfig
{
    private const int SizeLimit = 1 << 20;

    // Three names for one formula: the tanh form of GELU.
    private static readonly string[] Activations = ["gelu_new", "gelu_pytorch_tanh", "gelu_fast"];

    // GELU with the error function.
    private const string ExactActivation = "gelu";

    /// <summary>Reads a configuration.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or describes an unsupported model.</exception>
    public static GptConfig Read(PositionedFile file)
    {
        var fields = JsonFile.Read(file, SizeLimit, root => Fields(file.Path, root));
        return Configurations.Validated(file.Path, fields);
    }

    /// <inheritdoc cref="Read(PositionedFile)"/>
    public static GptConfig Read(string path)
    {
        using var file = PositionedFile.Open(path);
        return Read(file);
    }

    private static Func<GptConfig> Fields(string path, JsonElement root)
    {
        string? type = root.Optional("model_type")?.GetString();
        if (type is not null && DecoderConfig.Has(type)) return DecoderConfig.Fields(path, root, type);
        if (type is not (null or "gpt2"))
        {
            throw new InvalidDataException(
                $"'{path}' describes a model of type '{type}'; supported are gpt2, {string.Join(", ", DecoderConfig.Types)}.");
        }

        string activation = root.Optional("activation_function")?.GetString() ?? Activations[0];
        if (activation != ExactActivation && !Activations.Contains(activation))
        {
            throw new InvalidDataException(
                $"'{path}' specifies the activation '{activation}'; supported are {string.Join(", ", Activations)} and {ExactActivation}.");
        }

        Refuse(path, root, "scale_attn_weights", whereItIs: false);
        Refuse(path, root, "scale_attn_by_inverse_layer_idx", whereItIs: true);
        Refuse(path, root, "add_cross_attention", whereItIs: true);

        int width = root.Integer("n_embd");
        int? inner = root.Optional("n_inner") is null ? null : root.Integer("n_inner");
        double epsilon = root.Optional("layer_norm_epsilon")?.GetDouble() ?? 1e-5;
        int vocabulary = root.Integer("vocab_size"), context = root.Integer("n_positions", "n_ctx"),
            heads = root.Integer("n_head"), layers = root.Integer("n_layer");
        double dropout = root.Optional("resid_pdrop")?.GetDouble() ?? 0.1;
        bool isTied = root.Optional("tie_word_embeddings")?.GetBoolean() ?? true;
        return () => new GptConfig
        {
            VocabularySize = vocabulary,
            ContextLength = context,
            EmbeddingWidth = width,
            HeadCount = heads,
            LayerCount = layers,
            DropoutRate = dropout,
            FeedForwardWidth = inner ?? checked(4 * width),
            FeedForward = activation == ExactActivation ? FeedForwardKind.GeluExact : FeedForwardKind.Gelu,
            NormEpsilon = (float)epsilon,
            HasQkvBias = true,
            HasTiedHead = isTied,
        };
    }

    private static void Refuse(string path, JsonElement root, string name, bool whereItIs)
    {
        if (root.Optional(name)?.GetBoolean() == whereItIs)
        {
            throw new InvalidDataException($"'{path}' sets {name} to {whereItIs}; in GPT-2 it is {!whereItIs}.");
        }
    }
}
