namespace MLNet.Gpt.TorchSharp;

/// <summary>A part of the network that can compute by the book's operations, one by one, in place of a fused kernel of libtorch.</summary>
internal interface IStepByStep
{
    /// <summary>Whether it does. The two differ in how sums are rounded, and in nothing else.</summary>
    bool ComputesStepByStep { get; set; }
}
