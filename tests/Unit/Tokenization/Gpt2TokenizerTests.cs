using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Tests.Tokenization;

public class Gpt2TokenizerTests
{
    private static readonly Gpt2Tokenizer Tokenizer = Gpt2Tokenizer.Instance;

    [Theory] // The lecture's inputs and targets.
    [InlineData("every effort moves", new[] { 16833, 3626, 6100 })]
    [InlineData(" effort moves you", new[] { 3626, 6100, 345 })]
    [InlineData("I really like", new[] { 40, 1107, 588 })]
    [InlineData(" really like chocolate", new[] { 1107, 588, 11311 })]
    public void The_lectures_texts_have_the_lectures_ids(string text, int[] ids)
    {
        Assert.Equal(ids, Tokenizer.Encode(text));
        Assert.Equal(text, Tokenizer.Decode(ids));
    }

    [Fact]
    public void The_end_of_text_is_a_special_token_or_literal_text_by_choice()
    {
        Assert.Equal([50256], Tokenizer.Encode("<|endoftext|>"));
        Assert.Equal([27, 91, 437, 1659, 5239, 91, 29], Tokenizer.Encode("<|endoftext|>", SpecialTokens.Literal));
    }
}
