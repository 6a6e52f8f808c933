using System.Globalization;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Evaluation.Tasks;

/// <summary>The tokens of a context and of its continuation, as many as the model can use.</summary>
/// <param name="Ids">Those of the context, at least one, and those of the continuation, at least one.</param>
/// <param name="ContextCount">The number of those of the context.</param>
/// <param name="DroppedCount">The number of tokens at the beginning of the context that the model cannot see as well.</param>
internal sealed record EncodedContinuation(int[] Ids, int ContextCount, int DroppedCount);

/// <summary>Encodes pairs of a context and a continuation. Thread-safe.</summary>
/// <remarks>
/// <c>TemplateLM._encode_pair</c>, <c>TemplateLM.loglikelihood</c> and <c>HFLM._loglikelihood_tokens</c> of lm-evaluation-harness: white
/// space at the end of the context belongs to the continuation; context and continuation are encoded together, and the tokens after as
/// many as the context alone has are the continuation's; an empty context is the token that begins a text; and of a pair that is too
/// long, the last tokens are used.
/// </remarks>
internal sealed class ContinuationEncoder
{
    private readonly ITextTokenizer _tokenizer;
    private readonly ContinuationOptions _options;
    private readonly int _vocabularySize, _windowLength;
    private readonly bool _addsStart;
    private readonly string? _start;

    /// <param name="model">The model.</param>
    /// <param name="options">Validated.</param>
    public ContinuationEncoder(GptModel model, ContinuationOptions options)
    {
        (_tokenizer, _options, _vocabularySize) = (model.Tokenizer, options, model.Config.VocabularySize);
        _windowLength = options.WindowLengthFor(model.Config);
        _addsStart = options.AddBeginningOfText ?? _tokenizer.AddsBeginningOfText;
        _addsStart &= _tokenizer.BeginningOfTextId is not null;
        bool readsStart = _addsStart && options.SpecialTokens == SpecialTokens.Recognized;
        if (readsStart) _start = _tokenizer.Decode([_tokenizer.BeginningOfTextId!.Value]);
    }

    /// <summary>Encodes a pair.</summary>
    /// <exception cref="ArgumentException">
    /// The continuation has no tokens of its own or more than the model can see, or there is no token to stand for an empty context.
    /// </exception>
    public EncodedContinuation Encode(string context, string continuation, CancellationToken cancellationToken)
    {
        int end = context.Length;
        while (end > 0 && IsSpace(context[end - 1])) end--;
        string whole = context + continuation;
        if (end == 0) return AfterStart(whole, cancellationToken);

        int[] before = Encode(context[..end], cancellationToken), all = Encode(whole, cancellationToken);
        return Fit(before, all.AsSpan(Math.Min(before.Length, all.Length)), continuation);
    }

    /// <summary>Returns a sequence whose tokens from its first target on are the continuation.</summary>
    /// <exception cref="ArgumentException">It is none, or has more tokens than the model can see.</exception>
    public EncodedContinuation Encode(TrainingSequence sequence, int index)
    {
        int[] ids = Checked(sequence.Tokens.ToArray());
        int context = Math.Max(1, sequence.FirstTarget);
        string? fault = sequence.IsLabeled ? "has a label, and only tokens can be scored"
            : ids.Length <= context ? "has no token that counts"
            : ids.Length > _windowLength + 1 ? string.Create(
                CultureInfo.InvariantCulture, $"has {ids.Length} tokens; at most {_windowLength + 1} can be scored")
            : null;
        return fault is null ? new(ids, context, 0) : throw new ArgumentException($"Sequence {index} {fault}.", nameof(sequence));
    }

    /// <summary>Encodes the pairs of a question as <c>llama-perplexity</c> does; see <see cref="TaskConvention.LlamaCpp"/>.</summary>
    public EncodedContinuation[] EncodeTogether(IReadOnlyList<TaskChoice> choices, CancellationToken cancellationToken)
    {
        if (choices.Count == 1) return [Encode(choices[0].Context, choices[0].Continuation, cancellationToken)];
        int[][] all = [.. choices.Select(choice => Encode(choice.Context + choice.Continuation, cancellationToken))];
        int common = 0, shortest = all.Min(ids => ids.Length);
        while (common < shortest - 1 && all.All(ids => ids[common] == all[0][common])) common++;
        if (common == 0) return [.. choices.Select(choice => AfterStart(choice.Context + choice.Continuation, cancellationToken))];

        bool isSame = choices.All(choice => choice.Continuation == choices[0].Continuation);
        var results = new EncodedContinuation[all.Length];
        for (int i = 0; i < all.Length; i++)
        {
            // What follows different contexts is scored without its last token; unless it is short, without the words that differ.
            bool skips = isSame && all.All(ids => ids.Length - common > FewestTrailingTokens);
            int start = skips ? Math.Clamp(Encode(choices[i].Context, cancellationToken).Length, 1, all[i].Length - 1) : common;
            int until = all[i].Length - (isSame && all[i].Length - start > 1 ? 1 : 0);
            results[i] = Fit(all[i][..start], all[i].AsSpan(start..until), choices[i].Continuation);
        }

        return results;
    }

    // As many as llama-perplexity wants after the common tokens to leave out the words that differ.
    private const int FewestTrailingTokens = 3;

    private EncodedContinuation AfterStart(string continuation, CancellationToken cancellationToken)
    {
        int[] ids = Checked(_tokenizer.Encode(continuation, _options.SpecialTokens, cancellationToken));
        if (_tokenizer.BeginningOfTextId is not { } start)
        {
            throw new ArgumentException(
                $"The context of '{Shorten(continuation)}' is empty, and the model's vocabulary has no token that begins a text.",
                nameof(continuation));
        }

        return ids.Length > 0 && ids[0] == start
            ? Fit(ids[..1], ids.AsSpan(1), continuation)
            : Fit([start], ids, continuation);
    }

    private EncodedContinuation Fit(int[] context, ReadOnlySpan<int> continuation, string text)
    {
        if (continuation.IsEmpty)
        {
            throw new ArgumentException(
                $"The continuation '{Shorten(text)}' has no token of its own: with its context it is encoded as no more tokens than "
                + "the context alone.",
                nameof(continuation));
        }

        if (continuation.Length > _windowLength)
        {
            throw new ArgumentException(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"The continuation '{Shorten(text)}' has {continuation.Length} tokens; at most {_windowLength} can be scored."),
                nameof(continuation));
        }

        int dropped = Math.Max(0, context.Length + continuation.Length - _windowLength - 1);
        return new([.. context.AsSpan(dropped), .. continuation], context.Length - dropped, dropped);
    }

    private int[] Encode(string text, CancellationToken cancellationToken)
    {
        int[] ids = Checked(_tokenizer.Encode(text, _options.SpecialTokens, cancellationToken));
        bool isSpelled = _start is { Length: > 0 } start && text.StartsWith(start, StringComparison.Ordinal);
        return _addsStart && !isSpelled ? [_tokenizer.BeginningOfTextId!.Value, .. ids] : ids;
    }

    private int[] Checked(int[] ids)
    {
        TokenIds.Validate(ids, _vocabularySize, nameof(ids));
        return ids;
    }

    // What Python's str.rstrip removes.
    private static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\x1c' and <= '\x1f';

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..40] + "…";
}
