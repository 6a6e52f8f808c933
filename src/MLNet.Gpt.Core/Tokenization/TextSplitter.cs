using System.Globalization;
using System.Text;

namespace MLNet.Gpt.Tokenization;

/// <summary>How text is split into the pieces within which BPE merges.</summary>
internal enum TextSplit
{
    /// <summary>
    /// GPT-2's regular expression: <c>'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+</c>.
    /// </summary>
    Gpt2,

    /// <summary>Every digit by itself, and what is between digits as in GPT-2: SmolLM, StarCoder.</summary>
    SingleDigits,

    /// <summary>
    /// Llama 3's: <c>(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|
    /// \s*[\r\n]+|\s+(?!\S)|\s+</c>.
    /// </summary>
    Llama3,

    /// <summary>Llama 3's with <c>\p{N}</c> in place of <c>\p{N}{1,3}</c>: Qwen2 and Qwen3.</summary>
    Qwen2,

    /// <summary>
    /// llama.cpp's <c>default</c>, four expressions of which each splits the pieces of the one before:
    /// <c>[\p{P}\$\+&lt;=&gt;\^~\|]+</c>, GPT-2's, <c>\p{N}+</c>, <c>[0-9][0-9][0-9]</c>.
    /// </summary>
    LlamaCppDefault,

    /// <summary>Before each run of spaces, as SentencePiece does.</summary>
    Words,

    /// <summary>Before each space, so that spaces do not merge with each other: Metaspace with splitting.</summary>
    Spaces,
}

/// <summary>Splits a text; written by hand.</summary>
/// <remarks>
/// Works on whole characters: .NET's regular expressions see a letter beyond U+FFFF as two surrogates, which are not
/// letters, and would split where the tokenizers' do not.
/// </remarks>
/// <param name="split">How to split.</param>
internal struct TextSplitter(TextSplit split)
{
    private enum Kind : byte
    {
        Other,
        Letter,
        Number,
        Space,
    }

    private static readonly Kind[] AsciiKinds = [.. Enumerable.Range(0, 128).Select(code => KindOf(new Rune(code)))];

    private int _segmentEnd; // the end of the current piece of the first of several expressions

    /// <summary>Returns the end of the piece that begins at <paramref name="start"/>, the end of the previous one.</summary>
    /// <param name="text">Well-formed UTF-16.</param>
    /// <param name="start">The beginning of a character inside the text.</param>
    public int PieceEnd(ReadOnlySpan<char> text, int start) => split switch
    {
        TextSplit.Gpt2 => Gpt2End(text, start),
        TextSplit.Llama3 => Llama3End(text, start, mostDigits: 3),
        TextSplit.Qwen2 => Llama3End(text, start, mostDigits: 1),
        TextSplit.SingleDigits => SingleDigitsEnd(text, start),
        TextSplit.LlamaCppDefault => DefaultEnd(text, start),
        TextSplit.Words => WordEnd(text, start, mostSpaces: int.MaxValue),
        TextSplit.Spaces => WordEnd(text, start, mostSpaces: 1),
        _ => throw Configuration.Check.Undefined(split, nameof(split)),
    };

    /// <summary>Returns the end of a piece as GPT-2 splits.</summary>
    /// <inheritdoc cref="PieceEnd" path="/param"/>
    public static int Gpt2End(ReadOnlySpan<char> text, int start)
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

        return RunEnd(text, first + size, kind);
    }

    private static int Llama3End(ReadOnlySpan<char> text, int start, int mostDigits)
    {
        char first = text[start];
        if (first == '\'' && ContractionOfAnyCase(text[(start + 1)..]) is > 0 and int length) return start + 1 + length;

        var kind = KindAt(text, start, out int size);
        int next = start + size;
        if (kind == Kind.Letter) return RunEnd(text, next, Kind.Letter);
        if (kind == Kind.Number)
        {
            for (int digits = 1; digits < mostDigits && next < text.Length; digits++, next += size)
            {
                if (KindAt(text, next, out size) != Kind.Number) break;
            }

            return next;
        }

        var nextKind = next < text.Length ? KindAt(text, next, out size) : Kind.Space;
        if (nextKind == Kind.Letter && first is not ('\r' or '\n')) return RunEnd(text, next + size, Kind.Letter);
        if (kind == Kind.Other || (first == ' ' && nextKind == Kind.Other))
        {
            int end = RunEnd(text, next, Kind.Other);
            while (end < text.Length && text[end] is '\r' or '\n') end++;
            return end;
        }

        // \s*[\r\n]+|\s+(?!\S)|\s+
        int last = start, afterLineEnding = first is '\r' or '\n' ? next : 0;
        while (next < text.Length && KindAt(text, next, out size) == Kind.Space)
        {
            last = next;
            next += size;
            if (text[last] is '\r' or '\n') afterLineEnding = next;
        }

        if (afterLineEnding > 0) return afterLineEnding;
        return next == text.Length || last == start ? next : last;
    }

    private int SingleDigitsEnd(ReadOnlySpan<char> text, int start)
    {
        if (start >= _segmentEnd)
        {
            if (KindAt(text, start, out int size) == Kind.Number) return start + size;
            _segmentEnd = start;
            while (_segmentEnd < text.Length && KindAt(text, _segmentEnd, out size) != Kind.Number) _segmentEnd += size;
        }

        return Gpt2End(text[.._segmentEnd], start);
    }

    private int DefaultEnd(ReadOnlySpan<char> text, int start)
    {
        if (start >= _segmentEnd)
        {
            bool isPunctuation = IsPunctuationAt(text, start, out int size);
            _segmentEnd = start + size;
            while (_segmentEnd < text.Length && IsPunctuationAt(text, _segmentEnd, out size) == isPunctuation) _segmentEnd += size;
            if (isPunctuation) return _segmentEnd;
        }

        // What is left of GPT-2's piece is looked at again: a run of numbers is a piece by itself also for GPT-2.
        int end = Gpt2End(text[.._segmentEnd], start);
        if (text[start] == ' ' && end > start + 1 && KindAt(text, start + 1, out _) == Kind.Number) return start + 1;
        if (KindAt(text, start, out _) != Kind.Number) return end;
        for (int at = start; at + 3 <= end; at++)
        {
            if (!char.IsAsciiDigit(text[at]) || !char.IsAsciiDigit(text[at + 1]) || !char.IsAsciiDigit(text[at + 2])) continue;
            return at == start ? start + 3 : at;
        }

        return end;
    }

    private static int WordEnd(ReadOnlySpan<char> text, int start, int mostSpaces)
    {
        int end = start;
        while (end < text.Length && text[end] == ' ' && end - start < mostSpaces) end++;
        int length = text[end..].IndexOf(' ');
        return length < 0 ? text.Length : end + length;
    }

    private static int RunEnd(ReadOnlySpan<char> text, int end, Kind kind)
    {
        while (end < text.Length && KindAt(text, end, out int size) == kind) end += size;
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

    private static int ContractionOfAnyCase(ReadOnlySpan<char> rest)
    {
        if (rest.IsEmpty || !char.IsAsciiLetter(rest[0])) return 0;
        return Contraction(rest.Length == 1 ? [Lower(rest[0])] : [Lower(rest[0]), Lower(rest[1])]);

        static char Lower(char letter) => char.IsAsciiLetterUpper(letter) ? (char)(letter | 0x20) : letter;
    }

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

    private static bool IsPunctuationAt(ReadOnlySpan<char> text, int index, out int size)
    {
        Rune.DecodeFromUtf16(text[index..], out var rune, out size);
        return rune.Value is '$' or '+' or '<' or '=' or '>' or '^' or '~' or '|' || Rune.IsPunctuation(rune);
    }
}
