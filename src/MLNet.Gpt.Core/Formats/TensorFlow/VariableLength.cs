namespace MLNet.Gpt.Formats.TensorFlow;

/// <summary>Numbers of 7 bits a byte, low ones first, as LevelDB and protocol buffers write them.</summary>
internal static class VariableLength
{
    /// <summary>Takes a number of up to 64 bits from the beginning of the bytes.</summary>
    /// <returns>Whether there was one.</returns>
    public static bool TryRead(ref ReadOnlySpan<byte> bytes, out ulong number)
    {
        number = 0;
        for (int i = 0; i < bytes.Length && i < 10; i++)
        {
            if (i == 9 && bytes[i] > 1) return false;
            number |= (ulong)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] >= 0x80) continue;
            bytes = bytes[(i + 1)..];
            return true;
        }

        return false;
    }
}
