using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>
/// The checksum of zip archives (ISO 3309, reflected polynomial 0xEDB88320), at memory speed if the processor has
/// carry-less multiplication.
/// </summary>
/// <remarks>
/// Source of the folding: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction",
/// Intel (2009).
/// </remarks>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB8_8320;
    private const int TableCount = 8;
    private static readonly uint[][] Tables = CreateTables();

    /// <summary>Returns the checksum after appending bytes.</summary>
    /// <param name="checksum">The checksum of the preceding bytes; 0 at the beginning.</param>
    /// <param name="bytes">The bytes.</param>
    public static uint Append(uint checksum, ReadOnlySpan<byte> bytes)
    {
        uint state = ~checksum;
        if (Pclmulqdq.IsSupported && bytes.Length >= 128) state = Fold(state, ref bytes);
        return ~Step(state, bytes);
    }

    /// <summary>Does the same using only tables.</summary>
    internal static uint AppendByTables(uint checksum, ReadOnlySpan<byte> bytes) => ~Step(~checksum, bytes);

    private static uint Step(uint state, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ state, high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            state = Tables[7][low & 0xFF] ^ Tables[6][(low >> 8) & 0xFF] ^ Tables[5][(low >> 16) & 0xFF] ^ Tables[4][low >> 24]
                ^ Tables[3][high & 0xFF] ^ Tables[2][(high >> 8) & 0xFF] ^ Tables[1][(high >> 16) & 0xFF] ^ Tables[0][high >> 24];
        }

        foreach (byte value in bytes) state = (state >> 8) ^ Tables[0][(state ^ value) & 0xFF];
        return state;
    }

    // Four lanes of 16 bytes, each multiplied forward by 64 bytes, then into one another; the last 16 bytes have the
    // same checksum as everything before.
    private static uint Fold(uint state, ref ReadOnlySpan<byte> bytes)
    {
        var lanes = MemoryMarshal.Cast<byte, Vector128<ulong>>(bytes);
        var by64 = Vector128.Create(0x1_5444_2BD4UL, 0x1_C6E4_1596UL);
        var by16 = Vector128.Create(0x1_7519_97D0UL, 0x0_CCAA_009EUL);
        var (a, b, c, d) = (lanes[0] ^ Vector128.CreateScalar((ulong)state), lanes[1], lanes[2], lanes[3]);
        int next = 4;
        for (; next + 4 <= lanes.Length; next += 4)
        {
            a = Forward(a, by64) ^ lanes[next];
            b = Forward(b, by64) ^ lanes[next + 1];
            c = Forward(c, by64) ^ lanes[next + 2];
            d = Forward(d, by64) ^ lanes[next + 3];
        }

        b ^= Forward(a, by16);
        c ^= Forward(b, by16);
        d ^= Forward(c, by16);
        for (; next < lanes.Length; next++) d = Forward(d, by16) ^ lanes[next];
        bytes = bytes[(16 * next)..];
        return Step(0, MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref d, 1)));
    }

    private static Vector128<ulong> Forward(Vector128<ulong> lane, Vector128<ulong> factors) =>
        Pclmulqdq.CarrylessMultiply(lane, factors, 0x00) ^ Pclmulqdq.CarrylessMultiply(lane, factors, 0x11);

    private static uint[][] CreateTables()
    {
        uint[][] tables = [.. Enumerable.Range(0, TableCount).Select(_ => new uint[256])];
        for (uint value = 0; value < 256; value++)
        {
            uint state = value;
            for (int bit = 0; bit < 8; bit++) state = (state >> 1) ^ ((state & 1) * Polynomial);
            tables[0][value] = state;
        }

        for (int table = 1; table < TableCount; table++)
        {
            for (int value = 0; value < 256; value++)
            {
                uint before = tables[table - 1][value];
                tables[table][value] = (before >> 8) ^ tables[0][before & 0xFF];
            }
        }

        return tables;
    }
}
