namespace MLNet.Gpt;

/// <summary>How the matrices of a model are held in memory while it runs. Activations are single precision throughout.</summary>
public enum WeightPrecision
{
    /// <summary>Single precision, 4 bytes a weight: the reference.</summary>
    Float32,

    /// <summary>The upper half of single precision, 2 bytes a weight.</summary>
    BFloat16,

    /// <summary>Signed bytes with a scale per row, about 1 byte a weight; activations are quantised per vector.</summary>
    Int8,
}
