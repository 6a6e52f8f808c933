using MLNet.Gpt.Numerics.Memory;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>The matrix of a linear layer, (out, in), with its bias, in any form.</summary>
internal unsafe interface IWeightMatrix
{
    /// <summary>The bias of each output; <see langword="null"/> or zeros if the layer has none.</summary>
    float* Bias { get; }

    /// <summary>Copies the weights of one output as single precision.</summary>
    void CopyRow(int row, float* destination);

    /// <summary>Multiplies x (rows, in) with the transposed matrix on all threads; the sink takes the sums, (rows, out).</summary>
    /// <param name="compute">What to run on.</param>
    /// <param name="x">The layer's inputs; readable up to the next multiple of 8 rows.</param>
    /// <param name="quantized">Room for the inputs as bytes, if the matrix is held as bytes.</param>
    /// <param name="sink">Takes the sums, and adds <see cref="Bias"/> itself.</param>
    void Multiply<TSink>(Compute compute, Matrix x, byte* quantized, TSink sink)
        where TSink : struct, ISink;
}

/// <summary>A weight that is not a matrix of a product, in single precision.</summary>
internal unsafe interface IWeightVector
{
    /// <summary>The first number.</summary>
    float* Pointer { get; }
}
