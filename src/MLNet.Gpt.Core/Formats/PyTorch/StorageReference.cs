namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>Elements that tensors view, in a record of their own.</summary>
/// <param name="Key">Names the record.</param>
/// <param name="DataType">The elements.</param>
/// <param name="Count">How many there are.</param>
internal sealed record StorageReference(string Key, SafetensorsDataType DataType, long Count);
