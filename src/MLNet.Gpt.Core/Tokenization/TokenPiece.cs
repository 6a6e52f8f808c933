using System.Globalization;
using System.Text;

namespace MLNet.Gpt;

/// <summary>
/// A token by itself: its id, its bytes, and their readable form. Byte-level vocabularies split non-ASCII characters:
/// one of GPT-2's tokens has the first two bytes of 鯨, which are not text by themselves.
/// </summary>
public sealed class TokenPiece : IEquatable<TokenPiece>
{
    private TokenPiece(int id, ReadOnlyMemory<byte> bytes) => (Id, Bytes) = (id, bytes);

    /// <summary>The token's id.</summary>
    public int Id { get; }

    /// <summary>The UTF-8 bytes that it represents.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>
    /// Its characters, with each byte that is not part of a whole character in hexadecimal, as in
    /// <c>&lt;E9&gt;&lt;AF&gt;</c>; never U+FFFD in place of bytes.
    /// </summary>
    public string Text => field ??= Spell(Bytes.Span);

    /// <summary>Whether its bytes are whole characters.</summary>
    public bool IsWhole => System.Text.Unicode.Utf8.IsValid(Bytes.Span);

    /// <summary>Returns the piece of a token.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is outside the vocabulary.</exception>
    public static TokenPiece Of(ITextTokenizer tokenizer, int id)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        return new(id, tokenizer.TokenBytes(id));
    }

    /// <summary>Returns the piece of a token whose bytes are known without the tokenizer.</summary>
    /// <param name="id">The token's id.</param>
    /// <param name="bytes">The UTF-8 bytes that it represents.</param>
    public static TokenPiece Of(int id, ReadOnlyMemory<byte> bytes) => new(id, bytes);

    /// <summary>Whether two tokens have the same id and the same bytes.</summary>
    public bool Equals(TokenPiece? other) => other is not null && Id == other.Id && Bytes.Span.SequenceEqual(other.Bytes.Span);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as TokenPiece);

    /// <inheritdoc/>
    public override int GetHashCode() => Id;

    /// <summary>Returns <see cref="Text"/>.</summary>
    public override string ToString() => Text;

    private static string Spell(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes)) return Encoding.UTF8.GetString(bytes);
        var text = new StringBuilder();
        while (!bytes.IsEmpty)
        {
            bool isCharacter = Rune.DecodeFromUtf8(bytes, out var character, out int length) == System.Buffers.OperationStatus.Done;
            if (isCharacter) text.Append(character);
            else foreach (byte each in bytes[..length]) text.Append(CultureInfo.InvariantCulture, $"<{each:X2}>");
            bytes = bytes[length..];
        }

        return text.ToString();
    }
}
