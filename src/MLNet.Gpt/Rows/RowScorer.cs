using MLNet.Gpt.Evaluation.Metrics;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Rows;

/// <summary>
/// What a transformer asks of its model for rows' texts. Holds no state of any row; safe for use by many threads.
/// </summary>
internal sealed class RowScorer(GptModel model, GptTransformerOptions options)
{
    private readonly TextScorer _scorer = new(model, options.Scoring);
    private readonly TextGenerator _generator = new(model, options.Generation);

    /// <summary>Told of each pass before it runs: what it computes, and over how many tokens. Tests count with it.</summary>
    public Action<TextParts, int>? PassStarting { get; set; }

    /// <summary>Texts that are worth continuing side by side.</summary>
    public int GenerationBatchSize { get; } = options.Generation.LookupDecoding ? 1 : options.Generation.BatchSize;

    /// <summary>The text's ids, without a token before it.</summary>
    /// <exception cref="ArgumentException">The text has a word that is not in the vocabulary.</exception>
    public int[] Encode(ReadOnlySpan<char> text)
    {
        int[] ids = model.Tokenizer.Encode(text, options.Scoring.SpecialTokens);
        TokenIds.Validate(ids, model.Config.VocabularySize, nameof(text));
        return ids;
    }

    /// <summary>The ids that the loss is measured on; of a text of no token none.</summary>
    public int[] LossIds(int[] ids) => options.Scoring.PrependEndOfText && ids.Length > 0 ? [model.Tokenizer.BeginningOfTextId!.Value, .. ids] : ids;

    /// <summary>
    /// Computes parts of texts in as few passes as they fit in, or their continuations. A text's values do not depend on the
    /// others.
    /// </summary>
    public void Compute(IReadOnlyList<ScoredText> texts, TextParts parts, Cancellation cancellation)
    {
        if (parts == TextParts.Continuation) Generate(texts, cancellation);
        else Score(texts, parts, cancellation);
        foreach (var text in texts) text.Computed |= parts;
    }

    /// <summary>Where the characters of each token begin.</summary>
    /// <param name="text">The text.</param>
    /// <param name="ids">Its ids.</param>
    /// <param name="count">Their number with the start token, which has no characters.</param>
    public int[] TokenStarts(string text, int[] ids, int count)
    {
        int[] starts = new int[count];
        var spans = new TokenSpans(text, model.Tokenizer);
        for (int i = 0; i < ids.Length; i++)
        {
            starts[count - ids.Length + i] = spans.Position;
            spans.Advance(ids[i]);
        }

        return starts;
    }

    /// <summary>
    /// A token as it is written for a reader, with the bytes that form no whole character as in <c>&lt;E9&gt;</c>;
    /// empty for the id −1.
    /// </summary>
    public ReadOnlyMemory<char> TokenText(int id) => id < 0 ? default : TokenPiece.Of(model.Tokenizer, id).Text.AsMemory();

    public DocumentScore Summarize(ReadOnlySpan<char> text, int[] lossIds, TokenScore[] scores) => _scorer.Summarize(text, lossIds, scores);

    private void Score(IReadOnlyList<ScoredText> texts, TextParts parts, Cancellation cancellation)
    {
        var pass = new TextPass(model, options.Scoring, parts, options.Columns.CandidateCount, PassStarting, cancellation);
        foreach (var text in texts) pass.Add(text);
        pass.Complete();
    }

    // Side by side, each as if it stood alone; of an empty text the continuation is empty.
    private void Generate(IReadOnlyList<ScoredText> texts, Cancellation cancellation)
    {
        cancellation.ThrowIfRequested();
        ScoredText[] prompts = [.. texts.Where(text => !text.Text.IsEmpty)];
        string[] continuations = prompts.Length == 1
            ? [_generator.Generate(prompts[0].Text.ToString(), cancellationToken: cancellation.Token).Text]
            : [.. _generator.GenerateBatch(prompts.Select(prompt => prompt.Text.ToString()), cancellationToken: cancellation.Token)
                .Select(each => each.Text)];
        foreach (var text in texts.Where(text => text.Text.IsEmpty)) text.Continuation = string.Empty;
        for (int i = 0; i < prompts.Length; i++) prompts[i].Continuation = continuations[i];
    }
}
