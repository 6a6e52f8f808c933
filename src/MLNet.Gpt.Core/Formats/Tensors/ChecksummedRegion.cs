using System.Buffers;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Tensors;

/// <summary>A part of a file whose checksum is verified once, before its first byte is used.</summary>
/// <param name="file">The file.</param>
/// <param name="name">The name of the part, for messages.</param>
/// <param name="offset">Its offset.</param>
/// <param name="length">The number of bytes that the checksum covers.</param>
/// <param name="expected">The checksum in the file.</param>
/// <param name="append">
/// The checksum algorithm, which continues from the checksum of the preceding bytes (0 at the start).
/// </param>
internal sealed class ChecksummedRegion(
    PositionedFile file, string name, long offset, long length, uint expected, Func<uint, ReadOnlySpan<byte>, uint> append)
{
    private const int BufferSize = 1 << 20;

    private readonly Lock _gate = new();
    private volatile bool _isVerified;

    /// <summary>Verifies the checksum on the first call.</summary>
    /// <exception cref="InvalidDataException">It does not match.</exception>
    public void Verify()
    {
        if (_isVerified) return;
        lock (_gate)
        {
            if (_isVerified) return;
            byte[] buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(length, BufferSize));
            uint checksum = 0;
            for (long done = 0; done < length;)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - done));
                file.Fill(part, offset + done);
                checksum = append(checksum, part);
                done += part.Length;
            }

            ArrayPool<byte>.Shared.Return(buffer);
            if (checksum != expected)
            {
                throw new InvalidDataException(
                    $"'{file.Path}' is damaged: {name} has the checksum {checksum:x8}, but the file says {expected:x8}.");
            }

            _isVerified = true;
        }
    }
}
