using System.Runtime.ExceptionServices;
using MLNet.Gpt.Evaluation.Scoring;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Rows;

/// <summary>A row's text in the form that the model reads, encoded when its ids are first needed.</summary>
/// <param name="model">The model; only its tokenizer and the size of its vocabulary are used.</param>
/// <param name="scoring">How the text is encoded and measured.</param>
/// <param name="scorer">Measures with these options.</param>
/// <param name="text">The text.</param>
/// <param name="failure">Why there is no text: the input's getter failed when it was called ahead of the caller.</param>
internal sealed class RowText(
    GptModel model, ScoringOptions scoring, TextScorer scorer, ReadOnlyMemory<char> text, ExceptionDispatchInfo? failure = null)
{
    private ExceptionDispatchInfo? _encodingFailure;

    /// <summary>The text. Rethrows the exception of the input's getter.</summary>
    public ReadOnlyMemory<char> Text
    {
        get
        {
            failure?.Throw();
            return text;
        }
    }

    /// <summary>The second text of a pair; <see langword="null"/> for a single text.</summary>
    public ReadOnlyMemory<char>? Second { get; init; }

    /// <summary>Reads the text and the second one, if the columns are those of a classifier.</summary>
    public GptClassifier? Classifier { get; init; }

    /// <summary>The text's ids (T), without a start token: the next token is predicted from them.</summary>
    /// <exception cref="ArgumentException">The text has a word that is not in the vocabulary.</exception>
    public int[] Ids
    {
        get
        {
            _encodingFailure?.Throw();
            return field ??= Encode();
        }
    }

    /// <summary>The ids whose loss is measured; the first is not predicted. Empty for a text without tokens.</summary>
    public int[] LossIds => field ??=
        scoring.PrependEndOfText && Ids.Length > 0 ? [model.Tokenizer.BeginningOfTextId!.Value, .. Ids] : Ids;

    /// <summary>Number of predicted tokens.</summary>
    public int TargetCount => Math.Max(0, LossIds.Length - 1);

    /// <summary>For each of <see cref="LossIds"/> the index in the text where its characters begin, in UTF-16 units.</summary>
    public int[] TokenStarts()
    {
        int[] starts = new int[LossIds.Length];
        int first = LossIds.Length - Ids.Length; // a start token has no characters
        var spans = new TokenSpans(Text.ToString(), model.Tokenizer);
        for (int i = 0; i < Ids.Length; i++)
        {
            starts[first + i] = spans.Position;
            spans.Advance(Ids[i]);
        }

        return starts;
    }

    /// <summary>
    /// Returns a token in readable form, with bytes that are not a whole character written as in <c>&lt;E9&gt;</c>;
    /// empty for the id −1.
    /// </summary>
    public ReadOnlyMemory<char> TokenText(int id) => id < 0 ? default : TokenPiece.Of(model.Tokenizer, id).Text.AsMemory();

    /// <summary>Returns the text's score.</summary>
    /// <param name="scores">The score of each of <see cref="LossIds"/> after the first.</param>
    public LanguageModelMetrics Summarize(TokenScore[] scores) => scorer.Summarize(Text.Span, LossIds, scores);

    /// <summary>Encodes the text ahead of the caller. A failure is kept for the code that reads this row.</summary>
    public bool TryEncode()
    {
        if (failure is not null || _encodingFailure is not null) return false;
        try
        {
            _ = LossIds;
            return true;
        }
        catch (Exception error) when (Failures.CanWait(error))
        {
            _encodingFailure = ExceptionDispatchInfo.Capture(error);
            return false;
        }
    }

    /// <summary>Returns whether another row has the same text or pair.</summary>
    public bool HasTextsOf(RowText other) => Text.Equals(other.Text) && Second.Equals(other.Second);

    private int[] Encode()
    {
        if (Classifier is not null)
        {
            bool isMissing = Second is null && Text.IsEmpty && Classifier.Model.Tokenizer.EndOfTextId is null;
            return isMissing ? [] : Classifier.Encode(Text.ToString(), Second?.ToString());
        }

        int[] ids = model.Tokenizer.Encode(Text.Span, scoring.SpecialTokens);
        TokenIds.Validate(ids, model.Config.VocabularySize, nameof(text));
        return ids;
    }
}
