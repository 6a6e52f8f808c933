using System.Buffers;
using System.Globalization;
using System.Text;

namespace MLNet.Gpt.Tokenization;

/// <summary>A token that is recognized as a whole in a text, before the text is split and merged.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Text">Its spelling.</param>
internal readonly record struct AddedToken(int Id, string Text)
{
    /// <summary>
    /// Whether it is a control token, which literal text does not contain; otherwise its spelling is always that token.
    /// </summary>
    public bool IsSpecial { get; init; } = true;

    /// <summary>Whether it takes in the white space before it.</summary>
    public bool StripsLeft { get; init; }

    /// <summary>Whether it takes in the white space after it.</summary>
    public bool StripsRight { get; init; }

    /// <summary>Whether it is recognized only between characters that do not belong to words.</summary>
    public bool IsSingleWord { get; init; }

    /// <summary>Whether it is recognized regardless of the characters around it, and takes in none of them.</summary>
    public bool IsPlain => !StripsLeft && !StripsRight && !IsSingleWord;
}

/// <summary>
/// The tokens that are recognized as a whole: the leftmost, and of those the longest, as in Hugging Face's tokenizers.
/// </summary>
internal sealed class AddedTokens
{
    private readonly AddedToken[] _tokens;
    private readonly Dictionary<char, AddedToken[]> _byFirst; // the longest first
    private readonly SearchValues<string>? _search;

    public AddedTokens(IEnumerable<AddedToken> tokens)
    {
        _tokens = [.. tokens.OrderBy(token => token.Id)];
        _byFirst = _tokens.GroupBy(token => token.Text[0])
            .ToDictionary(group => group.Key, group => group.OrderByDescending(token => token.Text.Length).ToArray());
        if (_tokens.Length > 0) _search = SearchValues.Create([.. _tokens.Select(token => token.Text)], StringComparison.Ordinal);
    }

    /// <summary>The tokens in the order of their ids.</summary>
    public IReadOnlyList<AddedToken> All => _tokens;

    /// <summary>Finds the next token in a text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">Where to begin; what is before it is taken into account, but not part of a token.</param>
    /// <param name="specialTokens">Whether special tokens are recognized.</param>
    /// <param name="at">Where the token begins, with the white space that it takes in.</param>
    /// <param name="end">Where the text continues after it.</param>
    /// <returns>The token's id, or −1.</returns>
    public int Find(ReadOnlySpan<char> text, int start, SpecialTokens specialTokens, out int at, out int end)
    {
        at = end = text.Length;
        if (_search is null) return -1;
        for (int from = start; text[from..].IndexOfAny(_search) is >= 0 and int found;)
        {
            var token = LongestAt(text, from + found);
            at = from + found;
            end = from = at + token.Text.Length;
            if (token.IsSpecial && specialTokens == SpecialTokens.Literal) continue;
            if (token.IsSingleWord && (EndsInWord(text[..at]) || BeginsWithWord(text[end..]))) continue;
            if (token.StripsLeft) at = start + text[start..at].TrimEnd().Length;
            if (token.StripsRight) end = text.Length - text[end..].TrimStart().Length;
            return token.Id;
        }

        at = end = text.Length;
        return -1;
    }

    private AddedToken LongestAt(ReadOnlySpan<char> text, int at)
    {
        foreach (var token in _byFirst[text[at]])
        {
            if (text[at..].StartsWith(token.Text)) return token;
        }

        throw new InvalidOperationException("No token begins where the search found one.");
    }

    private static bool EndsInWord(ReadOnlySpan<char> text) =>
        Rune.DecodeLastFromUtf16(text, out var last, out _) == OperationStatus.Done && IsOfWord(last);

    private static bool BeginsWithWord(ReadOnlySpan<char> text) =>
        Rune.DecodeFromUtf16(text, out var first, out _) == OperationStatus.Done && IsOfWord(first);

    // \w
    private static bool IsOfWord(Rune rune) => Rune.IsLetterOrDigit(rune) || Rune.GetUnicodeCategory(rune) is
        UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
        or UnicodeCategory.ConnectorPunctuation or UnicodeCategory.LetterNumber;
}
