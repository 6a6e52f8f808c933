namespace MLNet.Gpt.Formats.Layouts;

/// <summary>Where a weight lies in a file.</summary>
/// <param name="Weight">The weight, one of <see cref="WeightNames"/>.</param>
/// <param name="Tensor">The file's tensor that holds it.</param>
/// <param name="Shape">The shape that the tensor must have.</param>
/// <param name="IsTransposed">Whether the tensor is (in, out), the other way round than here.</param>
/// <param name="Part">Which part of the tensor's outputs it is: query, key and value often lie one after the other.</param>
/// <param name="PartCount">How many equal parts the tensor has.</param>
internal sealed record WeightPlace(string Weight, string Tensor, long[] Shape, bool IsTransposed = false, int Part = 0, int PartCount = 1)
{
    /// <summary>Whether it is added, a bias or a norm's shift, and so is zero in a model without biases.</summary>
    public bool IsBias { get; init; }
}
