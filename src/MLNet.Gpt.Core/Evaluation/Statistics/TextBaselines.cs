using System.IO.Compression;
using System.Text;
using MLNet.Gpt.Evaluation.Metrics;
using MLNet.Gpt.Evaluation.Scoring;
using MLNet.Gpt.IO;

namespace MLNet.Gpt;

/// <summary>What to compare a loss with: the losses of simple predictors over the same targets, in the same units.</summary>
/// <remarks>
/// The compressors read the whole corpus as one text and learn from everything before; their bits are divided by the bytes of the predicted
/// text, and converted to nats per token like the others. Arg-max counts are 0, as these predictors do not choose tokens.
/// </remarks>
public sealed class TextBaselines
{
    private TextBaselines(
        LanguageModelMetrics uniform, LanguageModelMetrics? unigram, LanguageModelMetrics gzip, LanguageModelMetrics brotli)
    {
        Uniform = uniform;
        Unigram = unigram;
        Gzip = gzip;
        Brotli = brotli;
    }

    /// <summary>Every token of the vocabulary equally probable: ln V nats per token.</summary>
    public LanguageModelMetrics Uniform { get; }

    /// <summary>Each token as probable as it was frequent in a training text; <see langword="null"/> if there was none.</summary>
    public LanguageModelMetrics? Unigram { get; }

    /// <summary>gzip at its highest level.</summary>
    public LanguageModelMetrics Gzip { get; }

    /// <summary>Brotli at its highest level with a window of 16 MB.</summary>
    public LanguageModelMetrics Brotli { get; }

    /// <summary>The baselines by name, in the order in which their losses usually fall.</summary>
    public IReadOnlyList<KeyValuePair<string, LanguageModelMetrics>> All => Unigram is null
        ? [new("uniform", Uniform), new("gzip", Gzip), new("Brotli", Brotli)]
        : [new("uniform", Uniform), new("unigram", Unigram), new("gzip", Gzip), new("Brotli", Brotli)];

    /// <summary>Computes the baselines.</summary>
    /// <param name="corpus">The text that a model was measured on; read once.</param>
    /// <param name="tokenizer">The tokenizer of the model.</param>
    /// <param name="scoring">
    /// The options that it was measured with, which determine the targets; the defaults if <see langword="null"/>.
    /// </param>
    /// <param name="unigram">The token frequencies of a training text; <see langword="null"/> for none.</param>
    /// <param name="cancellationToken">Cancels the computation.</param>
    /// <exception cref="OperationCanceledException">The computation was canceled.</exception>
    public static TextBaselines Measure(
        Corpus corpus, ITextTokenizer tokenizer, ScoringOptions? scoring = null, UnigramModel? unigram = null,
        CancellationToken cancellationToken = default)
    {
        scoring ??= new();
        var sizes = new LanguageModelMetrics(LossSummary.Empty, tokenizer.VocabularySize);
        long tokens = 0;
        var unigramLoss = LossSummary.Empty;
        using var gzipped = new CountingStream();
        using var brotlied = new CountingStream();
        using (var gzip = new GZipStream(gzipped, CompressionLevel.SmallestSize, leaveOpen: true))
        using (var brotli = new BrotliStream(brotlied, new BrotliCompressionOptions { Quality = 11 }, leaveOpen: true))
        {
            foreach (var (text, size, targets) in Targets(corpus, tokenizer, scoring, cancellationToken))
            {
                cancellationToken.ThrowIfCancellationRequested();
                foreach (int id in targets)
                {
                    if (unigram is not null) unigramLoss += LossSummary.Of(unigram.NegativeLogLikelihood(id));
                }

                tokens += targets.Length;
                sizes += LanguageModelMetrics.Of([], size, tokenizer.VocabularySize);
                byte[] bytes = Encoding.UTF8.GetBytes(text);
                gzip.Write(bytes);
                brotli.Write(bytes);
            }
        }

        return new TextBaselines(
            Of(Math.Log(tokenizer.VocabularySize) * tokens),
            unigram is null ? null : sizes.WithLoss(unigramLoss),
            Of(gzipped.ByteCount * 8 * Math.Log(2)),
            Of(brotlied.ByteCount * 8 * Math.Log(2)));

        LanguageModelMetrics Of(double nats) => sizes.WithLoss(LossSummary.Of(nats, tokens));
    }

    /// <summary>Computes the baselines on the thread pool.</summary>
    /// <inheritdoc cref="Measure" path="/param|/exception"/>
    public static Task<TextBaselines> MeasureAsync(
        Corpus corpus, ITextTokenizer tokenizer, ScoringOptions? scoring = null, UnigramModel? unigram = null,
        CancellationToken cancellationToken = default) =>
        Task.Run(() => Measure(corpus, tokenizer, scoring, unigram, cancellationToken), cancellationToken);

    // The targets of each document: all ids except a first one that nothing precedes, and the tokens that end documents
    // if those are targets.
    private static IEnumerable<(string Text, TextSize Size, int[] Ids)> Targets(
        Corpus corpus, ITextTokenizer tokenizer, ScoringOptions scoring, CancellationToken cancellationToken)
    {
        bool isPreceded = scoring.PrependEndOfText, isJoined = scoring.Documents != DocumentBoundaries.Separate;
        bool isEnded = scoring.Documents == DocumentBoundaries.JoinedByEndOfText;
        foreach (var document in corpus.Documents)
        {
            int[] ids = tokenizer.Encode(document.Text, scoring.SpecialTokens, cancellationToken);
            var encoded = new EncodedDocument(0, 0, document, ids, tokenizer);
            int first = isPreceded ? 0 : Math.Min(1, ids.Length);
            encoded.Walk(first);
            var size = ids.Length > first ? encoded.Walk(ids.Length) : default;
            int[] targets = ids[first..];
            if (isEnded && (isPreceded || ids.Length > 0)) targets = [.. targets, tokenizer.EndOfTextId!.Value];
            isPreceded |= isJoined && (isEnded || ids.Length > 0);
            yield return (document.Text, size, targets);
        }
    }
}
