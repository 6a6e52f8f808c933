namespace MLNet.Gpt.Formats.Tensors;

/// <summary>A tensor in a file of any format; its offset and size were checked when the file was opened.</summary>
/// <param name="File">The file that contains it.</param>
/// <param name="Name">Its key in the file.</param>
/// <param name="DataType">How its elements are stored.</param>
/// <param name="Shape">Sizes of its dimensions, outermost first.</param>
/// <param name="ByteCount">Its size in bytes.</param>
/// <param name="Elements">Reads it; <see langword="null"/> if the element type is not supported for weights.</param>
internal sealed record FileTensor(
    string File, string Name, TensorDataType DataType, IReadOnlyList<long> Shape, long ByteCount, ITensorElements? Elements)
{
    /// <summary>Identifies the stored elements: two tensors with equal identities are two names for one.</summary>
    public object? Identity { get; init; }

    /// <summary>Whether the file's metadata list it as another name for a stored tensor.</summary>
    public bool IsAlias { get; init; }

    /// <summary>
    /// The transpose, if it is the transpose whose elements are stored row by row; otherwise <see langword="null"/>.
    /// </summary>
    public FileTensor? Transpose { get; init; }

    /// <summary>Names the tensor for a message.</summary>
    public override string ToString() => $"'{Name}' {DataType.ShortName()} ({string.Join(", ", Shape)})";
}
