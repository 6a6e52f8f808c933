namespace MLNet.Gpt.Numerics.Vectors;

/// <summary>
/// The few vector operations that the heavy kernels are written over, so that each kernel stands once and runs at every
/// register width. Implementations are empty structs: the compiler makes one copy of a kernel for each and inlines everything.
/// </summary>
/// <typeparam name="TVector">One register of single-precision numbers.</typeparam>
internal unsafe interface ISimd<TVector> where TVector : unmanaged
{
    /// <summary>Numbers in a register.</summary>
    static abstract int Lanes { get; }

    /// <summary>Whether there are registers for 8 rows of 3 accumulators (32 registers); 4 rows otherwise (16).</summary>
    static abstract bool HasManyRegisters { get; }

    /// <summary>All lanes 0.</summary>
    static abstract TVector Zero { get; }

    /// <summary>Reads a register; no alignment needed.</summary>
    static abstract TVector Load(float* source);

    /// <summary>Writes a register; no alignment needed.</summary>
    static abstract void Store(TVector value, float* destination);

    /// <summary>The same number in every lane.</summary>
    static abstract TVector Broadcast(float value);

    /// <summary>a × b.</summary>
    static abstract TVector Multiply(TVector a, TVector b);

    /// <summary>a × b + c, rounded once where the machine can.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);

    /// <summary>Of pairs of bfloat16 numbers, the first of each, widened.</summary>
    static abstract TVector WidenFirst(uint* pairs);

    /// <summary>Of pairs of bfloat16 numbers, the second of each, widened.</summary>
    static abstract TVector WidenSecond(uint* pairs);
}
