using MLNet.Gpt.Evaluation;
using MLNet.Gpt.Generation;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Transforms;

/// <summary>
/// The values that a model has for one row's text, each computed when it is first read. Belongs to one cursor, and like it is not safe for use
/// by many threads.
/// </summary>
/// <param name="scorer">Knows the model.</param>
/// <param name="batcher">Decides which other texts are computed along with this one.</param>
/// <param name="text">The row's text.</param>
internal sealed class ScoredText(RowScorer scorer, ITextBatcher batcher, ReadOnlyMemory<char> text)
{
    private int[]? _ids;
    private int[]? _lossIds;
    private DocumentScore? _score;
    private string? _generatedText;

    public ReadOnlyMemory<char> Text => text;

    /// <summary>The text's ids, as the next token is predicted from them.</summary>
    public int[] Ids => _ids ??= scorer.Encode(text.Span);

    /// <summary>The ids that the loss is measured on: the first is not predicted.</summary>
    public int[] LossIds => _lossIds ??= scorer.LossIds(Ids);

    /// <summary>Whether the model was asked, for this row or along with another.</summary>
    public bool IsComputed { get; set; }

    /// <summary>Whether anybody read what the model computed.</summary>
    public bool WasRead { get; private set; }

    /// <summary>Whether the continuation was written, for this row or along with another.</summary>
    public bool IsGenerated => _generatedText is not null;

    /// <summary>Whether anybody read the continuation.</summary>
    public bool WasGeneratedTextRead { get; private set; }

    /// <summary>The candidates for the next token, best first.</summary>
    public IReadOnlyList<TokenCandidate> Candidates
    {
        get
        {
            Compute();
            return field;
        }

        set;
    } = [];

    /// <summary>The score of each of <see cref="LossIds"/> after the first.</summary>
    public TokenScore[] TokenScores
    {
        get
        {
            Compute();
            return PendingScores;
        }
    }

    /// <summary>Where the scores are put as they are computed.</summary>
    public TokenScore[] PendingScores { get; set; } = [];

    /// <summary>The last token's hidden state after the last layer norm (C).</summary>
    public float[] Embedding
    {
        get
        {
            Compute();
            return field;
        }

        set;
    } = [];

    public DocumentScore Score => _score ??= scorer.Summarize(text.Span, LossIds, TokenScores);

    /// <summary>Number of targets; needs no model.</summary>
    public long TokenCount => Math.Max(0, LossIds.Length - 1);

    /// <summary>ln p of each token; NaN for the first, which nothing precedes.</summary>
    public float[] TokenLogProbabilities => LossIds.Length == 0 ? [] : [float.NaN, .. TokenScores.Select(score => -score.NegativeLogLikelihood)];

    public string GeneratedText
    {
        get
        {
            if (_generatedText is null) batcher.Generate(this);
            WasGeneratedTextRead = true;
            return _generatedText!;
        }

        set => _generatedText = value;
    }

    /// <summary>A token's text; empty for the id −1.</summary>
    public ReadOnlyMemory<char> TokenText(int id) => scorer.TokenText(id);

    private void Compute()
    {
        if (!IsComputed) batcher.Compute(this);
        WasRead = true;
    }
}
