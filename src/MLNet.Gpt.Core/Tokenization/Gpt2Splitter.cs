using System.Globalization;
using System.Text;

namespace MLNet.Gpt.Tokenization;

/// <summary>
/// Splits text into the pieces within which BPE merges, as GPT-2's regular expression does: <c>'s|'t|'re|'ve|'m|'ll|'d|
/// ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>. Written by hand.
/// </summary>
/// <remarks>
/// Works on whole characters: .NET's regular expressions see a letter beyond U+FFFF as two surrogates, which are not
/// letters, and would split where GPT-2 does not.
/// </remarks>
internal static class Gpt2Splitter
{
    private enum Kind : byte
    {
        Other,
        Letter,
        Number,
        Space,
    }

    private static readonly Kind[] AsciiKinds = [.. Enumerable.Range(0, 128).Select(code => KindOf(new Rune(code)))];

    /// <summary>Returns the end of the piece that begins at <paramref name="start"/>.</summary>
    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="start">The beginning of a character inside the text.</param>
    public static int PieceEnd(ReadOnlySpan<char> text, int start)
    {
        if (text[start] == '\'' && Contraction(text[(start + 1)..]) is > 0 and int length) return start + 1 + length;

        int first = start;
        var kind = KindAt(text, first, out int size);
        if (kind == Kind.Space)
        {
            // A space belongs to the word after it; of several spaces before a word, all but the last form a piece.
            int next = start + size;
            if (text[start] != ' ' || next == text.Length || (kind = KindAt(text, next, out int nextSize)) == Kind.Space)
            {
                return SpacesEnd(text, start, next);
            }

            first = next;
            size = nextSize;
        }

        int end = first + size;
        while (end < text.Length && KindAt(text, end, out size) == kind) end += size;
        return end;
    }

    // \s+(?!\S)|\s+
    private static int SpacesEnd(ReadOnlySpan<char> text, int start, int end)
    {
        int last = start;
        while (end < text.Length && KindAt(text, end, out int size) == Kind.Space)
        {
            last = end;
            end += size;
        }

        return end == text.Length || last == start ? end : last;
    }

    // The length of what follows the apostrophe in 's, 't, 're, 've, 'm, 'll, 'd, or 0.
    private static int Contraction(ReadOnlySpan<char> rest) => rest switch
    {
        ['s' or 't' or 'm' or 'd', ..] => 1,
        ['r' or 'v', 'e', ..] or ['l', 'l', ..] => 2,
        _ => 0,
    };

    private static Kind KindAt(ReadOnlySpan<char> text, int index, out int size)
    {
        char first = text[index];
        if (first < 128)
        {
            size = 1;
            return AsciiKinds[first];
        }

        Rune.DecodeFromUtf16(text[index..], out var rune, out size);
        return KindOf(rune);
    }

    private static Kind KindOf(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => Kind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => Kind.Number,
        _ => Rune.IsWhiteSpace(rune) ? Kind.Space : Kind.Other,
    };
}
