namespace MLNetGpt.Cmdlets;

/// <summary>What the numbers of a training are computed by.</summary>
public enum TrainingEngineName
{
    /// <summary>The module's own engine: the fastest.</summary>
    Managed,

    /// <summary>TorchSharp's automatic differentiation, on libtorch.</summary>
    TorchSharp,

    /// <summary>What the book's program prints in PyTorch on a CPU, digit for digit. The slowest.</summary>
    PyTorchExact,
}
