using MLNet.Gpt.Formats;
using MLNet.Gpt.Formats.PyTorch;

namespace MLNet.Gpt.Tests.Formats.PyTorch;

public class TensorReferenceTests
{
    [Theory]
    [InlineData(24, 0, new long[] { 4, 6 }, new long[] { 6, 1 }, null)]
    [InlineData(24, 0, new long[] { 6, 4 }, new long[] { 1, 6 }, null)]
    [InlineData(24, 2, new long[] { 4, 2 }, new long[] { 6, 1 }, null)]
    [InlineData(24, 0, new long[] { 1, 24 }, new long[] { 0, 1 }, null)]
    [InlineData(24, 0, new long[] { }, new long[] { }, null)]
    [InlineData(24, 30, new long[] { 0 }, new long[] { 1 }, null)]
    [InlineData(23, 0, new long[] { 4, 6 }, new long[] { 6, 1 }, "extends to element 23 of a storage of 23")]
    [InlineData(24, 1, new long[] { 4, 6 }, new long[] { 6, 1 }, "extends to element 24")]
    [InlineData(24, -1, new long[] { 4, 6 }, new long[] { 6, 1 }, "negative")]
    [InlineData(24, 0, new long[] { 4, -6 }, new long[] { 6, 1 }, "negative")]
    [InlineData(24, 0, new long[] { 4, 6 }, new long[] { -6, 1 }, "negative")]
    [InlineData(24, 0, new long[] { 4, 6 }, new long[] { 1 }, "2 sizes and 1 strides")]
    [InlineData(24, 0, new long[] { 1L << 40 }, new long[] { 0 }, "a stride of 0")]
    [InlineData(24, 0, new long[] { 4, 6 }, new long[] { 1, 1 }, "more than once")]
    [InlineData(24, 0, new long[] { 2, 6 }, new long[] { 5, 1 }, "more than once")]
    [InlineData(24, 0, new long[] { long.MaxValue, 3 }, new long[] { 3, 1 }, "too many elements")]
    [InlineData(24, 0, new long[] { 3, 3 }, new long[] { long.MaxValue, 1 }, "too many elements")]
    public void A_view_must_be_within_its_storage_and_use_each_element_once(
        long count, long offset, long[] shape, long[] strides, string? reason)
    {
        string? problem = new TensorReference(new("0", TensorDataType.Float32, count), offset, shape, strides).Validate();
        if (reason is null) Assert.Null(problem);
        else Assert.Contains(reason, problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, new long[] { 2, 8 }, new long[] { 8, 1 }, 16, new long[] { 8 }, new long[] { 1 }, null)]
    [InlineData(0, new long[] { 2, 8 }, new long[] { 8, 1 }, 15, new long[] { 8 }, new long[] { 1 }, "'a' and 'b' overlap")]
    [InlineData(0, new long[] { 4, 3 }, new long[] { 6, 1 }, 3, new long[] { 4, 3 }, new long[] { 6, 1 }, null)]
    [InlineData(0, new long[] { 4, 3 }, new long[] { 6, 1 }, 2, new long[] { 4, 3 }, new long[] { 6, 1 }, "'a' and 'b' overlap")]
    [InlineData(0, new long[] { 3, 4 }, new long[] { 1, 6 }, 3, new long[] { 4, 3 }, new long[] { 6, 1 }, null)]
    [InlineData(0, new long[] { 4, 3 }, new long[] { 6, 1 }, 5, new long[] { 3, 3 }, new long[] { 6, 1 }, "'a' and 'b' overlap")]
    [InlineData(0, new long[] { 4, 6 }, new long[] { 6, 1 }, 0, new long[] { 4, 6 }, new long[] { 6, 1 }, null)]
    [InlineData(0, new long[] { 3, 6 }, new long[] { 6, 1 }, 0, new long[] { 3, 6 }, new long[] { 6, 1 }, null)]
    [InlineData(0, new long[] { 2, 8 }, new long[] { 8, 1 }, 17, new long[] { 7 }, new long[] { 1 }, null)]
    public void Tensors_may_be_columns_of_one_matrix_or_the_same_and_leave_gaps_but_may_not_overlap(
        long offset, long[] shape, long[] strides, long otherOffset, long[] otherShape, long[] otherStrides, string? reason)
    {
        var storage = new StorageReference("0", TensorDataType.Float32, 24);
        var check = new ViewCheck("model.pth");
        check.Add("a", new(storage, offset, shape, strides));
        check.Add("b", new(storage, otherOffset, otherShape, otherStrides));
        if (reason is null) check.Check();
        else Assert.Contains(reason, Assert.Throws<InvalidDataException>(check.Check).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_view_may_have_any_number_of_names()
    {
        var check = new ViewCheck("model.pth");
        for (int i = 0; i < 100_000; i++) check.Add($"{i}", new(new("0", TensorDataType.Float32, 4), 0, [4], [1]));
        check.Check(); // in time linear in their number, not quadratic
    }
}
