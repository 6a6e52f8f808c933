namespace MLNet.Gpt.Training;

/// <summary>What a training's numbers are computed by, and so what they can be compared with.</summary>
public enum TrainingMode
{
    /// <summary>The fastest way there is here. The same run on the same machine gives the same bits.</summary>
    Fast,

    /// <summary>TorchSharp's automatic differentiation on libtorch's fused kernels. The same run on the same machine gives the same bits.</summary>
    TorchSharp,

    /// <summary>
    /// What the book's program prints in PyTorch on a CPU, digit for digit: its operations one by one, its use of libtorch's random stream
    /// (initial weights, then PyTorch's data loaders and dropout), its evaluations (means of batch means; training batches drawn anew) and
    /// their steps. The slowest.
    /// </summary>
    /// <remarks>
    /// The random stream is the one that is left after a network of the same sizes was drawn from <see cref="TrainingOptions.Seed"/> with
    /// <see cref="Network.WeightInitialization.PyTorch"/>. The evaluation before training measures all batches. Evaluations fall on the first
    /// step and each <see cref="TrainingOptions.EvaluationInterval"/> steps after it: the book's step n is the step n + 1 here, since it counts from 0.
    /// </remarks>
    PyTorchCompatible,
}
