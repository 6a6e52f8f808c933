using System.Globalization;
using System.Text.RegularExpressions;
using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.Layouts;

/// <summary>
/// GPT-2's own arrangement, with queries, keys and values in one matrix: what the writers share but for names and the
/// matrices' direction.
/// </summary>
internal sealed partial record FusedLayout : IWeightLayout
{
    /// <summary>Hugging Face's transformers, without the prefix <c>transformer.</c>; matrices are (in, out).</summary>
    public static FusedLayout HuggingFace { get; } = new()
    {
        TokenEmbedding = "wte.weight",
        PositionEmbedding = "wpe.weight",
        Head = "lm_head.weight",
        FinalNorm = "ln_f",
        Block = "h.{0}.",
        AttentionNorm = "ln_1",
        QueryKeyValue = "attn.c_attn",
        AttentionOutput = "attn.c_proj",
        FeedForwardNorm = "ln_2",
        FeedForwardIn = "mlp.c_fc",
        FeedForwardOut = "mlp.c_proj",
        NormScale = ".weight",
        Matrix = ".weight",
        Bias = ".bias",
        IsTransposed = true,
        Masks = HuggingFaceMask(),
    };

    /// <summary>The same names with matrices (out, in), as nanoGPT writes them.</summary>
    public static FusedLayout NanoGpt { get; } = HuggingFace with { IsTransposed = false };

    /// <summary>OpenAI's release, without the prefix <c>model/</c>; matrices are (in, out).</summary>
    public static FusedLayout OpenAI { get; } = new()
    {
        TokenEmbedding = "wte",
        PositionEmbedding = "wpe",
        Head = "head",
        FinalNorm = "ln_f",
        Block = "h{0}/",
        AttentionNorm = "ln_1",
        QueryKeyValue = "attn/c_attn",
        AttentionOutput = "attn/c_proj",
        FeedForwardNorm = "ln_2",
        FeedForwardIn = "mlp/c_fc",
        FeedForwardOut = "mlp/c_proj",
        NormScale = "/g",
        Matrix = "/w",
        Bias = "/b",
        IsTransposed = true,
    };

    /// <summary>GGUF's names for the architecture gpt2; matrices are (out, in).</summary>
    public static FusedLayout Gguf { get; } = new()
    {
        TokenEmbedding = "token_embd.weight",
        PositionEmbedding = "position_embd.weight",
        Head = "output.weight",
        FinalNorm = "output_norm",
        Block = "blk.{0}.",
        AttentionNorm = "attn_norm",
        QueryKeyValue = "attn_qkv",
        AttentionOutput = "attn_output",
        FeedForwardNorm = "ffn_norm",
        FeedForwardIn = "ffn_up",
        FeedForwardOut = "ffn_down",
        NormScale = ".weight",
        Matrix = ".weight",
        Bias = ".bias",
        IsTransposed = false,
    };

    public required string TokenEmbedding { get; init; }

    public required string PositionEmbedding { get; init; }

    public required string Head { get; init; }

    private string FinalNorm { get; init; } = "";

    private string Block { get; init; } = "";

    private string AttentionNorm { get; init; } = "";

    private string QueryKeyValue { get; init; } = "";

    private string AttentionOutput { get; init; } = "";

    private string FeedForwardNorm { get; init; } = "";

    private string FeedForwardIn { get; init; } = "";

    private string FeedForwardOut { get; init; } = "";

    private string NormScale { get; init; } = "";

    private string Matrix { get; init; } = "";

    private string Bias { get; init; } = "";

    private bool IsTransposed { get; init; }

    private Regex? Masks { get; init; }

    public string Query(int layer) => InBlock(layer, QueryKeyValue) + Matrix;

    public string QueryBias(int layer) => InBlock(layer, QueryKeyValue) + Bias;

    public bool IsNoWeight(string tensor) => Masks?.IsMatch(tensor) == true;

    // Where one is there, all must be: the file is damaged otherwise.
    public bool LacksBiases(IReadOnlyDictionary<string, FileTensor> tensors)
    {
        string[] names = [QueryKeyValue, AttentionOutput, FeedForwardIn, FeedForwardOut, AttentionNorm, FeedForwardNorm];
        return !tensors.ContainsKey(FinalNorm + Bias) && !names.Any(name => tensors.ContainsKey(InBlock(0, name) + Bias));
    }

    public IEnumerable<WeightPlace> Places(GptConfig config)
    {
        long c = config.EmbeddingWidth, f = config.FeedForwardWidth, v = config.VocabularySize;
        yield return new(WeightNames.TokenEmbedding, TokenEmbedding, [v, c]);
        yield return new(WeightNames.PositionEmbedding, PositionEmbedding, [config.ContextLength, c]);
        for (int layer = 0; layer < config.LayerCount; layer++)
        {
            string[] projections = [WeightNames.Query(layer), WeightNames.Key(layer), WeightNames.Value(layer)];
            string[] biases = config.HasQkvBias ? [WeightNames.QueryBias(layer), WeightNames.KeyBias(layer), WeightNames.ValueBias(layer)] : [];
            for (int part = 0; part < projections.Length; part++) yield return Linear(projections[part], Query(layer), 3 * c, c) with { Part = part, PartCount = 3 };
            for (int part = 0; part < biases.Length; part++) yield return OfBias(biases[part], QueryBias(layer), 3 * c) with { Part = part, PartCount = 3 };

            string output = InBlock(layer, AttentionOutput), up = InBlock(layer, FeedForwardIn), down = InBlock(layer, FeedForwardOut);
            string before = InBlock(layer, AttentionNorm), between = InBlock(layer, FeedForwardNorm);
            yield return Linear(WeightNames.AttentionOutput(layer), output + Matrix, c, c);
            yield return OfBias(WeightNames.AttentionOutputBias(layer), output + Bias, c);
            yield return Linear(WeightNames.FeedForwardIn(layer), up + Matrix, f, c);
            yield return OfBias(WeightNames.FeedForwardInBias(layer), up + Bias, f);
            yield return Linear(WeightNames.FeedForwardOut(layer), down + Matrix, c, f);
            yield return OfBias(WeightNames.FeedForwardOutBias(layer), down + Bias, c);
            yield return new(WeightNames.AttentionNormScale(layer), before + NormScale, [c]);
            yield return OfBias(WeightNames.AttentionNormShift(layer), before + Bias, c);
            yield return new(WeightNames.FeedForwardNormScale(layer), between + NormScale, [c]);
            yield return OfBias(WeightNames.FeedForwardNormShift(layer), between + Bias, c);
        }

        yield return new(WeightNames.FinalNormScale, FinalNorm + NormScale, [c]);
        yield return OfBias(WeightNames.FinalNormShift, FinalNorm + Bias, c);
        if (!config.HasTiedHead) yield return new(WeightNames.Head, Head, [v, c]);
    }

    private static WeightPlace OfBias(string weight, string tensor, long size) => new(weight, tensor, [size]) { IsBias = true };

    private WeightPlace Linear(string weight, string tensor, long outputs, long inputs) =>
        new(weight, tensor, IsTransposed ? [inputs, outputs] : [outputs, inputs], IsTransposed);

    private string InBlock(int layer, string name) => string.Format(CultureInfo.InvariantCulture, Block, layer) + name;

    [GeneratedRegex(@"^h\.[0-9]{1,9}\.attn\.(bias|masked_bias)$", RegexOptions.CultureInvariant)]
    private static partial Regex HuggingFaceMask();
}
