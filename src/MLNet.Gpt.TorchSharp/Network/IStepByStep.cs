namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// A part of the network that can compute with the book's operations, one by one, instead of a fused libtorch kernel.
/// </summary>
internal interface IStepByStep
{
    /// <summary>Whether it does so. The two differ only in how sums are rounded.</summary>
    bool ComputesStepByStep { get; set; }
}
