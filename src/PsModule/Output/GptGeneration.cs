using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>A text that a model continued.</summary>
public sealed class GptGeneration
{
    private readonly GeneratedText _generated;
    private readonly int _vocabularySize;

    internal GptGeneration(string prompt, GeneratedText generated, int vocabularySize, TimeSpan elapsed) =>
        (Prompt, _generated, _vocabularySize, Elapsed) = (prompt, generated, vocabularySize, elapsed);

    /// <summary>The text that was continued.</summary>
    public string Prompt { get; }

    /// <summary>The text that the model wrote after it.</summary>
    public string Text => _generated.Text;

    /// <summary>The prompt and the continuation.</summary>
    public string FullText => Prompt + Text;

    /// <summary>The ids of the tokens that were written.</summary>
    public int[] Id => [.. _generated.TokenIds];

    /// <summary>The number of tokens that were written.</summary>
    public int TokenCount => _generated.TokenIds.Count;

    /// <summary>The number of tokens in the prompt.</summary>
    public int PromptTokenCount => _generated.PromptTokenCount;

    /// <summary>Why the text ended.</summary>
    public FinishReason FinishReason => _generated.FinishReason;

    /// <summary>The index of this text among the samples of its prompt, from 0.</summary>
    public int Sample => _generated.SampleIndex;

    /// <summary>The seed that gives the same text again.</summary>
    public long Seed => _generated.Seed;

    /// <summary>
    /// The tokens with their probabilities under the model itself, before penalties, temperature and filters; empty
    /// unless <c>-LogProbability</c> or <c>-CandidateCount</c> asks for them.
    /// </summary>
    public GptTokenLoss[] Token => [.. _generated.Tokens.Select(token => new GptTokenLoss(token, _vocabularySize))];

    /// <summary>Σ ln p of the tokens, in nats; <see langword="null"/> where they were not asked for.</summary>
    public double? LogProbability => _generated.LogProbability;

    /// <summary>The time from the beginning of its batch until it was written.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>The continuation.</summary>
    public override string ToString() => Text;
}
