using System.Globalization;
using MLNet.Gpt.Data;

namespace MLNet.Gpt.Tests.Loss;

public sealed class InvariantMessagesTests : IDisposable
{
    private readonly CultureInfo _before = CultureInfo.CurrentCulture;

    public InvariantMessagesTests() => CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");

    public void Dispose() => CultureInfo.CurrentCulture = _before;

    [Fact]
    public void Numbers_in_messages_do_not_follow_the_culture()
    {
        Contains("1.5", () => new ComparisonOptions { Confidence = 1.5 });
        Contains("-1E+300", () => LossSummary.Of(-1e300));
        Contains("1.5", () => TextSplit.AtFraction("text", 1.5));
        Assert.Contains(
            "0.001",
            Assert.Throws<ArgumentException>(() => TextSplit.AtFraction("text", 0.001)).Message,
            StringComparison.Ordinal);
    }

    private static void Contains(string number, Func<object> make)
    {
        // .NET adds the value in the current culture on a separate line.
        string message = Assert.Throws<ArgumentOutOfRangeException>(() => make()).Message;
        Assert.Contains(number, message.Split('\n')[0], StringComparison.Ordinal);
    }
}
