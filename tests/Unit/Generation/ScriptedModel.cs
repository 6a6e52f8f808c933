using MLNet.Gpt.Generation;

namespace MLNet.Gpt.Tests.Generation;

/// <summary>
/// A model whose logits are any function of the tokens in its context, for testing generation without an engine.
/// </summary>
internal sealed class ScriptedModel(int contextLength, Func<IReadOnlyList<int>, float[]> logits) : ISequenceModel
{
    public int ContextLength => contextLength;

    public ITextTokenizer Tokenizer { get; } = new ByteTokenizer();

    public int LiveSequences { get; private set; }

    public int LargestStep { get; private set; }

    /// <summary>Passes over the weights that a real model would have made, including reading prompts.</summary>
    public int PassCount { get; private set; }

    /// <summary>The maximum number of tokens in a pass that returned the logits of each.</summary>
    public int LongestPass { get; private set; }

    /// <summary>Generates a text after any prompt, then ends it.</summary>
    public static ScriptedModel Writing(string prompt, string continuation, int contextLength = 1024)
    {
        var tokenizer = new ByteTokenizer();
        int[] script = tokenizer.Encode(continuation);
        int start = tokenizer.Encode(prompt).Length;
        return new(contextLength, ids => OneHot(ids.Count - start < script.Length ? script[ids.Count - start] : ByteTokenizer.EndOfText));
    }

    /// <summary>Logits that depend on every token in the context and its position, like a real model's.</summary>
    public static ScriptedModel Hashing(int contextLength) => new(contextLength, HashedLogits);

    public static float[] HashedLogits(IReadOnlyList<int> ids)
    {
        uint hash = 2166136261;
        for (int i = 0; i < ids.Count; i++) hash = (hash ^ (uint)((ids[i] * 31) + i)) * 16777619;
        var random = new Random((int)(hash & int.MaxValue));
        float[] logits = new float[257];
        for (int id = 0; id < 256; id++) logits[id] = (float)(random.NextDouble() * 6);
        logits[ByteTokenizer.EndOfText] = -100;
        return logits;
    }

    public ISequence Start() => new Sequence(this, []);

    public void Step(ReadOnlySpan<ISequence> sequences, ReadOnlySpan<int> ids, CancellationToken cancellationToken)
    {
        LargestStep = Math.Max(LargestStep, sequences.Length);
        for (int i = 0; i < sequences.Length; i++) sequences[i].Append([ids[i]], cancellationToken);
    }

    private static float[] OneHot(int id)
    {
        float[] row = new float[257];
        row[id] = 50;
        return row;
    }

    private sealed class Sequence : ISequence
    {
        private readonly ScriptedModel _model;
        private readonly List<int> _ids;
        private float[] _logits = [];

        public Sequence(ScriptedModel model, List<int> ids)
        {
            _model = model;
            _ids = ids;
            model.LiveSequences++;
        }

        public int Position => _ids.Count;

        public ReadOnlySpan<float> Logits => _logits;

        public void Append(ReadOnlySpan<int> ids, CancellationToken cancellationToken)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _model.PassCount++;
            foreach (int id in ids[..^1]) _ids.Add(id);
            AppendOne(ids[^1]);
        }

        private void AppendOne(int id)
        {
            _ids.Add(id);
            Assert.True(_ids.Count <= _model.ContextLength, $"{_ids.Count} tokens in a context of {_model.ContextLength}");
            _logits = _model.Compute(_ids);
        }

        public void AppendAll(ReadOnlySpan<int> ids, Span<float> logits, CancellationToken cancellationToken)
        {
            _model.LongestPass = Math.Max(_model.LongestPass, ids.Length);
            _model.PassCount++;
            for (int i = 0; i < ids.Length; i++)
            {
                AppendOne(ids[i]);
                _logits.CopyTo(logits.Slice(i * _logits.Length, _logits.Length));
            }
        }

        public void Truncate(int position)
        {
            _ids.RemoveRange(position, _ids.Count - position);
            _logits = [];
        }

        public ISequence Fork() => new Sequence(_model, [.. _ids]) { _logits = _logits };

        public void Dispose() => _model.LiveSequences--;
    }

    private float[] Compute(IReadOnlyList<int> ids) => logits(ids);
}
