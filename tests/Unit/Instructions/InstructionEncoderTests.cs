namespace MLNet.Gpt.Tests.Instructions;

/// <summary>Which tokens of an instruction and its response count, worked by hand.</summary>
public class InstructionEncoderTests
{
    private const int End = 50256;

    private static readonly PromptTemplate Template = new("Q: {prompt}\nA: {response}");

    // "Q", ":", " 1", "+", "1", newline, "A", ":" | " 2" and the end of text
    private static readonly int[] Prompt = [48, 25, 352, 10, 16, 198, 32, 25];

    [Fact]
    public void The_response_and_the_end_of_text_count()
    {
        var sequence = Encoder(100).Encode(new InstructionExample("1+1", "2"));
        Assert.Equal([.. Prompt, 362, End], sequence.Tokens.ToArray());
        Assert.Equal(8, sequence.FirstTarget);
    }

    [Fact]
    public void No_token_spans_the_boundary()
    {
        // Together "\n" and "\n" would be the token 628.
        var sequence = new InstructionEncoder(Gpt2Tokenizer.Instance, 100, new() { Template = new("{prompt}\n{response}") })
            .Encode(new InstructionExample("A", "\nB"));
        Assert.Equal([32, 198, 198, 33, End], sequence.Tokens.ToArray());
        Assert.Equal(2, sequence.FirstTarget);
    }

    [Fact]
    public void Special_tokens_in_the_template_are_tokens_and_in_the_rows_text()
    {
        var template = new PromptTemplate("<|endoftext|>{prompt}{response}<|endoftext|>!");
        int[] spelled = Gpt2Tokenizer.Instance.Encode("<|endoftext|>", SpecialTokens.Literal);
        var sequence = new InstructionEncoder(Gpt2Tokenizer.Instance, 100, new() { Template = template })
            .Encode(new InstructionExample("<|endoftext|>", "<|endoftext|>"));
        Assert.Equal([End, .. spelled, .. spelled, End, 0], sequence.Tokens.ToArray()); // what ends it takes the end of text's place
        Assert.Equal(1 + spelled.Length, sequence.FirstTarget);
    }

    [Fact]
    public void A_response_that_is_too_long_loses_its_end()
    {
        // Of 10 tokens, all but the last are read.
        Assert.Equal(10, Encoder(9).Encode(new InstructionExample("1+1", "2")).Tokens.Length);
        Assert.Equal([.. Prompt, 362], Encoder(8).Encode(new InstructionExample("1+1", "2")).Tokens.ToArray());
    }

    [Theory]
    [InlineData(8, OverlongExamples.Refuse, "2", "Example 1 has 10 tokens, 8 of them in its prompt; with a context length of 8, 9 fit.")]
    [InlineData(7, OverlongExamples.Truncate, "2", "with a context length of 7, 8 fit, so that nothing is left of its response.")]
    [InlineData(100, OverlongExamples.Truncate, "", "Example 1 has an empty response.")]
    public void What_cannot_be_learned_is_refused_with_its_index(
        int contextLength, OverlongExamples overlong, string response, string expected)
    {
        var encoder = Encoder(contextLength, overlong);
        InstructionExample[] examples = [new("1", "2"), new("1+1", response)];
        var error = Assert.Throws<ArgumentException>(() => encoder.Encode(examples, TestContext.Current.CancellationToken));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    private static InstructionEncoder Encoder(int contextLength, OverlongExamples overlong = OverlongExamples.Truncate) =>
        new(Gpt2Tokenizer.Instance, contextLength, new() { Template = Template, Overlong = overlong });
}
