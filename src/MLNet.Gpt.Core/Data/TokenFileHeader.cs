using System.Buffers.Binary;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt.Data;

/// <summary>The first 1024 bytes of a token file: little-endian 32-bit numbers, of which five are used.</summary>
/// <param name="BytesPerToken">2 or 4.</param>
/// <param name="Count">Tokens in the file.</param>
/// <param name="VocabularySize">The limit of the ids; 0 if unknown.</param>
internal readonly record struct TokenFileHeader(int BytesPerToken, long Count, int VocabularySize)
{
    public const int Length = 1024;

    // llm.c's magic numbers and versions for 16-bit and 32-bit tokens. It leaves the upper half of the count and the
    // vocabulary size 0.
    private const int Mark16 = 20240520, Version16 = 1, Mark32 = 20240801, Version32 = 7;

    // Larger than any file if the count is damaged.
    public Int128 FileLength => Length + ((Int128)Count * BytesPerToken);

    public byte[] Write()
    {
        byte[] bytes = new byte[Length];
        bool isNarrow = BytesPerToken == 2;
        int[] numbers =
            [isNarrow ? Mark16 : Mark32, isNarrow ? Version16 : Version32, unchecked((int)Count), (int)(Count >> 32), VocabularySize];
        for (int i = 0; i < numbers.Length; i++) BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(i * sizeof(int)), numbers[i]);
        return bytes;
    }

    /// <exception cref="InvalidDataException">
    /// The bytes are not a header, or do not match the file's length.
    /// </exception>
    public static TokenFileHeader Read(string path, ReadOnlySpan<byte> bytes, long fileLength)
    {
        if (bytes.Length < Length)
        {
            throw new InvalidDataException(
                $"'{path}' has {Quantity.Of(fileLength, "byte")}; a token file begins with {Length} bytes of header.");
        }

        int mark = Number(bytes, 0), version = Number(bytes, 1);
        int bytesPerToken = (mark, version) switch
        {
            (Mark16, Version16) => 2,
            (Mark32, Version32) => 4,
            _ => throw new InvalidDataException(
                $"'{path}' is not a token file: it begins with {mark} and {version}, "
                + $"where {Mark16} and {Version16} or {Mark32} and {Version32} are expected."),
        };
        var header = new TokenFileHeader(bytesPerToken, ((long)Number(bytes, 3) << 32) | (uint)Number(bytes, 2), Number(bytes, 4));
        if (header.Count < 0 || header.VocabularySize < 0)
        {
            throw new InvalidDataException(
                $"'{path}' is damaged: its header states {header.Count} tokens and a vocabulary of {header.VocabularySize}.");
        }

        return header.FileLength == fileLength
            ? header
            : throw new InvalidDataException(
                $"'{path}' has {Quantity.Of(fileLength, "byte")}; "
                + $"{Quantity.Of(header.Count, "token")} of {bytesPerToken} bytes would take {header.FileLength}.");
    }

    private static int Number(ReadOnlySpan<byte> bytes, int index) =>
        BinaryPrimitives.ReadInt32LittleEndian(bytes[(index * sizeof(int))..]);
}
