namespace MLNet.Gpt.Formats.Tensors;

/// <summary>Copies elements of a tensor, row-major.</summary>
/// <param name="start">Index of the first element; callers go from front to back.</param>
/// <param name="destination">Receives as many elements as it is long.</param>
internal delegate void ElementReader(long start, Span<float> destination);
