namespace MLNet.Gpt.Formats.Tensors;

/// <summary>A tensor in a file of any format; its place and size were checked when the file was opened.</summary>
/// <param name="File">The file it lies in.</param>
/// <param name="Name">Its key there.</param>
/// <param name="DataType">How its elements are stored.</param>
/// <param name="Shape">Sizes of its dimensions, outermost first.</param>
/// <param name="ByteCount">Bytes that it takes.</param>
/// <param name="Elements">Reads it; <see langword="null"/> if the elements are of a type that no weight has here.</param>
internal sealed record FileTensor(
    string File, string Name, TensorDataType DataType, IReadOnlyList<long> Shape, long ByteCount, ITensorElements? Elements)
{
    /// <summary>Identifies the stored elements: two tensors with equal identities are two names of one.</summary>
    public object? Identity { get; init; }

    /// <summary>Whether the file's metadata name it as another name of a tensor that it holds.</summary>
    public bool IsAlias { get; init; }

    /// <summary>The transpose where its elements, not the tensor's own, lie row after row; otherwise <see langword="null"/>.</summary>
    public FileTensor? Transpose { get; init; }

    /// <summary>Names the tensor for a message.</summary>
    public override string ToString() => $"'{Name}' {DataType.ShortName()} ({string.Join(", ", Shape)})";
}
