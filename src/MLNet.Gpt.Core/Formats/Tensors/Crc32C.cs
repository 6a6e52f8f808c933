using System.Buffers.Binary;
using System.Numerics;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>The checksum of TensorFlow's files: Castagnoli's polynomial, masked when stored.</summary>
internal static class Crc32C
{
    private const uint MaskDelta = 0xA282_EAD8;

    /// <summary>Returns the checksum after appending bytes.</summary>
    /// <param name="checksum">The checksum of the preceding bytes; 0 at the beginning.</param>
    /// <param name="bytes">The bytes.</param>
    public static uint Append(uint checksum, ReadOnlySpan<byte> bytes)
    {
        uint state = ~checksum;
        for (; bytes.Length >= 8; bytes = bytes[8..]) state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte value in bytes) state = BitOperations.Crc32C(state, value);
        return ~state;
    }

    /// <summary>Unmasks a stored checksum.</summary>
    public static uint Unmask(uint stored) => BitOperations.RotateLeft(stored - MaskDelta, 15);
}
