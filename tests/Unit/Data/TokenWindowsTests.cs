using CsCheck;
using MLNet.Gpt.Data;

namespace MLNet.Gpt.Tests.Data;

public class TokenWindowsTests
{
    [Fact]
    public void Targets_are_the_inputs_shifted_by_one()
    {
        var windows = new TokenWindows(new[] { 10, 11, 12, 13, 14, 15, 16, 17 }, contextLength: 3);
        Assert.Equal(2, windows.Count);
        Assert.Equal([10, 11, 12], windows.Inputs(0));
        Assert.Equal([11, 12, 13], windows.Targets(0));
        Assert.Equal([13, 14, 15], windows.Inputs(1));
        Assert.Equal([14, 15, 16], windows.Targets(1)); // the 17 would not fill a window
        Assert.Equal(6, windows.TargetCount);
    }

    [Fact]
    public void An_incomplete_last_window_is_kept_on_request()
    {
        var windows = new TokenWindows(new[] { 10, 11, 12, 13, 14, 15, 16, 17 }, contextLength: 3, keepIncomplete: true);
        Assert.Equal(3, windows.Count);
        Assert.Equal(1, windows.Length(2));
        Assert.Equal([16], windows.Inputs(2));
        Assert.Equal([17], windows.Targets(2));
        Assert.Equal(7, windows.TargetCount);
    }

    [Fact]
    public void Windows_overlap_if_the_stride_is_shorter_than_the_context()
    {
        var windows = new TokenWindows(new[] { 0, 1, 2, 3, 4, 5 }, contextLength: 4, stride: 1);
        Assert.Equal(2, windows.Count);
        Assert.Equal([1, 2, 3, 4], windows.Inputs(1));
        Assert.Equal([2, 3, 4, 5], windows.Targets(1));
        Assert.Equal(8, windows.TargetCount);
    }

    [Fact] // The numbers that the lecture's program prints.
    public void The_lectures_story_is_split_as_in_the_lecture()
    {
        string text = TestFiles.TheVerdict;
        Assert.Equal(20479, text.Length);
        Assert.Equal(5145, Gpt2Tokenizer.Instance.Encode(text).Length);

        var split = TextSplit.AtFraction(text, 0.9);
        var training = Batches(split.Training, dropLast: true);
        var validation = Batches(split.Validation, dropLast: false);
        Assert.Equal(9, training.Count);
        Assert.Equal(1, validation.Count);
        Assert.All(
            training.Shuffled(seed: 123).Concat(validation.InOrder()), batch => Assert.Equal((2, 256), (batch.BatchSize, batch.Length)));

        static TokenBatches Batches(string text, bool dropLast) =>
            new(new TokenWindows(Gpt2Tokenizer.Instance.Encode(text), contextLength: 256, vocabularySize: 50257), batchSize: 2, dropLast);
    }

    [Fact] // Against the loop of the book: for i in range(0, len(ids) - T, stride): ids[i:i+T], ids[i+1:i+T+1]
    public void Whole_windows_are_those_of_the_books_loop() =>
        Gen.Select(Gen.Int[2, 80], Gen.Int[1, 20], Gen.Int[1, 20])
            .Where((count, length, stride) => count > length && stride <= length)
            .Sample((count, length, stride) =>
        {
            int[] ids = [.. Enumerable.Range(0, count)];
            var windows = new TokenWindows(ids, length, stride);
            int window = 0;
            for (int i = 0; i < count - length; i += stride, window++)
            {
                Assert.Equal(ids[i..(i + length)], windows.Inputs(window));
                Assert.Equal(ids[(i + 1)..(i + length + 1)], windows.Targets(window));
            }

            Assert.Equal(window, windows.Count);
            Assert.Equal((long)window * length, windows.TargetCount);
        });

    [Fact]
    public void With_incomplete_windows_every_token_but_the_first_is_a_target() =>
        Gen.Select(Gen.Int[2, 80], Gen.Int[1, 20], Gen.Int[1, 20])
            .Where((_, length, stride) => stride <= length)
            .Sample((count, length, stride) =>
        {
            var windows = new TokenWindows(Enumerable.Range(0, count).ToArray(), length, stride, keepIncomplete: true);
            var targets = new List<int>();
            for (int window = 0; window < windows.Count; window++)
            {
                Assert.InRange(windows.Length(window), 1, length);
                Assert.Equal(windows.Targets(window).ToArray(), windows.Inputs(window).ToArray().Select(id => id + 1));
                targets.AddRange(windows.Targets(window));
            }

            Assert.Equal(Enumerable.Range(1, count - 1), targets.Distinct());
            Assert.Equal(targets.Count, windows.TargetCount);
            if (stride == length) Assert.Equal(count - 1, targets.Count);
        });

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void With_fewer_than_two_tokens_there_is_nothing_to_predict(int count)
    {
        var exception = Assert.Throws<ArgumentException>(() => new TokenWindows(new int[count], 4, keepIncomplete: true));
        Assert.Contains($"nothing to predict: {(count == 1 ? "1 token" : "0 tokens")}, but", exception.Message);
        Assert.Contains("at least 2", exception.Message);
    }

    [Fact]
    public void A_text_too_short_for_one_window_is_an_error_that_names_both_lengths()
    {
        var exception = Assert.Throws<ArgumentException>(() => new TokenWindows(new int[100], 256));
        Assert.Contains("100 tokens", exception.Message);
        Assert.Contains("takes 257", exception.Message);
        Assert.Equal(1, new TokenWindows(new int[100], 256, keepIncomplete: true).Count);
        Assert.Equal(1, new TokenWindows(new int[257], 256).Count);
    }

    [Theory]
    [InlineData(0, 1, "contextLength is 0; it must be at least 1")]
    [InlineData(4, 0, "stride is 0; it must be from 1 to the context length, 4")]
    [InlineData(4, 5, "stride is 5; it must be from 1 to the context length, 4")]
    public void A_length_out_of_range_is_an_error_that_names_it_and_the_limit(int contextLength, int stride, string message) =>
        Assert.Contains(
            message, Assert.Throws<ArgumentOutOfRangeException>(() => new TokenWindows(new int[100], contextLength, stride)).Message);

    [Fact]
    public void An_id_outside_the_vocabulary_is_an_error_that_names_it_and_its_position() =>
        Assert.Contains(
            "Token id 7 at position 2 is outside the vocabulary; ids run from 0 to 6",
            Assert.Throws<ArgumentOutOfRangeException>(() => new TokenWindows(new[] { 0, 6, 7 }, 2, vocabularySize: 7)).Message);

    [Fact]
    public void A_window_that_does_not_exist_is_an_error()
    {
        var windows = new TokenWindows(new int[9], 4);
        Assert.Contains(
            "no window 2; they run from 0 to 1", Assert.Throws<ArgumentOutOfRangeException>(() => { windows.Inputs(2); }).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => { windows.Targets(-1); });
        Assert.Throws<ArgumentOutOfRangeException>(() => windows.Length(2));
    }
}
