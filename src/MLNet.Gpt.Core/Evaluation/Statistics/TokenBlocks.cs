
namespace MLNet.Gpt.Evaluation.Statistics;

/// <summary>Adds tokens up in blocks of a length; a block ends with its document.</summary>
internal sealed class TokenBlocks(int length)
{
    private readonly List<DocumentScore> _scores = [];

    public IReadOnlyList<DocumentScore> Scores => _scores;

    public void Add(DocumentResult document)
    {
        foreach (var block in document.Tokens.Chunk(length))
        {
            var loss = LossSummary.Empty;
            foreach (var token in block) loss += LossSummary.Of(token.NegativeLogLikelihood);
            _scores.Add(DocumentScore.Empty with { Loss = loss });
        }
    }
}
