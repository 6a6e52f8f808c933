using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace MLNet.Gpt.Numerics.Vectors;

/// <summary>An operation on one number.</summary>
internal interface IMap
{
    Vector512<float> Of(Vector512<float> x);
}

/// <summary>An operation on two numbers.</summary>
internal interface IMap2
{
    Vector512<float> Of(Vector512<float> x, Vector512<float> y);
}

/// <summary>An operation on three numbers.</summary>
internal interface IMap3
{
    Vector512<float> Of(Vector512<float> x, Vector512<float> y, Vector512<float> z);
}

/// <summary>
/// The loops over a row of any length, one for each shape of operation, sixteen numbers at a time: i runs in steps of
/// <see cref="Lanes.Count"/>, and the last step may be partial.
/// </summary>
/// <remarks>
/// An operation is a small struct whose <c>Of</c> is inlined, as in System.Numerics.Tensors. Outputs may be inputs, but
/// may not overlap them otherwise. A number's result does not depend on whether it is in a whole step or in the partial
/// one.
/// </remarks>
internal static unsafe class Row
{
    /// <summary>Loads the numbers i … i + 15, with a filler past the end of the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* row, int i, int count, float filler = 0) =>
        i + Lanes.Count <= count ? Vector512.Load(row + i) : Lanes.LoadPartial(row + i, count - i, filler);

    /// <summary>Stores the numbers i … i + 15, up to the end of the row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* row, int i, int count)
    {
        if (i + Lanes.Count <= count) value.Store(row + i);
        else Lanes.StorePartial(value, row + i, count - i);
    }

    /// <summary>result = operation(x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Map<TMap>(TMap operation, float* x, float* result, int count)
        where TMap : struct, IMap
    {
        int i = 0;
        for (; i + Lanes.Count <= count; i += Lanes.Count) operation.Of(Vector512.Load(x + i)).Store(result + i);
        if (i < count) Lanes.StorePartial(operation.Of(Lanes.LoadPartial(x + i, count - i, 0)), result + i, count - i);
    }

    /// <summary>result = operation(x, y).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Map<TMap>(TMap operation, float* x, float* y, float* result, int count)
        where TMap : struct, IMap2
    {
        int i = 0;
        for (; i + Lanes.Count <= count; i += Lanes.Count) operation.Of(Vector512.Load(x + i), Vector512.Load(y + i)).Store(result + i);
        if (i == count) return;
        int rest = count - i;
        Lanes.StorePartial(operation.Of(Lanes.LoadPartial(x + i, rest, 0), Lanes.LoadPartial(y + i, rest, 0)), result + i, rest);
    }

    /// <summary>result = operation(x, y, z).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Map<TMap>(TMap operation, float* x, float* y, float* z, float* result, int count)
        where TMap : struct, IMap3
    {
        int i = 0;
        for (; i + Lanes.Count <= count; i += Lanes.Count)
        {
            operation.Of(Vector512.Load(x + i), Vector512.Load(y + i), Vector512.Load(z + i)).Store(result + i);
        }

        if (i == count) return;
        int rest = count - i;
        var last = operation.Of(Lanes.LoadPartial(x + i, rest, 0), Lanes.LoadPartial(y + i, rest, 0), Lanes.LoadPartial(z + i, rest, 0));
        Lanes.StorePartial(last, result + i, rest);
    }

    /// <summary>Folds a row into sixteen lanes, in order: state = operation(state, x).</summary>
    /// <param name="operation">How a number is added to the state.</param>
    /// <param name="start">The state before the first number.</param>
    /// <param name="x">The row.</param>
    /// <param name="count">Numbers of the row.</param>
    /// <param name="filler">
    /// The value for lanes without a number in the last step; it must leave their state unchanged.
    /// </param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector512<float> Fold<TFold>(TFold operation, Vector512<float> start, float* x, int count, float filler = 0)
        where TFold : struct, IMap2
    {
        var state = start;
        int i = 0;
        for (; i + Lanes.Count <= count; i += Lanes.Count) state = operation.Of(state, Vector512.Load(x + i));
        return i < count ? operation.Of(state, Lanes.LoadPartial(x + i, count - i, filler)) : state;
    }

    /// <summary>The same with two rows: state = operation(state, x, y), with 0 as the filler.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static Vector512<float> Fold<TFold>(TFold operation, Vector512<float> start, float* x, float* y, int count)
        where TFold : struct, IMap3
    {
        var state = start;
        int i = 0;
        for (; i + Lanes.Count <= count; i += Lanes.Count) state = operation.Of(state, Vector512.Load(x + i), Vector512.Load(y + i));
        return i < count ? operation.Of(state, Lanes.LoadPartial(x + i, count - i, 0), Lanes.LoadPartial(y + i, count - i, 0)) : state;
    }

    /// <summary>result = x + y.</summary>
    public static void Add(float* x, float* y, float* result, int count) => Map(default(Sum), x, y, result, count);

    /// <summary>y += x.</summary>
    public static void AddTo(float* x, float* y, int count) => Map(default(Sum), y, x, y, count);

    /// <summary>result = x + (y + z).</summary>
    public static void AddSum(float* x, float* y, float* z, float* result, int count) => Map(default(SumOfThree), x, y, z, result, count);

    /// <summary>y ← x × y.</summary>
    public static void MultiplyBy(float* x, float* y, int count) => Map(default(ProductOfTwo), x, y, y, count);

    /// <summary>result = x × factor.</summary>
    public static void Scale(float* x, float factor, float* result, int count) =>
        Map(new Product(Vector512.Create(factor)), x, result, count);

    /// <summary>Returns Σ x y.</summary>
    public static float Dot(float* x, float* y, int count) => Lanes.Sum(Fold(default(SumOfProducts), Vector512<float>.Zero, x, y, count));

    /// <summary>
    /// y = x, for the short rows of tiles and panels: calling the runtime's copy function would take longer than the
    /// copy.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(float* x, float* y, int count)
    {
        int i = 0;
        for (; i + Lanes.Count <= count; i += Lanes.Count) Vector512.Load(x + i).Store(y + i);
        if (i + 8 <= count)
        {
            Vector256.Load(x + i).Store(y + i);
            i += 8;
        }

        for (; i < count; i++) y[i] = x[i];
    }

    /// <summary>
    /// Brings a cache line closer before it is needed, where the processor can; the address need not be valid.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* line)
    {
        if (Sse.IsSupported) Sse.Prefetch0(line);
    }

    /// <summary>x = 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Clear(float* x, int count) => new Span<float>(x, count).Clear();

    private readonly struct Sum : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x, Vector512<float> y) => x + y;
    }

    private readonly struct SumOfThree : IMap3
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x, Vector512<float> y, Vector512<float> z) => x + (y + z);
    }

    private readonly struct Product(Vector512<float> factor) : IMap
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x) => x * factor;
    }

    private readonly struct ProductOfTwo : IMap2
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x, Vector512<float> y) => x * y;
    }

    private readonly struct SumOfProducts : IMap3
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Vector512<float> Of(Vector512<float> x, Vector512<float> y, Vector512<float> z) => Vector512.MultiplyAddEstimate(y, z, x);
    }
}
