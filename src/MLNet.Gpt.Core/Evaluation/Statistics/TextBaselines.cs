using System.IO.Compression;
using System.Text;
using MLNet.Gpt.Evaluation.Corpora;
using MLNet.Gpt.IO;

namespace MLNet.Gpt;

/// <summary>
/// What a loss should be read against: the losses of four simple predictors over the same targets, in the same units.
/// </summary>
/// <remarks>
/// The compressors see the whole corpus as one text, and learn from all that came before; their bits are divided by the
/// bytes of the predicted text, and given as nats per token like the others. Arg-max accuracies are 0, as these
/// predictors were not asked.
/// </remarks>
public sealed class TextBaselines
{
    private TextBaselines()
    {
    }

    /// <summary>Every token of the vocabulary equally probable: ln V nats a token.</summary>
    public required LanguageModelMetrics Uniform { get; init; }

    /// <summary>Each token as probable as it was frequent in a training text; <see langword="null"/> where there was none.</summary>
    public required LanguageModelMetrics? Unigram { get; init; }

    /// <summary>What gzip makes of the text, at its highest level.</summary>
    public required LanguageModelMetrics Gzip { get; init; }

    /// <summary>What Brotli makes of the text, at its highest level with a window of 16 MB.</summary>
    public required LanguageModelMetrics Brotli { get; init; }

    /// <summary>The baselines with their names, in the order in which they usually fall.</summary>
    public IEnumerable<(string Name, LanguageModelMetrics Metrics)> All => Unigram is null
        ? [("uniform", Uniform), ("gzip", Gzip), ("Brotli", Brotli)]
        : [("uniform", Uniform), ("unigram", Unigram), ("gzip", Gzip), ("Brotli", Brotli)];

    /// <summary>Computes the baselines.</summary>
    /// <param name="corpus">The text that a model was measured on; gone through once.</param>
    /// <param name="tokenizer">The model's tokenizer.</param>
    /// <param name="scoring">The options that it was measured with, which decide the targets.</param>
    /// <param name="unigram">Frequencies of a training text.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static TextBaselines Measure(
        Corpus corpus, ITextTokenizer tokenizer, ScoringOptions? scoring = null, UnigramModel? unigram = null, CancellationToken cancellationToken = default)
    {
        scoring ??= new();
        var sizes = DocumentScore.Empty;
        long tokens = 0;
        var unigramLoss = LossSummary.Empty;
        using var gzipped = new CountingStream();
        using var brotlied = new CountingStream();
        using (var gzip = new GZipStream(gzipped, CompressionLevel.SmallestSize, leaveOpen: true))
        using (var brotli = new BrotliStream(brotlied, new BrotliCompressionOptions { Quality = 11 }, leaveOpen: true))
        {
            foreach (var (document, ids) in Targets(corpus, tokenizer, scoring))
            {
                cancellationToken.ThrowIfCancellationRequested();
                foreach (int id in ids)
                {
                    if (unigram is not null) unigramLoss += LossSummary.Of(unigram.NegativeLogLikelihood(id));
                }

                tokens += ids.Length;
                sizes += document.Size;
                byte[] bytes = Encoding.UTF8.GetBytes(document.Text);
                gzip.Write(bytes);
                brotli.Write(bytes);
            }
        }

        int vocabularySize = tokenizer.VocabularySize;
        return new TextBaselines
        {
            Uniform = Of(Math.Log(vocabularySize) * tokens),
            Unigram = unigram is null ? null : new(sizes with { Loss = unigramLoss }, vocabularySize),
            Gzip = Of(gzipped.ByteCount * 8 * Math.Log(2)),
            Brotli = Of(brotlied.ByteCount * 8 * Math.Log(2)),
        };

        LanguageModelMetrics Of(double nats) => new(sizes with { Loss = LossSummary.Of(nats, tokens) }, vocabularySize);
    }

    // The targets of each document: all but a first token that nothing precedes, and the tokens that end documents where those are wanted.
    private static IEnumerable<((string Text, DocumentScore Size) Document, int[] Ids)> Targets(Corpus corpus, ITextTokenizer tokenizer, ScoringOptions scoring)
    {
        bool isPreceded = scoring.PrependEndOfText, isJoined = scoring.Documents != DocumentBoundaries.Separate, isEnded = scoring.Documents == DocumentBoundaries.JoinedByEndOfText;
        foreach (var document in corpus.Documents)
        {
            int[] ids = tokenizer.Encode(document.Text, scoring.SpecialTokens);
            var encoded = new EncodedDocument(0, 0, document, ids, tokenizer);
            int first = isPreceded ? 0 : Math.Min(1, ids.Length);
            encoded.Walk(first);
            var size = ids.Length > first ? encoded.Walk(ids.Length) : default;
            int[] targets = ids[first..];
            if (isEnded && (isPreceded || ids.Length > 0)) targets = [.. targets, tokenizer.EndOfTextId!.Value];
            isPreceded |= isJoined && (isEnded || ids.Length > 0);
            yield return ((document.Text, DocumentScore.Of([], size)), targets);
        }
    }
}
