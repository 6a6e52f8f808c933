namespace MLNet.Gpt;

/// <summary>The text that a network generates during training, to show what it has learned.</summary>
public sealed record SampleOptions
{
    /// <summary>Creates options for a prompt.</summary>
    /// <param name="prompt">The <see cref="Prompt"/>.</param>
    public SampleOptions(string prompt) => Prompt = prompt;

    /// <summary>The text that the network continues.</summary>
    public string Prompt { get; init; }

    /// <summary>
    /// Turns the prompt into ids and the generated ids into text; its vocabulary must be as large as the network's.
    /// </summary>
    /// <value>GPT-2's tokenizer.</value>
    public ITextTokenizer Tokenizer { get; init; } = Gpt2Tokenizer.Instance;

    /// <summary>How tokens are chosen, and how many.</summary>
    /// <value>
    /// 50 tokens, always the most likely one, without stopping at an end-of-text token, as in the lecture.
    /// </value>
    public GenerationOptions Generation { get; init; } = new() { MaxTokens = 50, StopAtEndOfText = false };
}
