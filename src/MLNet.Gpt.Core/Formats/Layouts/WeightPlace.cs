namespace MLNet.Gpt.Formats.Layouts;

/// <summary>The place of a weight in a file.</summary>
/// <param name="Weight">The weight, one of <see cref="WeightNames"/>.</param>
/// <param name="Tensor">The file's tensor that contains it.</param>
/// <param name="Shape">The shape that the tensor must have.</param>
/// <param name="IsTransposed">Whether the tensor is (in, out), unlike in this library.</param>
/// <param name="Part">Which part of the tensor's outputs it is: query, key and value are often in one tensor.</param>
/// <param name="PartCount">The number of equal parts of the tensor.</param>
internal sealed record WeightPlace(string Weight, string Tensor, long[] Shape, bool IsTransposed = false, int Part = 0, int PartCount = 1)
{
    /// <summary>
    /// Whether it is added, like a bias or a norm's shift, and is therefore zero in a model without biases.
    /// </summary>
    public bool IsBias { get; init; }

    /// <summary>What is added to each element of the file.</summary>
    public float Offset { get; init; }

    /// <summary>Numbers in a head if its rows are in the order of <see cref="NeighboringPairs"/>; otherwise 0.</summary>
    public int PairedHeadSize { get; init; }
}
