using System.Buffers.Binary;
using System.Numerics;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>The checksum of TensorFlow's files: Castagnoli's polynomial, and a mask over it where it is stored.</summary>
internal static class Crc32C
{
    private const uint MaskDelta = 0xA282_EAD8;

    /// <summary>The checksum of bytes that follow others.</summary>
    /// <param name="checksum">Of the bytes before; 0 at the beginning.</param>
    /// <param name="bytes">The bytes.</param>
    public static uint Append(uint checksum, ReadOnlySpan<byte> bytes)
    {
        uint state = ~checksum;
        for (; bytes.Length >= 8; bytes = bytes[8..]) state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte value in bytes) state = BitOperations.Crc32C(state, value);
        return ~state;
    }

    /// <summary>The checksum behind a stored one.</summary>
    public static uint Unmask(uint stored) => BitOperations.RotateLeft(stored - MaskDelta, 15);
}
