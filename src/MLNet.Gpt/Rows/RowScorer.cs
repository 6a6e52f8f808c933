using System.Runtime.ExceptionServices;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Rows;

/// <summary>
/// Computes the values of a transformer's columns, as a function from texts to results. Has no per-row state;
/// thread-safe.
/// </summary>
/// <param name="model">The model.</param>
/// <param name="options">How texts are read and measured, and what is computed.</param>
/// <param name="classifier">Reads texts and pairs, if the columns are those of a classifier over the model.</param>
internal sealed class RowScorer(GptModel model, GptTransformerOptions options, GptClassifier? classifier = null)
{
    private readonly TextScorer _scorer = new(model, options.Scoring);
    private readonly TextGenerator _generator = new(model, options.Generation);

    /// <summary>
    /// Called before each forward pass with the parts that it computes and its number of tokens. Tests use it for
    /// counting.
    /// </summary>
    public Action<TextParts, int>? PassStarting { get; set; }

    /// <summary>The number of texts that are continued at a time.</summary>
    public int GenerationBatchSize { get; } = options.Generation.LookupDecoding ? 1 : options.Generation.BatchSize;

    /// <summary>Wraps a row's text. Nothing is encoded yet.</summary>
    /// <param name="text">The text.</param>
    /// <param name="second">The second text of a pair.</param>
    public RowText Read(ReadOnlyMemory<char> text, ReadOnlyMemory<char>? second = null) =>
        new(model, options.Scoring, _scorer, text) { Second = second, Classifier = classifier };

    /// <summary>Creates a row whose text cannot be read; using it throws the failure.</summary>
    public RowText Unreadable(ExceptionDispatchInfo failure) => new(model, options.Scoring, _scorer, default, failure);

    /// <summary>Computes parts of texts, in as few passes as possible, or their continuations.</summary>
    /// <param name="texts">The texts. Their values do not depend on each other, to the last bit.</param>
    /// <param name="parts">Parts of one pass, or the continuation.</param>
    /// <param name="cancellation">Stops the work.</param>
    /// <returns>One result per text.</returns>
    public RowResult[] Score(IReadOnlyList<RowText> texts, TextParts parts, Cancellation cancellation)
    {
        if (parts == TextParts.Continuation) return Generate(texts, cancellation);
        var pass = new RowPass(model, options, parts, texts, PassStarting, cancellation);
        return pass.Run();
    }

    // The texts are continued in batches, each as if it were the only one. The continuation of an empty text is empty.
    private RowResult[] Generate(IReadOnlyList<RowText> texts, Cancellation cancellation)
    {
        cancellation.ThrowIfRequested();
        string[] prompts = [.. texts.Where(text => !text.Text.IsEmpty).Select(text => text.Text.ToString())];
        string[] continuations = prompts.Length == 1
            ? [_generator.Generate(prompts[0], cancellationToken: cancellation.Token).Text]
            : [.. _generator.GenerateBatch(prompts, cancellationToken: cancellation.Token).Select(each => each.Text)];
        int next = 0;
        return [.. texts.Select(text => new RowResult(text)
        {
            Parts = TextParts.Continuation,
            Continuation = text.Text.IsEmpty ? string.Empty : continuations[next++],
        })];
    }
}
