namespace MLNetGpt.Cmdlets;

/// <summary>The engines that compute a training.</summary>
public enum TrainingEngineName
{
    /// <summary>The module's own engine: the fastest.</summary>
    Managed,

    /// <summary>TorchSharp's automatic differentiation, on libtorch.</summary>
    TorchSharp,

    /// <summary>
    /// On libtorch, with the numbers of the book's PyTorch program on a CPU, digit for digit: the slowest.
    /// </summary>
    PyTorchExact,
}
