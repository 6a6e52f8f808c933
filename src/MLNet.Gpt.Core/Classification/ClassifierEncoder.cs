using MLNet.Gpt.Configuration;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Classification;

/// <summary>The ids of a text or pair, as many as the model reads.</summary>
internal readonly record struct ClassifierInput(int[] Ids, bool IsTruncated);

/// <summary>Turns texts and pairs into the ids that a classifier reads. Thread-safe.</summary>
/// <remarks>
/// The token that begins a text comes first if the tokenizer adds it, and the token that ends one between the texts of a pair. It also
/// stands for an empty text.
/// </remarks>
/// <param name="tokenizer">The model's tokenizer.</param>
/// <param name="config">The model.</param>
/// <param name="options">Validated for the model.</param>
internal sealed class ClassifierEncoder(ITextTokenizer tokenizer, GptConfig config, ClassifierTextOptions options)
{
    private readonly int[] _start = tokenizer is { AddsBeginningOfText: true, BeginningOfTextId: { } id } ? [id] : [];
    private readonly int _limit = options.MaxTokenCount ?? config.ContextLength;

    /// <summary>Encodes a text or pair.</summary>
    /// <exception cref="ArgumentException">
    /// It is empty, or a pair, and the vocabulary has no token that ends a text; or it is too long, and the options refuse it.
    /// </exception>
    public ClassifierInput Encode(string text, string? second, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(text);
        ReadOnlySpan<int> first = EncodePart(text, cancellationToken), last = [];
        int[] middle = [];
        if (second is not null)
        {
            last = EncodePart(second, cancellationToken);
            middle = [tokenizer.EndOfTextId ?? throw new ArgumentException(
                "A pair of texts is separated by the token that ends a text, and the model's vocabulary has none.")];
        }

        long count = (long)_start.Length + first.Length + middle.Length + last.Length;
        if (count > _limit && options.RefusesLongTexts)
        {
            throw new ArgumentException(string.Create(
                System.Globalization.CultureInfo.InvariantCulture,
                $"A text has {Quantity.Of(count, "token")}; at most {_limit} are read. It begins with '{Beginning(text)}'."));
        }

        if (count > _limit) Truncate(ref first, ref last, Math.Max(0, _limit - _start.Length - middle.Length));
        int[] ids = [.. _start, .. first, .. middle, .. last];
        if (ids.Length > _limit) ids = ids[^_limit..];
        if (ids.Length == 0)
        {
            ids = [tokenizer.EndOfTextId ?? throw new ArgumentException(
                "A text has no tokens, and the model's vocabulary has no token that ends a text, to stand for it.")];
        }

        TokenIds.Validate(ids, config.VocabularySize, nameof(text));
        return new(ids, count > _limit);
    }

    // The longer one loses tokens at its end until both are equally long, then both.
    private static void Truncate(ref ReadOnlySpan<int> first, ref ReadOnlySpan<int> last, int room)
    {
        int half = room / 2;
        int ofLast = Math.Min(last.Length, Math.Max(half, room - first.Length));
        first = first[..Math.Min(first.Length, room - ofLast)];
        last = last[..ofLast];
    }

    private static string Beginning(string text) => text.Length <= 40 ? text : text[..40] + "…";

    private int[] EncodePart(string text, CancellationToken cancellationToken) =>
        tokenizer.Encode(text, options.SpecialTokens, cancellationToken);
}
