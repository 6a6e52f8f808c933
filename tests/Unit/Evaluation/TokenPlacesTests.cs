using System.Text;
using MLNet.Gpt.Tests.Inference;

namespace MLNet.Gpt.Tests.Evaluation;

/// <summary>Ids, bytes and positions of tokens in texts whose characters span tokens.</summary>
public sealed class TokenPlacesTests : IDisposable
{
    private static readonly string[] Texts = ["鲸鱼在游泳 🐋🏳️‍🌈", "الحوت الأبيض", "鯨", "🐋", "", "a", "Call me Ishmael. Größe", "a\uD83Db c"];

    private readonly GptModel _model = GptModel.FromWeights(
        RandomWeights.Of(GptModelTests.Odd with { VocabularySize = 50257 }), Gpt2Tokenizer.Instance);
    private readonly TemporaryDirectory _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _model.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(false, DocumentBoundaries.Separate)]
    [InlineData(true, DocumentBoundaries.Separate)]
    [InlineData(false, DocumentBoundaries.Joined)]
    [InlineData(true, DocumentBoundaries.JoinedByEndOfText)]
    public void Every_token_of_a_text_is_returned_with_its_bytes_and_its_position(bool prependEndOfText, DocumentBoundaries boundaries)
    {
        var scoring = new ScoringOptions { PrependEndOfText = prependEndOfText, Documents = boundaries };
        var evaluator = new CorpusEvaluator(_model, scoring, new() { Tokens = new() { CandidateCount = 3 } });
        var corpus = Corpus.FromTexts(Texts);
        DocumentResult[] documents = [.. evaluator.EvaluateDocuments(corpus, cancellationToken: Cancellation)];

        Assert.Equal(Texts.Length, documents.Length);
        foreach (var (text, document) in Texts.Zip(documents))
        {
            int[] ids = Gpt2Tokenizer.Instance.Encode(text);
            bool isFirstUnseen = ids.Length > 0 && !prependEndOfText && (boundaries == DocumentBoundaries.Separate || document.Index == 0);
            Assert.Equal(isFirstUnseen ? ids[0] : null, document.FirstToken?.Id);
            TokenPiece[] pieces = [
                .. document.FirstToken is { } first ? [first] : Array.Empty<TokenPiece>(),
                .. document.Tokens.Select(token => token.Piece)
            ];
            int[] expected = boundaries == DocumentBoundaries.JoinedByEndOfText ? [.. ids, 50256] : ids;
            Assert.Equal(expected, pieces.Select(piece => piece.Id));
            Assert.Equal(Encoding.UTF8.GetBytes(text), pieces.Take(ids.Length).SelectMany(piece => piece.Bytes.ToArray()));

            int place = document.FirstToken?.Bytes.Length ?? 0;
            foreach (var token in document.Tokens.Where(token => token.Position < ids.Length))
            {
                Assert.Equal(place, token.ByteStart);
                place += token.Piece.Bytes.Length;
                Assert.Equal(token.Text, text.Substring(token.Start, token.Length));
                Assert.All(token.Candidates, candidate => Assert.Equal(TokenPiece.Of(_model.Tokenizer, candidate.Id).Text, candidate.Text));
            }
        }

        string file = evaluator.Evaluate(corpus, _folder.Path, cancellationToken: Cancellation).ResultFile!;
        Assert.Equal(documents.Select(Flat), CorpusResults.ReadDocuments([file]).Select(Flat));
    }

    [Fact]
    public void There_is_no_first_token_if_tokens_are_not_requested() =>
        Assert.All(
            new CorpusEvaluator(_model).EvaluateDocuments(Corpus.FromTexts(Texts), cancellationToken: Cancellation),
            document => Assert.Null(document.FirstToken));

    private static string Flat(DocumentResult document) => string.Join(
        '|', document.Name, document.Metrics.ToExactString(), document.FirstToken?.Id, document.FirstToken?.Text,
        string.Join(
            ' ',
            document.Tokens.Select(
                token =>
                    $"{token.Id} {Convert.ToHexString(token.Piece.Bytes.Span)} {token.ByteStart} {token.Start} "
                    + $"{string.Join(',', token.Candidates)}")));
}
