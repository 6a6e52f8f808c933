using MLNet.Gpt.Evaluation.Scoring;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Evaluation;

public class TokenSpansTests
{
    [Fact]
    public void The_texts_of_the_tokens_add_up_to_the_document()
    {
        var config = GptModelTests.Odd with { VocabularySize = 50257 };
        using var model = GptModel.FromWeights(RandomWeights.Of(config), Gpt2Tokenizer.Instance);
        var scorer = new TextScorer(model, new() { PrependEndOfText = true });
        string[] texts = [
            "Every effort moves you", "né 🙂👍🏽 日本語", "\ud83d half", "a\ud83d", "end<|endoftext|>begin",
            "  blanks \r\n\t and tabs  ", "ﷺ", "x"
        ];
        foreach (string text in texts)
        {
            var tokens = scorer.ScoreTokens(text, cancellationToken: TestContext.Current.CancellationToken).Tokens;
            Assert.Equal(text, string.Concat(tokens.Select(token => token.Text)));
            Assert.Equal(Gpt2Tokenizer.Instance.Encode(text), tokens.Select(token => token.Id));
            for (int i = 1; i < tokens.Count; i++) Assert.Equal(tokens[i - 1].Start + tokens[i - 1].Length, tokens[i].Start);
        }
    }

    [Fact]
    public void White_space_and_words_that_a_tokenizer_drops_belong_to_a_token()
    {
        var tokenizer = new WordTokenizer(["a", "b", "?"], unknownWord: "?");
        const string Text = "  a \n unheard-of  b\t";
        var spans = new TokenSpans(Text, tokenizer);
        var ends = new List<int>();
        foreach (int id in tokenizer.Encode(Text))
        {
            spans.Advance(id);
            ends.Add(spans.Position);
        }

        Assert.Equal(["  a", " \n unheard-of", "  b"], ends.Select((end, i) => Text[(i == 0 ? 0 : ends[i - 1])..end]));
    }
}
