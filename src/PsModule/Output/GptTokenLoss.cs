using MLNet.Gpt;

namespace MLNetGpt.Output;

/// <summary>What the model thought of one token of a text.</summary>
public sealed class GptTokenLoss
{
    internal GptTokenLoss(ScoredToken token, int vocabularySize) => (Result, VocabularySize) = (token, vocabularySize);

    /// <summary>The index of its text among those of one call, or of its row, from 0.</summary>
    public int TextIndex { get; init; }

    /// <summary>The token's position in its text, from 0.</summary>
    public int Position => Result.Position;

    /// <summary>The token's id.</summary>
    public int Id => Result.Id;

    /// <summary>The token's characters; one that spans tokens is the text of the last of them.</summary>
    public string Text => Result.Text;

    /// <summary>Index of the first of its characters in the text, from 0.</summary>
    public int Start => Result.Start;

    /// <summary>
    /// Number of its characters, as strings are counted. Not called Length, which is a property of every array.
    /// </summary>
    public int TextLength => Result.Length;

    /// <summary>
    /// The token by itself: its characters, and each byte that is no part of a whole character in hexadecimal digits,
    /// such as <c>&lt;E9&gt;&lt;AF&gt;</c>.
    /// </summary>
    public string Token => Result.Piece.Text;

    /// <summary>The UTF-8 bytes that it stands for.</summary>
    public byte[] Bytes => Result.Piece.Bytes.ToArray();

    /// <summary>Index of the first of its bytes in the text's UTF-8.</summary>
    public int? ByteStart => Result.ByteStart;

    /// <summary>p(token), as the model predicted it from the tokens before.</summary>
    public double Probability => Math.Exp(-NegativeLogLikelihood);

    /// <summary>−ln p(token), in nats: its loss.</summary>
    public double NegativeLogLikelihood => Result.NegativeLogLikelihood;

    /// <summary>−log₂ p(token), in bits: its surprisal.</summary>
    public double Bits => NegativeLogLikelihood / Math.Log(2);

    /// <summary>
    /// Its rank among all tokens as the model predicted them: 1 is the most probable. Not called Rank, which is a
    /// property of every array.
    /// </summary>
    public int TokenRank => Result.Rank + 1;

    /// <summary>Tokens that the model saw before it.</summary>
    public int ContextCount => Result.ContextCount;

    /// <summary>
    /// The prediction's entropy in nats: how unsure the model was. Nothing where it was not asked for.
    /// </summary>
    public double? Entropy => Result.Entropy;

    /// <summary>The tokens that the model held most probable, best first; none where they were not asked for.</summary>
    public GptNextToken[] Candidate => [.. Result.Candidates.Select((candidate, i) => new GptNextToken
    {
        TokenRank = i + 1,
        Id = candidate.Id,
        Text = candidate.Text,
        LogProbability = candidate.LogProbability,
        Prompt = string.Empty,
    })];

    /// <summary>The file that was measured; <see langword="null"/> for a text from the pipeline.</summary>
    public string? Source { get; init; }

    /// <summary>Number of ids to choose among, V.</summary>
    public int VocabularySize { get; }

    /// <summary>
    /// The text's first token, where nothing precedes that and it is not predicted; only with the token after it.
    /// </summary>
    public GptToken? FirstToken { get; init; }

    internal ScoredToken Result { get; }

    /// <summary>The model that measured it.</summary>
    internal LanguageModel? Model { get; init; }

    /// <summary>How it was measured.</summary>
    internal ScoringOptions? Scoring { get; init; }

    /// <summary>The token's text.</summary>
    public override string ToString() => Text;
}
