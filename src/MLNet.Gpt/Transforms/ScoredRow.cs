using Microsoft.ML;
using MLNet.Gpt.Evaluation;
using MLNet.Gpt.Generation;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt.Transforms;

/// <summary>
/// The values that a model has for the row an ML.NET cursor stands on: each computed when it is first read, once a row.
/// Belongs to one cursor, and like it is not safe for use by many threads.
/// </summary>
internal sealed class ScoredRow(RowScorer scorer, DataViewRow input, DataViewSchema.Column textColumn)
{
    private readonly ValueGetter<ReadOnlyMemory<char>> _getText = input.GetGetter<ReadOnlyMemory<char>>(textColumn);

    private long _position = -1;
    private ReadOnlyMemory<char> _text;
    private IReadOnlyList<TokenCandidate>? _candidates;
    private int[]? _tokenIds;
    private TokenScore[]? _tokenScores;
    private DocumentScore? _score;
    private string? _generatedText;
    private float[]? _embedding;

    public IReadOnlyList<TokenCandidate> Candidates
    {
        get
        {
            MoveToCurrentRow();
            return _candidates ??= scorer.PredictNext(_text.Span);
        }
    }

    public int[] TokenIds
    {
        get
        {
            MoveToCurrentRow();
            return _tokenIds ??= scorer.Scorer.Encode(_text.Span);
        }
    }

    public DocumentScore Score
    {
        get
        {
            int[] ids = TokenIds;
            return _score ??= scorer.Scorer.Summarize(_text.Span, ids, TokenScores);
        }
    }

    /// <summary>ln p of each token; NaN for the first, which nothing precedes.</summary>
    public float[] TokenLogProbabilities => TokenIds.Length == 0 ? [] : [float.NaN, .. TokenScores.Select(score => -score.NegativeLogLikelihood)];

    public string GeneratedText
    {
        get
        {
            MoveToCurrentRow();
            return _generatedText ??= scorer.Generate(_text);
        }
    }

    public float[] Embedding
    {
        get
        {
            MoveToCurrentRow();
            return _embedding ??= scorer.Embed(_text.Span);
        }
    }

    private TokenScore[] TokenScores
    {
        get
        {
            int[] ids = TokenIds;
            return _tokenScores ??= scorer.Scorer.ScoreTokens(ids);
        }
    }

    public ReadOnlyMemory<char> TokenText(int id) => scorer.TokenText(id);

    private void MoveToCurrentRow()
    {
        // The text is compared as well: a row that is no cursor may change its values and keep its position.
        ReadOnlyMemory<char> text = default;
        _getText(ref text);
        if (input.Position == _position && text.Equals(_text)) return;

        _position = input.Position;
        _text = text;
        _candidates = null;
        _tokenIds = null;
        _tokenScores = null;
        _score = null;
        _generatedText = null;
        _embedding = null;
    }
}
