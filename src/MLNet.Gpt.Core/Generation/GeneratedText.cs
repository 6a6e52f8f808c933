using System.Diagnostics;

namespace MLNet.Gpt;

/// <summary>A finished generation.</summary>
[DebuggerDisplay("{Text} ({FinishReason}, {TokenIds.Count} tokens)")]
public sealed class GeneratedText
{
    internal GeneratedText(string text, IReadOnlyList<int> tokenIds, IReadOnlyList<ScoredToken> tokens, FinishReason finishReason)
    {
        Text = text;
        TokenIds = tokenIds;
        Tokens = tokens;
        FinishReason = finishReason;
    }

    /// <summary>What was generated after the prompt, without the stop sequence or end-of-text token that ended it.</summary>
    public string Text { get; }

    /// <summary>
    /// The generated tokens, without an end-of-text token that ended the generation. Those that spell a stop sequence
    /// at the end are included, because such a token can also contain the end of the text.
    /// </summary>
    public IReadOnlyList<int> TokenIds { get; }

    /// <summary>
    /// The same tokens with the model's probabilities; empty unless
    /// <see cref="GenerationOptions.ReturnLogProbabilities"/> or <see cref="GenerationOptions.CandidateCount"/>
    /// requests them.
    /// </summary>
    public IReadOnlyList<ScoredToken> Tokens { get; }

    /// <summary>Why the generation ended.</summary>
    public FinishReason FinishReason { get; }

    /// <summary>The number of tokens in the prompt, before any cropping.</summary>
    public int PromptTokenCount { get; internal init; }

    /// <summary>The seed that reproduces this generation; it has no effect if the temperature is 0.</summary>
    public long Seed { get; internal init; }

    /// <summary>The index of this text among the samples of its prompt.</summary>
    public int SampleIndex { get; internal init; }

    /// <summary>
    /// Σ ln p of the generated tokens under the model itself, in nats; <see langword="null"/> if log-probabilities were
    /// not requested.
    /// </summary>
    public double? LogProbability => Tokens.Count == TokenIds.Count ? Tokens.Sum(token => token.LogProbability) : null;

    /// <summary>Returns <see cref="Text"/>.</summary>
    public override string ToString() => Text;
}
