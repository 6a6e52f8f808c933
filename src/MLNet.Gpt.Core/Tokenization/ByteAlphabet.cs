namespace MLNet.Gpt.Tokenization;

/// <summary>
/// The characters that represent bytes in GPT-2's vocabulary files: printable Latin-1 characters represent themselves,
/// and the characters from U+0100 represent the other bytes in order. So <c>Ġ</c> is a space. Source: OpenAI's release,
/// <c>bytes_to_unicode</c>.
/// </summary>
internal static class ByteAlphabet
{
    private const int FirstStandIn = 0x100;
    private static readonly char[] Characters = CharactersOfBytes();
    private static readonly int[] Bytes = BytesOfCharacters();

    /// <summary>The 256 bytes in the order of their characters, as GPT-2's vocabulary begins.</summary>
    public static IEnumerable<byte> InOrder => Enumerable.Range(0, 256).Select(value => (byte)value).OrderBy(value => Characters[value]);

    /// <summary>A token's bytes in this alphabet.</summary>
    public static string Write(ReadOnlySpan<byte> token)
    {
        Span<char> characters = token.Length <= 256 ? stackalloc char[token.Length] : new char[token.Length];
        for (int i = 0; i < token.Length; i++) characters[i] = Characters[token[i]];
        return new(characters);
    }

    /// <summary>
    /// The bytes that a spelling represents, or <see langword="null"/> if one of its characters does not represent a
    /// byte.
    /// </summary>
    public static byte[]? Read(ReadOnlySpan<char> spelling)
    {
        byte[] token = new byte[spelling.Length];
        for (int i = 0; i < token.Length; i++)
        {
            if (spelling[i] >= Bytes.Length || Bytes[spelling[i]] < 0) return null;
            token[i] = (byte)Bytes[spelling[i]];
        }

        return token;
    }

    private static bool IsItself(int value) => value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);

    private static char[] CharactersOfBytes()
    {
        char[] characters = new char[256];
        int next = FirstStandIn;
        for (int value = 0; value < characters.Length; value++) characters[value] = (char)(IsItself(value) ? value : next++);
        return characters;
    }

    private static int[] BytesOfCharacters()
    {
        int[] bytes = new int[Characters.Max() + 1];
        Array.Fill(bytes, -1);
        for (int value = 0; value < Characters.Length; value++) bytes[Characters[value]] = value;
        return bytes;
    }
}
