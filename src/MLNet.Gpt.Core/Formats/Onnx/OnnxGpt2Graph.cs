using System.Globalization;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Layouts;

namespace MLNet.Gpt.Formats.Onnx;

/// <summary>Writes a configuration's forward pass as a graph of ONNX operators.</summary>
/// <remarks>
/// With the cache, inputs and outputs have the names and shapes that Hugging Face's Optimum gives a decoder:
/// <c>input_ids</c> (B, T), <c>attention_mask</c> (B, P + T), <c>position_ids</c> (B, T), <c>past_key_values.i.key</c>
/// and <c>.value</c> (B, nh, P, hs); <c>logits</c> (B, T, V), <c>present.i.key</c> and <c>.value</c> (B, nh, P + T,
/// hs). P, the number of preceding tokens, may be 0. Without the cache, they are <c>input_ids</c> and <c>logits</c>.
/// </remarks>
internal sealed class OnnxGpt2Graph
{
    private const string BatchSize = "batch_size", SequenceLength = "sequence_length", Past = "past_sequence_length",
        Total = "total_sequence_length";

    private readonly OnnxGraphWriter _graph;
    private readonly ModelTensors _tensors;
    private readonly GptConfig _config;
    private readonly bool _hasCache;
    private readonly string _headShape, _rowShape, _splits, _scale, _half, _one, _geluCubic, _geluScale;

    private OnnxGpt2Graph(IWeightSource weights, TensorDataType type, bool hasCache)
    {
        _graph = new(type);
        _tensors = new(weights, HuggingFaceNames.Gpt2);
        _config = weights.Config;
        _hasCache = hasCache;
        int c = _config.EmbeddingWidth;
        _headShape = _graph.Numbers("shape.heads", 0, 0, _config.HeadCount, _config.HeadSize); // 0 keeps a dimension
        _rowShape = _graph.Numbers("shape.rows", 0, 0, c);
        _splits = _graph.Numbers("sizes.query_key_value", c, c, c);
        _scale = _graph.Scalar("attention.scale", 1 / MathF.Sqrt(_config.HeadSize));
        _half = _graph.Scalar("gelu.half", 0.5f);
        _one = _graph.Scalar("gelu.one", 1);
        _geluCubic = _graph.Scalar("gelu.cubic", 0.044715f);
        _geluScale = _graph.Scalar("gelu.scale", MathF.Sqrt(2 / MathF.PI));
    }

    public static OnnxGraphWriter Write(IWeightSource weights, TensorDataType type, bool hasCache)
    {
        var writer = new OnnxGpt2Graph(weights, type, hasCache);
        writer.Write();
        return writer._graph;
    }

    private void Write()
    {
        string ids = _graph.Input("input_ids", TensorDataType.Int64, BatchSize, SequenceLength);
        string length = Size("length", ids, axis: 1);
        var (positions, bias) = _hasCache ? CachedPositions(length) : Positions(length);

        string embedding = _graph.Weight(_tensors[TensorRole.TokenEmbedding]);
        string positionEmbedding = _graph.Weight(_tensors[TensorRole.PositionEmbedding]);
        // (B, T, C)
        string x = _graph.Node(
            "Add",
            "embedded",
            [_graph.Node("Gather", "wte", [embedding, ids]), _graph.Node("Gather", "wpe", [positionEmbedding, positions])]);
        for (int layer = 0; layer < _config.LayerCount; layer++) x = Block(x, layer, bias);
        x = Norm("ln_f", x, TensorRole.FinalNormScale, TensorRole.FinalNormShift);

        // (B, T, C) -> (B T, C) -> (B T, V) -> (B, T, V): a product with the transposed matrix saves a transposed copy
        // for a tied head.
        string head = _config.HasTiedHead ? embedding : _graph.Weight(_tensors[TensorRole.Head]);
        string rows = _graph.Node("Reshape", "head.rows", [x, _graph.Numbers("shape.head_rows", -1, _config.EmbeddingWidth)]);
        string products = _graph.Node("Gemm", "head.products", [rows, head], OnnxAttribute.Of("transB", 1L));
        string shape = _graph.Node(
            "Concat",
            "head.shape",
            [_graph.Node("Shape", "ids.shape", [ids]), _graph.Numbers("size.vocabulary", _config.VocabularySize)],
            OnnxAttribute.Of("axis", 0L));
        _graph.Node(
            "Reshape",
            _graph.Output("logits", TensorDataType.Float32, BatchSize, SequenceLength, Text(_config.VocabularySize)),
            [products, shape]);
    }

    // Positions 0 … T − 1, (1, T), and the mask that is added to the scores, (T, T).
    private (string Positions, string Bias) Positions(string length)
    {
        string positions = Range("positions", _graph.Number("zero", 0), length);
        string allowed = Causal(positions, positions);
        return (Unsqueeze("position_ids", positions, 0), Bias(allowed));
    }

    // Positions are given, (B, T); queries are the last T of P + T positions, and positions that the mask excludes are
    // invisible to all: (B, 1, T, P + T).
    private (string Positions, string Bias) CachedPositions(string length)
    {
        string mask = _graph.Input("attention_mask", TensorDataType.Int64, BatchSize, Total);
        string positions = _graph.Input("position_ids", TensorDataType.Int64, BatchSize, SequenceLength);
        string total = Size("total", mask, axis: 1);
        string places = Range("places", _graph.Number("zero", 0), total);
        string queries = Range("queries", _graph.Node("Sub", "past", [total, length]), total);
        string attended = _graph.Node(
            "Cast", "attended", [mask], OnnxAttribute.Of("to", (long)OnnxConstants.NumberOf(TensorDataType.Boolean)));
        string everywhere = _graph.Node("Unsqueeze", "attended.everywhere", [attended, _graph.Numbers("axes.heads_queries", 1, 2)]);
        return (positions, Bias(_graph.Node("And", "allowed", [Causal(queries, places), everywhere])));
    }

    private string Causal(string queries, string places) =>
        _graph.Node("LessOrEqual", "causal", [places, Unsqueeze("queries.column", queries, 1)]);

    private string Bias(string allowed) =>
        _graph.Node(
            "Where", "attention.bias", [allowed, _graph.Scalar("attention.seen", 0), _graph.Scalar("attention.unseen", float.MinValue)]);

    private string Block(string x, int layer, string bias)
    {
        string name = string.Create(CultureInfo.InvariantCulture, $"h.{layer}.");

        string normed = Norm(name + "ln_1", x, TensorRole.AttentionNormScale, TensorRole.AttentionNormShift, layer);
        string attended = Linear(
            name + "attn.c_proj",
            Attention(normed, layer, name + "attn.", bias),
            _tensors[TensorRole.AttentionOutput, layer],
            _tensors[TensorRole.AttentionOutputBias, layer]);
        x = _graph.Node("Add", name + "attn.residual", [x, attended]);

        normed = Norm(name + "ln_2", x, TensorRole.FeedForwardNormScale, TensorRole.FeedForwardNormShift, layer);
        string hidden = Linear(
            name + "mlp.c_fc", normed,
            _tensors[TensorRole.FeedForwardIn, layer],
            _tensors[TensorRole.FeedForwardInBias, layer]);
        string projected = Linear(
            name + "mlp.c_proj", Gelu(name + "mlp.gelu", hidden),
            _tensors[TensorRole.FeedForwardOut, layer],
            _tensors[TensorRole.FeedForwardOutBias, layer]);
        return _graph.Node("Add", name + "mlp.residual", [x, projected]);
    }

    // (B, T, C) -> (B, T, C), before the output projection.
    private string Attention(string x, int layer, string name, string bias)
    {
        string projected = Linear(
            name + "c_attn", x, _tensors[TensorRole.QueryKeyValue, layer], _tensors[TensorRole.QueryKeyValueBias, layer]);
        // (B, T, 3 C) -> 3 (B, T, C)
        _graph.Node("Split", [name + "query", name + "key", name + "value"], [projected, _splits], OnnxAttribute.Of("axis", -1L));
        string query = Heads(name + "query"), key = Heads(name + "key"), value = Heads(name + "value");
        if (_hasCache)
        {
            key = Cached("key", layer, key);
            value = Cached("value", layer, value);
        }

        string scaled = _graph.Node("Mul", name + "query.scaled", [query, _scale]);
        // (B, nh, T, P + T)
        string scores = _graph.Node("MatMul", name + "scores", [scaled, Transpose(name + "key.transposed", key, 0, 1, 3, 2)]);
        string weights = _graph.Node(
            "Softmax", name + "weights", [_graph.Node("Add", name + "scores.masked", [scores, bias])], OnnxAttribute.Of("axis", -1L));
        // (B, nh, T, hs) -> (B, T, nh, hs)
        string mixed = Transpose(name + "mixed.rows", _graph.Node("MatMul", name + "mixed", [weights, value]), 0, 2, 1, 3);
        return _graph.Node("Reshape", name + "attended", [mixed, _rowShape]);
    }

    // (B, T, C) -> (B, T, nh, hs) -> (B, nh, T, hs)
    private string Heads(string x) => Transpose(x + ".heads", _graph.Node("Reshape", x + ".split", [x, _headShape]), 0, 2, 1, 3);

    // (B, nh, T, hs) after (B, nh, P, hs) -> (B, nh, P + T, hs)
    private string Cached(string role, int layer, string x)
    {
        string heads = Text(_config.HeadCount), size = Text(_config.HeadSize),
            place = string.Create(CultureInfo.InvariantCulture, $".{layer}.{role}");
        string past = _graph.Input("past_key_values" + place, TensorDataType.Float32, BatchSize, heads, Past, size);
        string present = _graph.Output("present" + place, TensorDataType.Float32, BatchSize, heads, Total, size);
        return _graph.Node("Concat", present, [past, x], OnnxAttribute.Of("axis", 2L));
    }

    // A product with an (in, out) matrix, which needs no transposition when the graph runs.
    private string Linear(string name, string x, ExportTensor matrix, ExportTensor bias) =>
        _graph.Node("Add", name, [_graph.Node("MatMul", name + ".product", [x, _graph.Weight(matrix)]), _graph.Weight(bias)]);

    private string Norm(string name, string x, TensorRole scale, TensorRole shift, int layer = 0) => _graph.Node(
        "LayerNormalization",
        name,
        [x, _graph.Weight(_tensors[scale, layer]), _graph.Weight(_tensors[shift, layer])],
        OnnxAttribute.Of("axis", -1L),
        OnnxAttribute.Of("epsilon", _config.NormEpsilon));

    // 0.5 x (1 + tanh(√(2 / π) (x + 0.044715 x³)))
    private string Gelu(string name, string x)
    {
        string cube = _graph.Node("Mul", name + ".cube", [_graph.Node("Mul", name + ".square", [x, x]), x]);
        string inner = _graph.Node("Add", name + ".inner", [x, _graph.Node("Mul", name + ".cubic", [cube, _geluCubic])]);
        string tanh = _graph.Node("Tanh", name + ".tanh", [_graph.Node("Mul", name + ".scaled", [inner, _geluScale])]);
        return _graph.Node("Mul", name, [_graph.Node("Mul", name + ".half", [x, _half]), _graph.Node("Add", name + ".gate", [tanh, _one])]);
    }

    // The size of a dimension, as a scalar.
    private string Size(string name, string x, long axis) => _graph.Node(
        "Gather", name, [_graph.Node("Shape", name + ".shape", [x]), _graph.Number(name + ".axis", axis)]);

    private string Range(string name, string from, string to) => _graph.Node("Range", name, [from, to, _graph.Number(name + ".step", 1)]);

    private string Unsqueeze(string name, string x, long axis) => _graph.Node("Unsqueeze", name, [x, _graph.Numbers(name + ".axis", axis)]);

    private string Transpose(string name, string x, params ReadOnlySpan<long> order) =>
        _graph.Node("Transpose", name, [x], OnnxAttribute.OfMany("perm", order));

    private static string Text(int value) => value.ToString(CultureInfo.InvariantCulture);
}
