using MLNet.Gpt.Checkpoints;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Inference;

/// <summary>
/// A GPT-2 model ready to measure and generate: configuration, tokenizer, and weights packed for the managed engine.
/// Immutable and safe for use by many threads; loads no native library.
/// </summary>
public sealed class GptModel : IDisposable
{
    /// <summary>Packs weights for the engine.</summary>
    /// <param name="weights">Read once; not kept.</param>
    /// <param name="tokenizer">Its vocabulary must be as large as the configuration says.</param>
    /// <param name="options">Precision and threads; the defaults where <see langword="null"/>.</param>
    public static GptModel FromWeights(IWeightSource weights, ITextTokenizer tokenizer, GptModelOptions? options = null) => throw new NotImplementedException();

    /// <summary>The model's sizes.</summary>
    public GptConfig Config => throw new NotImplementedException();

    /// <summary>The tokenizer that belongs to the weights.</summary>
    public ITextTokenizer Tokenizer => throw new NotImplementedException();

    /// <summary>How the model is held and run.</summary>
    public GptModelOptions Options => throw new NotImplementedException();

    /// <summary>The same model at another precision, in memory of its own.</summary>
    public GptModel Quantize(WeightPrecision precision) => throw new NotImplementedException();

    /// <summary>A new, empty session: one sequence with its KV cache.</summary>
    public GptSession CreateSession() => throw new NotImplementedException();

    /// <summary>Appends one token to each of many sessions in one pass over the weights; each session's logits are then current.</summary>
    public void Step(ReadOnlySpan<GptSession> sessions, ReadOnlySpan<int> ids, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Scores every target of packed sequences; keeps no logits.</summary>
    /// <param name="inputs">The input ids of all sequences, one after the other.</param>
    /// <param name="targets">For each input the id that follows it.</param>
    /// <param name="lengths">The length of each sequence, each at most the context length; they add up to the number of inputs.</param>
    /// <param name="scores">Receives one score a target.</param>
    /// <param name="cancellationToken">Checked between layers.</param>
    public void Score(ReadOnlySpan<int> inputs, ReadOnlySpan<int> targets, ReadOnlySpan<int> lengths, Span<TokenScore> scores, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>The logits of every position of one sequence, (T, V) row-major.</summary>
    public float[] ComputeLogits(ReadOnlySpan<int> ids) => throw new NotImplementedException();

    /// <summary>The hidden state of every position after the last layer norm, (T, C) row-major.</summary>
    public float[] ComputeHiddenStates(ReadOnlySpan<int> ids) => throw new NotImplementedException();

    /// <summary>Frees the packed weights; sessions made from this model can no longer be used.</summary>
    public void Dispose() => throw new NotImplementedException();
}
