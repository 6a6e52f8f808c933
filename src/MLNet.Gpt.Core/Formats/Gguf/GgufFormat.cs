using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>A model of the architecture gpt2 in a GGUF file, with its tokenizer.</summary>
internal static class GgufFormat
{
    private const string Architecture = "gpt2";
    private const string Tokens = "tokenizer.ggml.tokens";
    private const int ControlToken = 3, UserDefinedToken = 4, UnusedToken = 5;

    // How the text is cut: of a file that does not say, as GPT-2 does it.
    private static readonly string[] Splits = ["gpt-2", "default"];

    public static OpenedModel Open(string path)
    {
        using var files = new OpenFiles();
        var file = GgufReader.Open(path, files);
        string? architecture = file.Optional<string>("general.architecture");
        if (architecture != Architecture) throw new InvalidDataException($"'{path}' holds a model of the architecture '{architecture}'; '{Architecture}' is read.");

        var tensors = new Dictionary<string, FileTensor>(StringComparer.Ordinal);
        foreach (var tensor in file.Tensors)
        {
            if (!tensors.TryAdd(tensor.Name, tensor)) throw new InvalidDataException($"'{path}' holds the tensor '{tensor.Name}' twice.");
        }

        var weights = new WeightMap(path, ReadConfig(path, file, tensors), FusedLayout.Gguf, tensors);
        return new($"GGUF v{file.Version}", weights, () => ReadTokenizer(path, file), files.Release());
    }

    private static GptConfig ReadConfig(string path, GgufReader file, Dictionary<string, FileTensor> tensors)
    {
        var layout = FusedLayout.Gguf;
        if (!tensors.TryGetValue(layout.TokenEmbedding, out var embedding) || embedding.Shape.Count != 2)
        {
            throw new InvalidDataException($"'{path}' lacks the matrix '{layout.TokenEmbedding}'.");
        }

        double epsilon = file.Optional<double?>("gpt2.attention.layer_norm_epsilon") ?? GptConfig.LayerNormEpsilon;
        if ((float)epsilon != GptConfig.LayerNormEpsilon) throw new InvalidDataException($"'{path}' asks for a layer norm epsilon of {epsilon}; GPT-2's is {GptConfig.LayerNormEpsilon}.");
        int width = file.Integer("gpt2.embedding_length"), heads = file.Integer("gpt2.attention.head_count");
        if (file.OptionalInteger("gpt2.feed_forward_length") is { } inner && inner != 4L * width)
        {
            throw new InvalidDataException($"'{path}' asks for feed-forward layers of width {inner}; GPT-2's are four times as wide as its embeddings of {width}.");
        }

        if (file.OptionalInteger("gpt2.attention.head_count_kv") is { } keyHeads && keyHeads != heads) throw new InvalidDataException($"'{path}' asks for {heads} heads and {keyHeads} of keys; GPT-2 has as many of both.");
        int context = file.Integer("gpt2.context_length"), layers = file.Integer("gpt2.block_count");
        return Configurations.Validated(path, () => new GptConfig
        {
            VocabularySize = checked((int)embedding.Shape[0]),
            ContextLength = context,
            EmbeddingWidth = width,
            HeadCount = heads,
            LayerCount = layers,
            HasQkvBias = tensors.ContainsKey(layout.QueryBias(0)),
            HasTiedHead = !tensors.ContainsKey(layout.Head),
        });
    }

    private static ITextTokenizer? ReadTokenizer(string path, GgufReader file)
    {
        if (file.Optional<List<string>>(Tokens) is not { } tokens) return null;
        string? model = file.Optional<string>("tokenizer.ggml.model"), split = file.Optional<string>("tokenizer.ggml.pre");
        if (model != Architecture) throw new InvalidDataException($"'{path}' has a tokenizer of kind '{model}'; '{Architecture}' is read.");
        if (split is not null && !Splits.Contains(split)) throw new InvalidDataException($"'{path}' has a tokenizer that cuts text as '{split}'; '{Splits[0]}' is read.");
        var merges = file.Optional<List<string>>("tokenizer.ggml.merges") ?? throw new InvalidDataException($"'{path}' has a tokenizer without 'tokenizer.ggml.merges'.");

        int? end = file.OptionalInteger("tokenizer.ggml.eos_token_id"), unknown = file.OptionalInteger("tokenizer.ggml.unknown_token_id");
        int? beginning = file.OptionalInteger("tokenizer.ggml.bos_token_id");
        var types = file.Optional<List<long>>("tokenizer.ggml.token_type");
        var special = new SortedSet<int>();
        if (types is not null && types.Count != tokens.Count) throw new InvalidDataException($"'{path}' has {tokens.Count} tokens and types for {types.Count}.");
        for (int id = 0; id < types?.Count; id++)
        {
            if (types[id] is ControlToken or UserDefinedToken) special.Add(id);
        }

        // Rows that pad the vocabulary have names of their own, which no text means.
        int count = tokens.Count;
        while (count > 0 && types?[count - 1] == UnusedToken) count--;
        tokens = tokens.GetRange(0, count);
        if (end is { } endId) special.Add(endId);
        if (special.Count > 0 && special.Max >= tokens.Count) throw new InvalidDataException($"'{path}' ends documents with the id {special.Max} of {tokens.Count} tokens.");
        return new BytePairVocabulary(path, tokens, [.. merges.Select(merge => HuggingFace.TokenizerFiles.Merge(path, merge))], [.. special])
        {
            EndOfTextId = end,
            BeginningOfTextId = beginning is { } beginningId && special.Contains(beginningId) ? beginning : null,
            UnknownId = unknown < tokens.Count ? unknown : null,
        }.ToTokenizer();
    }
}
