
namespace MLNet.Gpt;

/// <summary>The text that a network writes in training, to show what it has learned.</summary>
/// <param name="Prompt">The text that it continues.</param>
public sealed record SampleOptions(string Prompt)
{
    /// <summary>Turns the prompt into ids and the written ids into text; its vocabulary must be as large as the network's.</summary>
    /// <value>GPT-2's tokenizer.</value>
    public ITextTokenizer Tokenizer { get; init; } = Gpt2Tokenizer.Instance;

    /// <summary>How tokens are chosen and how many.</summary>
    /// <value>50 tokens, each time the likeliest, and no stop at the end of a text, as in the book.</value>
    public GenerationOptions Generation { get; init; } = new() { MaxTokens = 50, StopAtEndOfText = false };
}
