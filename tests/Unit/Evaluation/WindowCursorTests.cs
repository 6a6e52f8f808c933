using CsCheck;
using MLNet.Gpt.Evaluation.Scoring;

namespace MLNet.Gpt.Tests.Evaluation;

public class WindowCursorTests
{
    [Fact]
    public void Every_target_is_scored_exactly_once_and_sees_enough_at_any_setting() =>
        Gen.Select(Gen.Int[1, 40], Gen.Int[1, 40], Gen.Int[0, 200], Gen.Bool, Gen.Int[1, 50])
            .Sample((length, stride, tokens, atEnd, portion) =>
        {
            stride = Math.Min(stride, length);
            int targets = Math.Max(0, tokens - 1);
            int[] times = new int[targets + 1];
            var windows = Windows(length, stride, atEnd ? LastWindow.AtEnd : LastWindow.OnStride, targets, portion);
            foreach (var window in windows)
            {
                Assert.InRange(window.Length, 1, length);
                Assert.InRange(window.ContextCount, 0, window.Length - 1);
                for (int row = window.ContextCount; row < window.Length; row++)
                {
                    long target = window.Start + row + 1;
                    times[target]++;
                    Assert.True(row + 1 >= Math.Min(target, length - stride), $"Target {target} sees {row + 1} tokens.");
                }
            }

            Assert.All(times[1..], count => Assert.Equal(1, count));
            Assert.Equal(0, times[0]);

            // If tokens arrive a few at a time, as for joined documents, the windows are the same.
            Assert.Equal(Windows(length, stride, atEnd ? LastWindow.AtEnd : LastWindow.OnStride, targets, targets + 1), windows);
        });

    [Fact]
    public void Rolling_windows_are_those_that_lm_evaluation_harness_documents()
    {
        // Its example: tokens 0 … 8 after a prefix token P, windows of 3, context of 2, hence 2 new predictions per
        // window. P is at index 0 here, token t at t + 1.
        Assert.Equal(
            [new(0, 3, 0), new(2, 3, 1), new(4, 3, 1), new(6, 3, 1)],
            Windows(length: 3, stride: 2, LastWindow.AtEnd, targetCount: 9, portion: 10));
    }

    [Theory]
    [InlineData(1024, 512, 5000)]
    [InlineData(1024, 512, 1024)]
    [InlineData(16, 1, 50)]
    [InlineData(16, 5, 16)]
    [InlineData(16, 15, 47)]
    public void Strided_windows_are_those_of_hugging_face_s_guide(int maximum, int stride, int tokens)
    {
        // The guide passes the tokens begin … end − 1 to the model and keeps the losses of the last of them that no
        // earlier window covered; the model shifts by one, so the last token is only a target, and the first one is not
        // a target.
        var guide = new List<ScoringWindow>();
        for (int begin = 0, before = 0; before < tokens; begin += stride)
        {
            int end = Math.Min(begin + maximum, tokens);
            int firstTarget = Math.Max(before, 1);
            guide.Add(new(begin, end - begin - 1, firstTarget - begin - 1));
            before = end;
        }

        Assert.Equal(guide, Windows(maximum - 1, stride, LastWindow.OnStride, tokens - 1, tokens));
    }

    private static List<ScoringWindow> Windows(int length, int stride, LastWindow last, long targetCount, int portion)
    {
        var cursor = new WindowCursor(length, stride, last);
        var windows = new List<ScoringWindow>();
        for (long there = 0; there < targetCount; there += portion) Take(there, isWhole: false);
        Take(targetCount, isWhole: true);
        return windows;

        void Take(long there, bool isWhole)
        {
            while (cursor.TryNext(there, isWhole, out var window)) windows.Add(window);
        }
    }
}
