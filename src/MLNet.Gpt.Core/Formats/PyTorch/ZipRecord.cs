namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>One record of a zip archive as its directory lists it.</summary>
/// <param name="Name">Its name, which is a key and never a path.</param>
/// <param name="Method">How it is packed; 0 where it is not.</param>
/// <param name="Flags">The directory's flags.</param>
/// <param name="Checksum">Of its bytes.</param>
/// <param name="PackedLength">Bytes in the archive.</param>
/// <param name="Length">Bytes.</param>
/// <param name="HeaderOffset">Where its own header begins.</param>
internal sealed record ZipRecord(string Name, int Method, int Flags, uint Checksum, long PackedLength, long Length, long HeaderOffset);
