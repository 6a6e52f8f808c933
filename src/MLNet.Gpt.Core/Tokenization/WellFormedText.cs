namespace MLNet.Gpt.Tokenization;

/// <summary>Text that UTF-8 can represent.</summary>
internal static class WellFormedText
{
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
}
