namespace MLNet.Gpt.Tokenization;

/// <summary>Text that UTF-8 can represent.</summary>
internal static class WellFormedText
{
    private const char LastNormalized = '\u02FF'; // combining characters begin after it
    private const char Noncharacter = '\uFFFE';
    private static readonly bool CanNormalize = !"e\u0301".IsNormalized();

    /// <summary>Replaces unpaired surrogates by U+FFFD; most texts have none and are not copied.</summary>
    public static ReadOnlySpan<char> Of(ReadOnlySpan<char> text)
    {
        char[]? copy = null;
        for (int i = 0, step; i < text.Length; i += step)
        {
            step = text[i..].IndexOfAnyInRange('\uD800', '\uDFFF');
            if (step < 0) break;
            i += step;
            step = i + 1 < text.Length && char.IsSurrogatePair(text[i], text[i + 1]) ? 2 : 1;
            if (step == 1) (copy ??= text.ToArray())[i] = '\uFFFD';
        }

        return copy ?? text;
    }

    /// <summary>Brings well-formed text into Unicode's normalization form C; most texts are and are not copied.</summary>
    /// <exception cref="PlatformNotSupportedException">The program runs with InvariantGlobalization, without Unicode's tables.</exception>
    public static ReadOnlySpan<char> ToNfc(ReadOnlySpan<char> text)
    {
        if (text.IndexOfAnyExceptInRange('\0', LastNormalized) < 0) return text;
        if (!CanNormalize)
        {
            throw new PlatformNotSupportedException(
                "The tokenizer normalizes text (NFC), which .NET does not do in a program with InvariantGlobalization.");
        }

        if (!text.Contains(Noncharacter)) return text.IsNormalized() ? text : text.ToString().Normalize();
        return string.Join(Noncharacter, text.ToString().Split(Noncharacter).Select(part => part.Normalize())); // .NET refuses it
    }
}
