using System.Runtime.Intrinsics;
using MLNet.Gpt.Numerics.Kernels;
using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt.Tests.Training.Managed;

public unsafe class DropoutTests
{
    // Known answers of the authors' library Random123, file kat_vectors, philox4x32 with 10 rounds: counter, key, result.
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0UL, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(~0u, ~0u, ~0u, ~0u, ~0UL, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(
        0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0x299f31d0_a4093822UL, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Philox_gives_its_authors_answers_in_every_lane(
        uint c0, uint c1, uint c2, uint c3, ulong key, uint r0, uint r1, uint r2, uint r3)
    {
        Vector512<uint> word0 = Vector512.Create(c0), word1 = Vector512
            .Create(c1), word2 = Vector512
            .Create(c2), word3 = Vector512
            .Create(c3);
        Philox.Next(ref word0, ref word1, ref word2, ref word3, key);
        Assert.Equal(
            (Vector512.Create(r0), Vector512.Create(r1), Vector512.Create(r2), Vector512.Create(r3)), (word0, word1, word2, word3));
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void The_right_number_is_dropped_and_the_rest_is_scaled_up(double rate)
    {
        const int Width = 1000, Rows = 200;
        float[] row = [.. Enumerable.Repeat(2f, Width)];
        double kept = 0;
        int sameInNextRow = 0, sameInNextColumn = 0;
        float[] before = new float[Width];
        for (int i = 0; i < Rows; i++)
        {
            float[] dropped = Apply(new(5, 3, 2, rate), row, i);
            Assert.All(dropped, value => Assert.True(value == 0 || value == 2 * (float)(1 / (1 - rate))));
            kept += dropped.Count(value => value != 0);
            sameInNextRow += dropped.Zip(before).Count(pair => pair.First == pair.Second);
            sameInNextColumn += dropped.Zip(dropped.Skip(1)).Count(pair => pair.First == pair.Second);
            before = dropped;
        }

        // Five standard deviations of a binomial number; neighbors agree as often as independent ones.
        double total = Width * Rows, both = (rate * rate) + ((1 - rate) * (1 - rate));
        Assert.Equal(1 - rate, kept / total, 5 * Math.Sqrt(rate * (1 - rate) / total));
        Assert.Equal(both, sameInNextRow / total, (5 * Math.Sqrt(both * (1 - both) / total)) + (1.0 / Rows));
        Assert.Equal(both, sameInNextColumn / total, (5 * Math.Sqrt(both * (1 - both) / total)) + (1.0 / Width));
    }

    [Fact]
    public void A_mask_depends_only_on_seed_batch_site_and_row()
    {
        float[] row = [.. Enumerable.Range(1, 300).Select(i => (float)i)];
        var mask = Apply(new(1, 1, 1, 0.5), row, 1);
        Assert.Equal(mask, Apply(new(1, 1, 1, 0.5), row, 1));
        Assert.Equal(mask[..77], Apply(new(1, 1, 1, 0.5), row[..77], 1)); // nor on how long the row is
        Assert.NotEqual(mask, Apply(new(2, 1, 1, 0.5), row, 1));
        Assert.NotEqual(mask, Apply(new(1, 2, 1, 0.5), row, 1));
        Assert.NotEqual(mask, Apply(new(1, 1 + (1UL << 32), 1, 0.5), row, 1));
        Assert.NotEqual(mask, Apply(new(1, 1, 2, 0.5), row, 1));
        Assert.NotEqual(mask, Apply(new(1, 1, 1, 0.5), row, 2));
        Assert.Equal(row, Apply(new(1, 1, 1, 0), row, 1));
    }

    [Fact]
    public void Adding_and_applying_use_the_same_mask()
    {
        float[] row = [.. Enumerable.Range(1, 131).Select(i => (float)i)], ones = [.. Enumerable.Repeat(1f, 131)], sum = new float[131];
        var dropout = new Dropout(1, 1, 1, 0.5);
        fixed (float* x = row, a = ones, y = sum) dropout.ApplyAndAdd(x, a, y, 131, 4);
        Assert.Equal(Apply(dropout, row, 4).Select(value => 1 + value), sum);
    }

    private static float[] Apply(Dropout dropout, float[] row, int number)
    {
        float[] result = new float[row.Length];
        fixed (float* x = row, y = result) dropout.Apply(x, y, row.Length, number);
        return result;
    }
}
