namespace MLNet.Gpt;

/// <summary>A finished generation.</summary>
public sealed record GeneratedText
{
    /// <summary>What was generated after the prompt, without the stop sequence or end-of-text token that ended it.</summary>
    public required string Text { get; init; }

    /// <summary>
    /// The tokens that were generated, without an end-of-text token that ended the generation. Those that spell the stop sequence
    /// that ended it are included, as such a token can also hold the end of the text.
    /// </summary>
    public required IReadOnlyList<GeneratedToken> Tokens { get; init; }

    /// <summary>Why the generation ended.</summary>
    public required FinishReason FinishReason { get; init; }

    /// <summary>Tokens of the prompt, before any cropping.</summary>
    public required int PromptTokenCount { get; init; }

    /// <summary>The seed that repeats this generation; of no effect where the temperature is 0.</summary>
    public required long Seed { get; init; }

    /// <summary>Which of the prompt's samples this is, from 0.</summary>
    public required int SampleIndex { get; init; }

    /// <summary>
    /// Σ ln p of the generated tokens under the model itself, in nats; <see langword="null"/> where log-probabilities
    /// were not asked for.
    /// </summary>
    public double? LogProbability => Tokens.Aggregate((double?)0, (sum, token) => sum + token.LogProbability);

    /// <summary>Returns <see cref="Text"/>.</summary>
    public override string ToString() => Text;
}
