using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>A text that a model continued.</summary>
public sealed class GptGeneration
{
    private readonly GeneratedText _generated;

    internal GptGeneration(string prompt, GeneratedText generated, TimeSpan elapsed) =>
        (Prompt, _generated, Elapsed) = (prompt, generated, elapsed);

    /// <summary>What was continued.</summary>
    public string Prompt { get; }

    /// <summary>What the model wrote after it.</summary>
    public string Text => _generated.Text;

    /// <summary>Prompt and continuation.</summary>
    public string FullText => Prompt + Text;

    /// <summary>The ids of the tokens that were written.</summary>
    public int[] Id => [.. _generated.TokenIds];

    /// <summary>How many tokens were written.</summary>
    public int TokenCount => _generated.TokenIds.Count;

    /// <summary>Tokens of the prompt.</summary>
    public int PromptTokenCount => _generated.PromptTokenCount;

    /// <summary>Why the text ended.</summary>
    public FinishReason FinishReason => _generated.FinishReason;

    /// <summary>Which sample of its prompt this is, from 0.</summary>
    public int Sample => _generated.SampleIndex;

    /// <summary>The seed that gives the same text again.</summary>
    public long Seed => _generated.Seed;

    /// <summary>The time that the prompt's samples took together.</summary>
    public TimeSpan Elapsed { get; }

    /// <summary>The continuation.</summary>
    public override string ToString() => Text;
}
