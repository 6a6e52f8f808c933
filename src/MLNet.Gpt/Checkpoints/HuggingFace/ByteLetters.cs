namespace MLNet.Gpt.Checkpoints.HuggingFace;

/// <summary>
/// The byte-level alphabet: a letter for each byte, so that any bytes are a word without blanks. Printing characters of Latin-1 stand for themselves, the other
/// bytes for letters from U+0100 on, in their order: a blank is <c>Ġ</c>.
/// </summary>
internal static class ByteLetters
{
    private static readonly char[] Letters = Make();

    public static char Of(byte value) => Letters[value];

    private static char[] Make()
    {
        char[] letters = new char[256];
        char next = '\u0100';
        for (int value = 0; value < letters.Length; value++)
        {
            bool isPrinting = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or >= 0xAE;
            letters[value] = isPrinting ? (char)value : next++;
        }

        return letters;
    }
}
