using System.Runtime.CompilerServices;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Numerics.Products;

/// <summary>Where the 8 rows of a tile are.</summary>
internal interface ITileRows
{
    /// <summary>Numbers from one row to the next.</summary>
    /// <param name="stride">The row length of the matrix.</param>
    static abstract nint RowStride(nint stride);

    /// <summary>Numbers from one step of k to the next.</summary>
    static abstract nint Step { get; }
}

/// <summary>Rows of a matrix.</summary>
internal readonly struct MatrixRows : ITileRows
{
    public static nint RowStride(nint stride) => stride;

    public static nint Step => 1;
}

/// <summary>Rows packed as a strip, [k][8].</summary>
internal readonly struct StripRows : ITileRows
{
    public static nint RowStride(nint stride) => 1;

    public static nint Step => KernelSet.TileRows;
}

/// <summary>
/// The inner kernel of all products with several rows: 8 rows of A times a narrow strip of B, with the sums in
/// registers.
/// </summary>
/// <remarks>
/// Each step of k loads one short row of B (three registers: 48 columns on AVX-512, 24 on AVX2, 12 on 128 bits) and
/// multiplies it with one number of each row of A. On machines with 32 registers, 8 rows × 3 registers of sums stay in
/// registers; on machines with 16 registers, it is 4 rows, twice. The loop takes four steps at a time, because a core
/// that two threads share decodes only half of its instructions for each: then what is not a multiply-add costs time.
/// Meanwhile it prefetches the rows of the next tile: eight streams that begin anew with every tile are more than the
/// processor's own prefetchers follow. Every sum runs over k in order, with one rounding per step: its bits depend
/// neither on the register width nor on the other rows, and equal those of <see cref="VectorProduct{TSimd, TVector}"/>.
/// </remarks>
internal static unsafe class TileProduct<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>Rows of A that one call works on.</summary>
    public const int Rows = 8;

    private const int PrefetchedLine = 16; // numbers in a cache line

    /// <summary>C (8 × 3 registers) = A (8 × depth) · B (depth × 3 registers), optionally added to C.</summary>
    public static void MultiplyWide<TRows>(int depth, float* a, nint stride, float* b, float* c, nint ldc, bool accumulate)
        where TRows : struct, ITileRows
    {
        if (TSimd.HasManyRegisters)
        {
            Multiply8By3<TRows>(depth, a, stride, b, c, ldc, accumulate);
        }
        else
        {
            Multiply4By3<TRows>(depth, a, stride, b, c, ldc, accumulate);
            Multiply4By3<TRows>(depth, a + (4 * TRows.RowStride(stride)), stride, b, c + (4 * ldc), ldc, accumulate);
        }
    }

    /// <summary>C (8 × 2 registers) = A (8 × depth) · B (depth × 2 registers), optionally added to C.</summary>
    public static void MultiplyNarrow(int depth, float* a, nint lda, nint step, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        Multiply4By2(depth, a, lda, step, b, ldb, c, ldc, accumulate);
        Multiply4By2(depth, a + (4 * lda), lda, step, b, ldb, c + (4 * ldc), ldc, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply8By3<TRows>(int depth, float* a, nint stride, float* b, float* c, nint ldc, bool accumulate)
        where TRows : struct, ITileRows
    {
        int lanes = TSimd.Lanes;
        nint lda = TRows.RowStride(stride), step = TRows.Step;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero, c02 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero, c12 = TSimd.Zero;
        TVector c20 = TSimd.Zero, c21 = TSimd.Zero, c22 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero, c32 = TSimd.Zero;
        TVector c40 = TSimd.Zero, c41 = TSimd.Zero, c42 = TSimd.Zero;
        TVector c50 = TSimd.Zero, c51 = TSimd.Zero, c52 = TSimd.Zero;
        TVector c60 = TSimd.Zero, c61 = TSimd.Zero, c62 = TSimd.Zero;
        TVector c70 = TSimd.Zero, c71 = TSimd.Zero, c72 = TSimd.Zero;
        if (accumulate)
        {
            float* row = c;
            c00 = TSimd.Load(row); c01 = TSimd.Load(row + lanes); c02 = TSimd.Load(row + (2 * lanes));
            row += ldc;
            c10 = TSimd.Load(row); c11 = TSimd.Load(row + lanes); c12 = TSimd.Load(row + (2 * lanes));
            row += ldc;
            c20 = TSimd.Load(row); c21 = TSimd.Load(row + lanes); c22 = TSimd.Load(row + (2 * lanes));
            row += ldc;
            c30 = TSimd.Load(row); c31 = TSimd.Load(row + lanes); c32 = TSimd.Load(row + (2 * lanes));
            row += ldc;
            c40 = TSimd.Load(row); c41 = TSimd.Load(row + lanes); c42 = TSimd.Load(row + (2 * lanes));
            row += ldc;
            c50 = TSimd.Load(row); c51 = TSimd.Load(row + lanes); c52 = TSimd.Load(row + (2 * lanes));
            row += ldc;
            c60 = TSimd.Load(row); c61 = TSimd.Load(row + lanes); c62 = TSimd.Load(row + (2 * lanes));
            row += ldc;
            c70 = TSimd.Load(row); c71 = TSimd.Load(row + lanes); c72 = TSimd.Load(row + (2 * lanes));
        }

        float* a0 = a;
        float* a3 = a + (3 * lda);
        float* a6 = a + (6 * lda);
        nint twice = 2 * lda;
        float* end = b + ((nint)depth * 3 * lanes), lastFour = end - (12 * lanes);
        float* ahead = a + (Rows * lda);
        int rowsAhead = 0;
        while (b <= lastFour)
        {
            if (TRows.Step == 1) // two lines of a row per turn, which are 32 steps of k
            {
                Row.Prefetch(ahead);
                Row.Prefetch(ahead + PrefetchedLine);
                ahead += lda;
                if (++rowsAhead == Rows)
                {
                    ahead += (2 * PrefetchedLine) - (Rows * lda);
                    rowsAhead = 0;
                }
            }

            TVector b0 = TSimd.Load(b), b1 = TSimd.Load(b + lanes), b2 = TSimd.Load(b + (2 * lanes)), x;
            x = TSimd.Broadcast(*a0);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01); c02 = TSimd.MultiplyAdd(x, b2, c02);
            x = TSimd.Broadcast(a0[lda]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11); c12 = TSimd.MultiplyAdd(x, b2, c12);
            x = TSimd.Broadcast(a0[twice]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21); c22 = TSimd.MultiplyAdd(x, b2, c22);
            x = TSimd.Broadcast(*a3);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31); c32 = TSimd.MultiplyAdd(x, b2, c32);
            x = TSimd.Broadcast(a3[lda]);
            c40 = TSimd.MultiplyAdd(x, b0, c40); c41 = TSimd.MultiplyAdd(x, b1, c41); c42 = TSimd.MultiplyAdd(x, b2, c42);
            x = TSimd.Broadcast(a3[twice]);
            c50 = TSimd.MultiplyAdd(x, b0, c50); c51 = TSimd.MultiplyAdd(x, b1, c51); c52 = TSimd.MultiplyAdd(x, b2, c52);
            x = TSimd.Broadcast(*a6);
            c60 = TSimd.MultiplyAdd(x, b0, c60); c61 = TSimd.MultiplyAdd(x, b1, c61); c62 = TSimd.MultiplyAdd(x, b2, c62);
            x = TSimd.Broadcast(a6[lda]);
            c70 = TSimd.MultiplyAdd(x, b0, c70); c71 = TSimd.MultiplyAdd(x, b1, c71); c72 = TSimd.MultiplyAdd(x, b2, c72);

            b0 = TSimd.Load(b + (3 * lanes)); b1 = TSimd.Load(b + (4 * lanes)); b2 = TSimd.Load(b + (5 * lanes));
            x = TSimd.Broadcast(a0[step]);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01); c02 = TSimd.MultiplyAdd(x, b2, c02);
            x = TSimd.Broadcast(a0[lda + step]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11); c12 = TSimd.MultiplyAdd(x, b2, c12);
            x = TSimd.Broadcast(a0[twice + step]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21); c22 = TSimd.MultiplyAdd(x, b2, c22);
            x = TSimd.Broadcast(a3[step]);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31); c32 = TSimd.MultiplyAdd(x, b2, c32);
            x = TSimd.Broadcast(a3[lda + step]);
            c40 = TSimd.MultiplyAdd(x, b0, c40); c41 = TSimd.MultiplyAdd(x, b1, c41); c42 = TSimd.MultiplyAdd(x, b2, c42);
            x = TSimd.Broadcast(a3[twice + step]);
            c50 = TSimd.MultiplyAdd(x, b0, c50); c51 = TSimd.MultiplyAdd(x, b1, c51); c52 = TSimd.MultiplyAdd(x, b2, c52);
            x = TSimd.Broadcast(a6[step]);
            c60 = TSimd.MultiplyAdd(x, b0, c60); c61 = TSimd.MultiplyAdd(x, b1, c61); c62 = TSimd.MultiplyAdd(x, b2, c62);
            x = TSimd.Broadcast(a6[lda + step]);
            c70 = TSimd.MultiplyAdd(x, b0, c70); c71 = TSimd.MultiplyAdd(x, b1, c71); c72 = TSimd.MultiplyAdd(x, b2, c72);

            b0 = TSimd.Load(b + (6 * lanes)); b1 = TSimd.Load(b + (7 * lanes)); b2 = TSimd.Load(b + (8 * lanes));
            x = TSimd.Broadcast(a0[(2 * step)]);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01); c02 = TSimd.MultiplyAdd(x, b2, c02);
            x = TSimd.Broadcast(a0[lda + (2 * step)]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11); c12 = TSimd.MultiplyAdd(x, b2, c12);
            x = TSimd.Broadcast(a0[twice + (2 * step)]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21); c22 = TSimd.MultiplyAdd(x, b2, c22);
            x = TSimd.Broadcast(a3[(2 * step)]);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31); c32 = TSimd.MultiplyAdd(x, b2, c32);
            x = TSimd.Broadcast(a3[lda + (2 * step)]);
            c40 = TSimd.MultiplyAdd(x, b0, c40); c41 = TSimd.MultiplyAdd(x, b1, c41); c42 = TSimd.MultiplyAdd(x, b2, c42);
            x = TSimd.Broadcast(a3[twice + (2 * step)]);
            c50 = TSimd.MultiplyAdd(x, b0, c50); c51 = TSimd.MultiplyAdd(x, b1, c51); c52 = TSimd.MultiplyAdd(x, b2, c52);
            x = TSimd.Broadcast(a6[(2 * step)]);
            c60 = TSimd.MultiplyAdd(x, b0, c60); c61 = TSimd.MultiplyAdd(x, b1, c61); c62 = TSimd.MultiplyAdd(x, b2, c62);
            x = TSimd.Broadcast(a6[lda + (2 * step)]);
            c70 = TSimd.MultiplyAdd(x, b0, c70); c71 = TSimd.MultiplyAdd(x, b1, c71); c72 = TSimd.MultiplyAdd(x, b2, c72);

            b0 = TSimd.Load(b + (9 * lanes)); b1 = TSimd.Load(b + (10 * lanes)); b2 = TSimd.Load(b + (11 * lanes));
            x = TSimd.Broadcast(a0[(3 * step)]);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01); c02 = TSimd.MultiplyAdd(x, b2, c02);
            x = TSimd.Broadcast(a0[lda + (3 * step)]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11); c12 = TSimd.MultiplyAdd(x, b2, c12);
            x = TSimd.Broadcast(a0[twice + (3 * step)]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21); c22 = TSimd.MultiplyAdd(x, b2, c22);
            x = TSimd.Broadcast(a3[(3 * step)]);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31); c32 = TSimd.MultiplyAdd(x, b2, c32);
            x = TSimd.Broadcast(a3[lda + (3 * step)]);
            c40 = TSimd.MultiplyAdd(x, b0, c40); c41 = TSimd.MultiplyAdd(x, b1, c41); c42 = TSimd.MultiplyAdd(x, b2, c42);
            x = TSimd.Broadcast(a3[twice + (3 * step)]);
            c50 = TSimd.MultiplyAdd(x, b0, c50); c51 = TSimd.MultiplyAdd(x, b1, c51); c52 = TSimd.MultiplyAdd(x, b2, c52);
            x = TSimd.Broadcast(a6[(3 * step)]);
            c60 = TSimd.MultiplyAdd(x, b0, c60); c61 = TSimd.MultiplyAdd(x, b1, c61); c62 = TSimd.MultiplyAdd(x, b2, c62);
            x = TSimd.Broadcast(a6[lda + (3 * step)]);
            c70 = TSimd.MultiplyAdd(x, b0, c70); c71 = TSimd.MultiplyAdd(x, b1, c71); c72 = TSimd.MultiplyAdd(x, b2, c72);
            b += 12 * lanes;
            a0 += 4 * step; a3 += 4 * step; a6 += 4 * step;
        }

        while (b < end)
        {
            TVector b0 = TSimd.Load(b), b1 = TSimd.Load(b + lanes), b2 = TSimd.Load(b + (2 * lanes)), x;
            x = TSimd.Broadcast(*a0);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01); c02 = TSimd.MultiplyAdd(x, b2, c02);
            x = TSimd.Broadcast(a0[lda]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11); c12 = TSimd.MultiplyAdd(x, b2, c12);
            x = TSimd.Broadcast(a0[twice]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21); c22 = TSimd.MultiplyAdd(x, b2, c22);
            x = TSimd.Broadcast(*a3);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31); c32 = TSimd.MultiplyAdd(x, b2, c32);
            x = TSimd.Broadcast(a3[lda]);
            c40 = TSimd.MultiplyAdd(x, b0, c40); c41 = TSimd.MultiplyAdd(x, b1, c41); c42 = TSimd.MultiplyAdd(x, b2, c42);
            x = TSimd.Broadcast(a3[twice]);
            c50 = TSimd.MultiplyAdd(x, b0, c50); c51 = TSimd.MultiplyAdd(x, b1, c51); c52 = TSimd.MultiplyAdd(x, b2, c52);
            x = TSimd.Broadcast(*a6);
            c60 = TSimd.MultiplyAdd(x, b0, c60); c61 = TSimd.MultiplyAdd(x, b1, c61); c62 = TSimd.MultiplyAdd(x, b2, c62);
            x = TSimd.Broadcast(a6[lda]);
            c70 = TSimd.MultiplyAdd(x, b0, c70); c71 = TSimd.MultiplyAdd(x, b1, c71); c72 = TSimd.MultiplyAdd(x, b2, c72);
            b += 3 * lanes;
            a0 += step; a3 += step; a6 += step;
        }

        TSimd.Store(c00, c);
        TSimd.Store(c01, c + lanes);
        TSimd.Store(c02, c + (2 * lanes));
        c += ldc;
        TSimd.Store(c10, c);
        TSimd.Store(c11, c + lanes);
        TSimd.Store(c12, c + (2 * lanes));
        c += ldc;
        TSimd.Store(c20, c);
        TSimd.Store(c21, c + lanes);
        TSimd.Store(c22, c + (2 * lanes));
        c += ldc;
        TSimd.Store(c30, c);
        TSimd.Store(c31, c + lanes);
        TSimd.Store(c32, c + (2 * lanes));
        c += ldc;
        TSimd.Store(c40, c);
        TSimd.Store(c41, c + lanes);
        TSimd.Store(c42, c + (2 * lanes));
        c += ldc;
        TSimd.Store(c50, c);
        TSimd.Store(c51, c + lanes);
        TSimd.Store(c52, c + (2 * lanes));
        c += ldc;
        TSimd.Store(c60, c);
        TSimd.Store(c61, c + lanes);
        TSimd.Store(c62, c + (2 * lanes));
        c += ldc;
        TSimd.Store(c70, c);
        TSimd.Store(c71, c + lanes);
        TSimd.Store(c72, c + (2 * lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply4By3<TRows>(int depth, float* a, nint stride, float* b, float* c, nint ldc, bool accumulate)
        where TRows : struct, ITileRows
    {
        int lanes = TSimd.Lanes;
        nint lda = TRows.RowStride(stride), step = TRows.Step;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero, c02 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero, c12 = TSimd.Zero;
        TVector c20 = TSimd.Zero, c21 = TSimd.Zero, c22 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero, c32 = TSimd.Zero;
        if (accumulate)
        {
            float* row = c;
            c00 = TSimd.Load(row); c01 = TSimd.Load(row + lanes); c02 = TSimd.Load(row + (2 * lanes));
            row += ldc;
            c10 = TSimd.Load(row); c11 = TSimd.Load(row + lanes); c12 = TSimd.Load(row + (2 * lanes));
            row += ldc;
            c20 = TSimd.Load(row); c21 = TSimd.Load(row + lanes); c22 = TSimd.Load(row + (2 * lanes));
            row += ldc;
            c30 = TSimd.Load(row); c31 = TSimd.Load(row + lanes); c32 = TSimd.Load(row + (2 * lanes));
        }

        float* a0 = a;
        float* a3 = a + (3 * lda);
        nint twice = 2 * lda;
        float* end = b + ((nint)depth * 3 * lanes), lastFour = end - (12 * lanes);
        float* ahead = a + (Rows * lda);
        int rowsAhead = 0;
        while (b <= lastFour)
        {
            if (TRows.Step == 1) // a line of a row per turn, which is 16 steps of k
            {
                Row.Prefetch(ahead);
                ahead += lda;
                if (++rowsAhead == Rows / 2)
                {
                    ahead += PrefetchedLine - (Rows / 2 * lda);
                    rowsAhead = 0;
                }
            }

            TVector b0 = TSimd.Load(b), b1 = TSimd.Load(b + lanes), b2 = TSimd.Load(b + (2 * lanes)), x;
            x = TSimd.Broadcast(*a0);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01); c02 = TSimd.MultiplyAdd(x, b2, c02);
            x = TSimd.Broadcast(a0[lda]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11); c12 = TSimd.MultiplyAdd(x, b2, c12);
            x = TSimd.Broadcast(a0[twice]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21); c22 = TSimd.MultiplyAdd(x, b2, c22);
            x = TSimd.Broadcast(*a3);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31); c32 = TSimd.MultiplyAdd(x, b2, c32);

            b0 = TSimd.Load(b + (3 * lanes)); b1 = TSimd.Load(b + (4 * lanes)); b2 = TSimd.Load(b + (5 * lanes));
            x = TSimd.Broadcast(a0[step]);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01); c02 = TSimd.MultiplyAdd(x, b2, c02);
            x = TSimd.Broadcast(a0[lda + step]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11); c12 = TSimd.MultiplyAdd(x, b2, c12);
            x = TSimd.Broadcast(a0[twice + step]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21); c22 = TSimd.MultiplyAdd(x, b2, c22);
            x = TSimd.Broadcast(a3[step]);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31); c32 = TSimd.MultiplyAdd(x, b2, c32);

            b0 = TSimd.Load(b + (6 * lanes)); b1 = TSimd.Load(b + (7 * lanes)); b2 = TSimd.Load(b + (8 * lanes));
            x = TSimd.Broadcast(a0[(2 * step)]);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01); c02 = TSimd.MultiplyAdd(x, b2, c02);
            x = TSimd.Broadcast(a0[lda + (2 * step)]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11); c12 = TSimd.MultiplyAdd(x, b2, c12);
            x = TSimd.Broadcast(a0[twice + (2 * step)]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21); c22 = TSimd.MultiplyAdd(x, b2, c22);
            x = TSimd.Broadcast(a3[(2 * step)]);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31); c32 = TSimd.MultiplyAdd(x, b2, c32);

            b0 = TSimd.Load(b + (9 * lanes)); b1 = TSimd.Load(b + (10 * lanes)); b2 = TSimd.Load(b + (11 * lanes));
            x = TSimd.Broadcast(a0[(3 * step)]);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01); c02 = TSimd.MultiplyAdd(x, b2, c02);
            x = TSimd.Broadcast(a0[lda + (3 * step)]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11); c12 = TSimd.MultiplyAdd(x, b2, c12);
            x = TSimd.Broadcast(a0[twice + (3 * step)]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21); c22 = TSimd.MultiplyAdd(x, b2, c22);
            x = TSimd.Broadcast(a3[(3 * step)]);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31); c32 = TSimd.MultiplyAdd(x, b2, c32);
            b += 12 * lanes;
            a0 += 4 * step; a3 += 4 * step;
        }

        while (b < end)
        {
            TVector b0 = TSimd.Load(b), b1 = TSimd.Load(b + lanes), b2 = TSimd.Load(b + (2 * lanes)), x;
            x = TSimd.Broadcast(*a0);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01); c02 = TSimd.MultiplyAdd(x, b2, c02);
            x = TSimd.Broadcast(a0[lda]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11); c12 = TSimd.MultiplyAdd(x, b2, c12);
            x = TSimd.Broadcast(a0[twice]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21); c22 = TSimd.MultiplyAdd(x, b2, c22);
            x = TSimd.Broadcast(*a3);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31); c32 = TSimd.MultiplyAdd(x, b2, c32);
            b += 3 * lanes;
            a0 += step; a3 += step;
        }

        TSimd.Store(c00, c);
        TSimd.Store(c01, c + lanes);
        TSimd.Store(c02, c + (2 * lanes));
        c += ldc;
        TSimd.Store(c10, c);
        TSimd.Store(c11, c + lanes);
        TSimd.Store(c12, c + (2 * lanes));
        c += ldc;
        TSimd.Store(c20, c);
        TSimd.Store(c21, c + lanes);
        TSimd.Store(c22, c + (2 * lanes));
        c += ldc;
        TSimd.Store(c30, c);
        TSimd.Store(c31, c + lanes);
        TSimd.Store(c32, c + (2 * lanes));
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Multiply4By2(int depth, float* a, nint lda, nint step, float* b, nint ldb, float* c, nint ldc, bool accumulate)
    {
        int lanes = TSimd.Lanes;
        TVector c00 = TSimd.Zero, c01 = TSimd.Zero;
        TVector c10 = TSimd.Zero, c11 = TSimd.Zero;
        TVector c20 = TSimd.Zero, c21 = TSimd.Zero;
        TVector c30 = TSimd.Zero, c31 = TSimd.Zero;
        if (accumulate)
        {
            float* row = c;
            c00 = TSimd.Load(row); c01 = TSimd.Load(row + lanes);
            row += ldc;
            c10 = TSimd.Load(row); c11 = TSimd.Load(row + lanes);
            row += ldc;
            c20 = TSimd.Load(row); c21 = TSimd.Load(row + lanes);
            row += ldc;
            c30 = TSimd.Load(row); c31 = TSimd.Load(row + lanes);
        }

        float* a0 = a;
        float* a3 = a + (3 * lda);
        nint twice = 2 * lda;
        for (int k = 0; k < depth; k++)
        {
            TVector b0 = TSimd.Load(b), b1 = TSimd.Load(b + lanes);
            TVector x = TSimd.Broadcast(*a0);
            c00 = TSimd.MultiplyAdd(x, b0, c00); c01 = TSimd.MultiplyAdd(x, b1, c01);
            x = TSimd.Broadcast(a0[lda]);
            c10 = TSimd.MultiplyAdd(x, b0, c10); c11 = TSimd.MultiplyAdd(x, b1, c11);
            x = TSimd.Broadcast(a0[twice]);
            c20 = TSimd.MultiplyAdd(x, b0, c20); c21 = TSimd.MultiplyAdd(x, b1, c21);
            x = TSimd.Broadcast(*a3);
            c30 = TSimd.MultiplyAdd(x, b0, c30); c31 = TSimd.MultiplyAdd(x, b1, c31);
            b += ldb;
            a0 += step; a3 += step;
        }

        TSimd.Store(c00, c);
        TSimd.Store(c01, c + lanes);
        c += ldc;
        TSimd.Store(c10, c);
        TSimd.Store(c11, c + lanes);
        c += ldc;
        TSimd.Store(c20, c);
        TSimd.Store(c21, c + lanes);
        c += ldc;
        TSimd.Store(c30, c);
        TSimd.Store(c31, c + lanes);
    }
}
