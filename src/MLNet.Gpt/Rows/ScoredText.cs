using System.Runtime.ExceptionServices;

namespace MLNet.Gpt.Rows;

/// <summary>
/// The values that a model has for one row's text, as far as they are computed. Belongs to one cursor, and like it is not safe
/// for use by many threads.
/// </summary>
/// <param name="scorer">Knows the model.</param>
/// <param name="text">The row's text.</param>
/// <param name="failure">Why there is no text: the input's getter failed when it was called ahead of the reader.</param>
internal sealed class ScoredText(RowScorer scorer, ReadOnlyMemory<char> text, ExceptionDispatchInfo? failure = null)
{
    private ExceptionDispatchInfo? _encodingFailure;
    private DocumentScore? _score;

    public ReadOnlyMemory<char> Text => text;

    /// <summary>Why there is no text, for its reader.</summary>
    public ExceptionDispatchInfo? Failure => failure;

    /// <summary>The parts that are there, computed for this row or along with another.</summary>
    public TextParts Computed { get; set; }

    /// <summary>The parts that somebody read.</summary>
    public TextParts Read { get; set; }

    /// <summary>The text's ids, as the next token is predicted from them.</summary>
    public int[] Ids
    {
        get
        {
            _encodingFailure?.Throw();
            return field ??= scorer.Encode(text.Span);
        }
    }

    /// <summary>The ids that the loss is measured on: the first is not predicted.</summary>
    public int[] LossIds => field ??= scorer.LossIds(Ids);

    /// <summary>The score of each of <see cref="LossIds"/> after the first.</summary>
    public TokenScore[] TokenScores { get; set; } = [];

    /// <summary>The candidates for the next token, best first.</summary>
    public IReadOnlyList<TokenCandidate> Candidates { get; set; } = [];

    /// <summary>The last token's hidden state after the last layer norm (C).</summary>
    public float[] Embedding { get; set; } = [];

    /// <summary>What the generator wrote after the text.</summary>
    public string Continuation { get; set; } = string.Empty;

    public DocumentScore Score => _score ??= scorer.Summarize(text.Span, LossIds, TokenScores);

    /// <summary>Number of targets; needs no model.</summary>
    public long TokenCount => Math.Max(0, LossIds.Length - 1);

    /// <summary>For each of <see cref="LossIds"/> the place in the text where its characters begin, in UTF-16 units.</summary>
    public int[] TokenStarts => scorer.TokenStarts(text.ToString(), Ids, LossIds.Length);

    /// <summary>ln p of each token; NaN for the first, which nothing precedes.</summary>
    public float[] TokenLogProbabilities =>
        LossIds.Length == 0 ? [] : [float.NaN, .. TokenScores.Select(score => -score.NegativeLogLikelihood)];

    /// <summary>Encodes the text ahead of its reader. A text that cannot be encoded is for the reader to hear of.</summary>
    public bool TryEncode()
    {
        if (failure is not null || _encodingFailure is not null) return false;
        try
        {
            _ = LossIds;
            return true;
        }
        catch (Exception error) when (RowWindow.MayWait(error))
        {
            _encodingFailure = ExceptionDispatchInfo.Capture(error);
            return false;
        }
    }

    /// <summary>A token's text; empty for the id −1.</summary>
    public ReadOnlyMemory<char> TokenText(int id) => scorer.TokenText(id);
}
