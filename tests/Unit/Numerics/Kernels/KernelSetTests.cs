using MLNet.Gpt.Numerics.Memory;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Numerics.Vectors;

namespace MLNet.Gpt.Tests.Numerics.Kernels;

/// <summary>Compares the heavy kernels at each width that the machine supports with sums in double precision.</summary>
public unsafe class KernelSetTests
{
    public static TheoryData<int, int> WidthsAndDepths
    {
        get
        {
            var data = new TheoryData<int, int>();
            foreach (var kernels in KernelSet.All)
            {
                foreach (int depth in new[] { 1, 2, 3, 17, 64, 769, 1600 }) data.Add(kernels.Lanes, depth);
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(WidthsAndDepths))]
    public void A_tile_is_the_product_of_its_rows_and_columns(int lanes, int depth)
    {
        var kernels = KernelSet.All.Single(set => set.Lanes == lanes);
        int width = kernels.PanelWidth, lda = depth + 3, ldc = width + 5;
        using var a = Numbers(8 * lda, 1);
        using var panel = Numbers(depth * width, 2);
        using var c = Numbers(8 * ldc, 3);
        float[] before = ToArray(c, 8 * ldc);
        foreach (bool accumulate in new[] { false, true })
        {
            Copy(before, c);
            kernels.MultiplyTile(depth, At(a), lda, At(panel), At(c), ldc, accumulate);
            for (int row = 0; row < 8; row++)
            {
                for (int column = 0; column < ldc; column++)
                {
                    double expected = before[(row * ldc) + column];
                    if (column < width)
                    {
                        if (!accumulate) expected = 0;
                        for (int k = 0; k < depth; k++) expected += (double)At(a)[(row * lda) + k] * At(panel)[(k * width) + column];
                    }

                    Assert.Equal(expected, At(c)[(row * ldc) + column], 1e-5 * Math.Sqrt(depth));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(WidthsAndDepths))]
    public void A_single_row_gets_the_same_bits_as_in_a_tile(int lanes, int depth)
    {
        var kernels = KernelSet.All.Single(set => set.Lanes == lanes);
        int width = kernels.PanelWidth, stride = (depth * width) + 16;
        using var a = Numbers(8 * depth, 1);
        using var panels = Numbers(3 * stride, 2);
        using var c = Numbers(8 * width, 3);
        using var y = Numbers(3 * width, 4);
        for (int panel = 0; panel < 3; panel++)
        {
            kernels.MultiplyTile(depth, At(a), depth, At(panels) + (panel * stride), At(c), width, accumulate: false);
            for (int row = 0; row < 8; row++)
            {
                kernels.MultiplyVector(depth, At(a) + (row * depth), At(panels), stride, 3, At(y));
                Assert.Equal(new Span<float>(At(c) + (row * width), width), new Span<float>(At(y) + (panel * width), width));
            }
        }
    }

    [Theory]
    [MemberData(nameof(WidthsAndDepths))]
    public void A_product_with_bfloat16_equals_that_with_the_widened_numbers(int lanes, int depth)
    {
        var kernels = KernelSet.All.Single(set => set.Lanes == lanes);
        int width = kernels.PanelWidth, pairs = (depth + 1) / 2, stride = pairs * width;
        using var x = Numbers(depth, 1);
        using var source = Numbers(2 * 3 * stride, 2);
        using var packed = NativeBlock.Allocate(4L * 3 * stride, "a test");
        using var widened = Numbers(2 * stride, 3);
        using var y = Numbers(3 * width, 4);
        using var expected = Numbers(width, 5);
        uint* words = (uint*)packed.Pointer;
        for (int i = 0; i < 3 * stride; i++)
        {
            words[i] = BFloat16Rounding.Round(At(source)[2 * i]) | ((uint)BFloat16Rounding.Round(At(source)[(2 * i) + 1]) << 16);
        }

        kernels.MultiplyVectorBFloat16(depth, At(x), words, stride, 3, At(y));
        for (int panel = 0; panel < 3; panel++)
        {
            kernels.WidenPanel(pairs, words + (panel * stride), At(widened));
            Assert.Equal(BFloat16Rounding.Widen(BFloat16Rounding.Round(At(source)[(2 * panel * stride) + 1])), At(widened)[width]);
            kernels.MultiplyVector(depth, At(x), At(widened), stride, 1, At(expected));
            Assert.Equal(new Span<float>(At(expected), width), new Span<float>(At(y) + (panel * width), width));
        }
    }

    [Theory]
    [MemberData(nameof(WidthsAndDepths))]
    public void Weighted_rows_add_up_alike_for_eight_queries_and_for_one(int lanes, int depth)
    {
        var kernels = KernelSet.All.Single(set => set.Lanes == lanes);
        int columns = 3 * kernels.ValueWidth, ldw = depth + 2;
        using var weights = Numbers(8 * ldw, 1);
        using var rows = Numbers(depth * columns, 2);
        using var y = Numbers(8 * columns, 3);
        float[] before = ToArray(y, 8 * columns);
        kernels.AddWeightedRows(depth, At(weights), ldw, At(rows), columns, At(y), columns);
        using var alone = Numbers(columns, 4);
        for (int query = 0; query < 8; query++)
        {
            Copy(before[(query * columns)..((query + 1) * columns)], alone);
            kernels.AddWeightedRow(depth, At(weights) + (query * ldw), At(rows), columns, At(alone), columns);
            Assert.Equal(new Span<float>(At(y) + (query * columns), columns), new Span<float>(At(alone), columns));
            for (int column = 0; column < columns; column++)
            {
                double expected = before[(query * columns) + column];
                for (int k = 0; k < depth; k++) expected += (double)At(weights)[(query * ldw) + k] * At(rows)[(k * columns) + column];
                Assert.Equal(expected, At(alone)[column], 1e-5 * Math.Sqrt(depth));
            }
        }
    }

    [Theory]
    [MemberData(nameof(WidthsAndDepths))]
    public void A_transposed_matrix_gives_the_same_bits_as_the_plain_one(int lanes, int depth)
    {
        var kernels = KernelSet.All.Single(set => set.Lanes == lanes);
        int width = kernels.PanelWidth, columns = 2 * kernels.ValueWidth;
        using var a = Numbers(8 * depth, 1);
        using var transposed = Numbers(8 * depth, 2);
        for (int i = 0; i < 8 * depth; i++) At(transposed)[(i % depth * 8) + (i / depth)] = At(a)[i];
        using var b = Numbers(depth * Math.Max(width, columns), 3);
        using var expected = Numbers(8 * Math.Max(width, columns), 4);
        using var actual = Numbers(8 * Math.Max(width, columns), 4);

        kernels.MultiplyTile(depth, At(a), depth, At(b), At(expected), width, accumulate: true);
        kernels.MultiplyStrip(depth, At(transposed), At(b), At(actual), width, accumulate: true);
        Assert.Equal(ToArray(expected, 8 * width), ToArray(actual, 8 * width));

        kernels.AddWeightedRows(depth, At(a), depth, At(b), columns, At(expected), columns);
        kernels.AddStridedWeightedRows(depth, At(transposed), 1, 8, At(b), columns, At(actual), columns);
        Assert.Equal(ToArray(expected, 8 * columns), ToArray(actual, 8 * columns));
    }

    [Fact]
    public void The_scalar_path_is_always_available_and_the_widest_is_the_best()
    {
        Assert.Equal(1, KernelSet.All[^1].Lanes);
        Assert.Equal(KernelSet.All.Max(set => set.Lanes), KernelSet.Best.Lanes);
    }

    internal static float* At(NativeBlock block) => (float*)block.Pointer;

    internal static NativeBlock Numbers(int count, int seed)
    {
        var block = NativeBlock.Allocate(4L * count, "a test");
        var random = new Random(seed);
        for (int i = 0; i < count; i++) At(block)[i] = (2 * random.NextSingle()) - 1;
        return block;
    }

    private static float[] ToArray(NativeBlock block, int count) => new Span<float>(At(block), count).ToArray();

    private static void Copy(ReadOnlySpan<float> source, NativeBlock block) => source.CopyTo(new Span<float>(At(block), source.Length));
}
