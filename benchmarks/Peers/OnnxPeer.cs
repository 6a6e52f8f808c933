using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>
/// ONNX Runtime on the library's own export. The graph computes the logits of every token, like all such exports, also
/// for a prompt of which only the last are used.
/// </summary>
internal sealed class OnnxPeer : Peer
{
    private const string PastPrefix = "past_key_values", PresentPrefix = "present";

    private static readonly GptConfig Config = ModelFiles.Config;

    private readonly InferenceSession _session;
    private readonly string[] _pasts, _inputs, _outputs;

    public OnnxPeer(string path)
    {
        using var options = new SessionOptions
        {
            IntraOpNumThreads = Environment.ProcessorCount,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR,
        };
        _session = new(path, options);
        _pasts = [.. _session.InputNames.Where(name => name.StartsWith(PastPrefix, StringComparison.Ordinal))];
        _inputs = ["input_ids", "attention_mask", "position_ids", .. _pasts];
        _outputs = ["logits", .. _pasts.Select(name => PresentPrefix + name[PastPrefix.Length..])];
    }

    // Nothing keeps ONNX Runtime from using AVX-512.
    public static IEnumerable<PeerKind> Kinds(ModelFiles files) => PeersBenchmark.AvoidsAvx512
        ? [new("ONNX Runtime", "f32, with AVX-512", 32, () => new OnnxPeer(files.Onnx), IsAhead: true)]
        : [new("ONNX Runtime", "f32", 32, () => new OnnxPeer(files.Onnx))];

    public override void Decode(int tokens) => Generate([FirstId], tokens);

    public override void Prefill(int[] ids)
    {
        using var outputs = Step(ids, 1, null, 0);
        ArgMax(LogitsOf(outputs, ids.Length - 1));
    }

    public override double Loss(int[] ids)
    {
        using var outputs = Step(ids[..^1], 1, null, 0);
        return MeanLoss.Of(ids.AsSpan(1), row => LogitsOf(outputs, row));
    }

    public override void DecodeTogether(int sessions, int tokens) => Generate([.. Enumerable.Range(0, sessions)], tokens);

    public override void Dispose() => _session.Dispose();

    private void Generate(int[] next, int tokens)
    {
        IDisposableReadOnlyCollection<OrtValue>? past = null;
        for (int i = 0; i < tokens; i++)
        {
            var outputs = Step(next, next.Length, past, i);
            for (int row = 0; row < next.Length; row++) next[row] = ArgMax(LogitsOf(outputs, row));
            past?.Dispose();
            past = outputs;
        }

        past?.Dispose();
    }

    // Outputs are the logits, then keys and values, which are inputs of the next step as they are.
    private IDisposableReadOnlyCollection<OrtValue> Step(int[] ids, int batch, IDisposableReadOnlyCollection<OrtValue>? past, int length)
    {
        int count = ids.Length / batch, total = length + count;
        using var idsValue = Integers([.. ids.Select(id => (long)id)], batch, count);
        using var mask = Integers([.. Enumerable.Repeat(1L, batch * total)], batch, total);
        using var positions = Integers([.. Enumerable.Range(0, ids.Length).Select(i => (long)(length + (i % count)))], batch, count);
        using var nothing = OrtValue.CreateAllocatedTensorValue(
            OrtAllocator.DefaultInstance, TensorElementType.Float, [batch, Config.HeadCount, 0, Config.HeadSize]);
        using var options = new RunOptions();
        return _session.Run(
            options, _inputs, [idsValue, mask, positions, .. past?.Skip(1) ?? Enumerable.Repeat(nothing, _pasts.Length)], _outputs);
    }

    private static OrtValue Integers(long[] values, int rows, int columns) => OrtValue.CreateTensorValueFromMemory(values, [rows, columns]);

    private static ReadOnlySpan<float> LogitsOf(IDisposableReadOnlyCollection<OrtValue> outputs, int row) =>
        outputs.First().GetTensorDataAsSpan<float>().Slice(row * Config.VocabularySize, Config.VocabularySize);
}
