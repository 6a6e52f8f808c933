using MLNet.Gpt.Formats.Tensors;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>Where the elements of a storage lie.</summary>
/// <param name="Offset">Their first byte in the file.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Region">Their checksum, or <see langword="null"/> where the format has none.</param>
internal sealed record TorchStorage(long Offset, long Length, ChecksummedRegion? Region);
