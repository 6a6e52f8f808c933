using System.Diagnostics;
using System.Globalization;
using MLNet.Gpt.Configuration;

namespace MLNet.Gpt;

/// <summary>
/// Whether one of two runs answers the same questions better, or is only luckier: McNemar's test in its exact form. Questions that both
/// answer right, or both wrong, say nothing about the difference; of the others, either run would win each with probability ½ if they were
/// equally good.
/// </summary>
/// <remarks>Source: McNemar, "Note on the sampling error of the difference between correlated proportions" (1947).</remarks>
[DebuggerDisplay("{ToString(),nq}")]
public sealed class McNemarTest
{
    /// <summary>Initializes the test of two runs from the numbers of questions that only one of them answers right.</summary>
    /// <param name="firstOnly">The number of questions that only the first answers right.</param>
    /// <param name="secondOnly">The number of questions that only the second answers right.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    public McNemarTest(long firstOnly, long secondOnly)
    {
        FirstOnly = Check.AtLeast(firstOnly, 0, nameof(firstOnly));
        SecondOnly = Check.AtLeast(secondOnly, 0, nameof(secondOnly));
        PValue = TwoSided(Math.Min(firstOnly, secondOnly), checked(firstOnly + secondOnly));
    }

    /// <summary>The number of questions that only the first run answers right.</summary>
    public long FirstOnly { get; }

    /// <summary>The number of questions that only the second run answers right.</summary>
    public long SecondOnly { get; }

    /// <summary>
    /// The probability, if both runs are equally good, of a difference at least as great in either direction: twice the smaller tail of the
    /// binomial distribution with probability ½, at most 1.
    /// </summary>
    public double PValue { get; }

    /// <summary>Tests two runs over the same questions.</summary>
    /// <param name="first">For each question whether the first run answers it right.</param>
    /// <param name="second">The same of the second run.</param>
    /// <exception cref="ArgumentException">The numbers of questions differ.</exception>
    public static McNemarTest Of(IReadOnlyCollection<bool> first, IReadOnlyCollection<bool> second)
    {
        if (first.Count != second.Count)
        {
            throw new ArgumentException(
                $"The first run has {Quantity.Of(first.Count, "question")}, the second {second.Count}.", nameof(second));
        }

        var pairs = first.Zip(second);
        return new(pairs.LongCount(pair => pair is (true, false)), pairs.LongCount(pair => pair is (false, true)));
    }

    /// <summary>The numbers and the p-value, such as <c>12 right only in the first, 25 only in the second, p = 0.0470</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"{FirstOnly:N0} right only in the first, {SecondOnly:N0} only in the second, p = {PValue:0.0000}");

    // Sums up the terms of the tail from the greatest down, each from the one before it: C(n, k − 1) = C(n, k) · k / (n − k + 1).
    private static double TwoSided(long least, long count)
    {
        if (2 * least >= count - 1) return 1; // the tails meet
        double logarithm = -count * Math.Log(2);
        for (long k = 1; k <= least; k++) logarithm += Math.Log((double)(count - least + k) / k);
        double sum = 1, term = 1;
        for (long k = least; k > 0 && term > 1e-18 * sum; k--)
        {
            term *= (double)k / (count - k + 1);
            sum += term;
        }

        return Math.Min(1, 2 * sum * Math.Exp(logarithm));
    }
}
