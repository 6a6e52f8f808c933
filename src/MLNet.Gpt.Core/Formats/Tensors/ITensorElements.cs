namespace MLNet.Gpt.Formats.Tensors;

/// <summary>The elements of a tensor in a file, row-major, wherever and however they are stored. Safe for use by many threads.</summary>
internal interface ITensorElements
{
    /// <summary>Copies elements as single precision; the caller has checked that they lie inside the tensor.</summary>
    /// <exception cref="InvalidDataException">The file has become shorter, or a checksum does not fit.</exception>
    void Read(long start, Span<float> destination);
}
