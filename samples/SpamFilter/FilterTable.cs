using System.Globalization;

namespace MLNet.Gpt.Samples.SpamFilter;

/// <summary>Prints how good filters are, with 95 % intervals, and whether the last one is better than the others.</summary>
internal static class FilterTable
{
    public static void Print(IReadOnlyList<Filter> filters)
    {
        Console.WriteLine($"{"",-36} {"accuracy",-22} {"AUC",-22} {"F1",-22} {"log-loss",-22} {"seconds",7}");
        foreach (var filter in filters)
        {
            Console.WriteLine(
                $"{filter.Name,-36} {Text(filter.Accuracy),-22} {Text(filter.Auc),-22} {Text(filter.F1),-22} {Text(filter.LogLoss),-22} "
                + $"{Text(filter.Seconds, "F1"),7}");
        }

        var last = filters[^1];
        Console.WriteLine();
        foreach (var other in filters.SkipLast(1))
        {
            var test = McNemarTest.Of(last.Right, other.Right);
            var loss = Estimate.OfMean([.. last.Losses.Zip(other.Losses, (mine, theirs) => mine - theirs)]);
            Console.WriteLine(
                $"{last.Name} against {other.Name}: {test.FirstOnly} mails right that the other has wrong, {test.SecondOnly} "
                + $"the other way (McNemar's p = {Text(test.PValue, "G2")}); log-loss {Text(loss.Value, "+0.000;−0.000")} "
                + $"[{Text(loss.Lower, "+0.000;−0.000")}, {Text(loss.Upper, "+0.000;−0.000")}]");
        }
    }

    private static string Text(Estimate estimate) =>
        $"{Text(estimate.Value, "F3")} [{Text(estimate.Lower, "F3")}, {Text(estimate.Upper, "F3")}]";

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
