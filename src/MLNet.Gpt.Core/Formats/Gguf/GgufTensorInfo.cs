namespace MLNet.Gpt.Formats.Gguf;

/// <summary>An entry in the list of tensors.</summary>
/// <param name="Name">Its key.</param>
/// <param name="Shape">Sizes, outermost first: the other way round than in the file.</param>
/// <param name="Type">How its elements are stored.</param>
/// <param name="Offset">Where it begins in the data.</param>
/// <param name="ByteCount">Bytes that it takes.</param>
internal sealed record GgufTensorInfo(string Name, long[] Shape, GgufTensorType Type, long Offset, long ByteCount);
