using System.Globalization;
using System.Numerics;
using MLNet.Gpt.Inference;

namespace MLNet.Gpt;

/// <summary>
/// The distribution of the losses of many tokens: by the model's confidence, by surprisal, and by the number of
/// preceding tokens. Counts and sums are exact, so that the statistics of shards add up to those of the whole to the
/// last bit.
/// </summary>
public sealed class TokenStatistics
{
    private const int BitsPerHistogram = 24, BinsPerBit = 2;
    private const int HistogramLength = (BitsPerHistogram * BinsPerBit) + 1;
    private const int ContextBinCount = 32;
    private const double ProbabilityUnits = 1L << 30;

    private readonly long[] _counts = new long[Calibration.BinCount];
    private readonly long[] _hits = new long[Calibration.BinCount];
    private readonly long[] _probabilities = new long[Calibration.BinCount];
    private readonly long[] _histogram = new long[HistogramLength];
    private readonly LossSummary[] _byContext = new LossSummary[ContextBinCount];

    /// <summary>The model's confidence compared with how often it is right.</summary>
    public Calibration Calibration => new([.. Enumerable.Range(0, _counts.Length).Select(Bin)]);

    /// <summary>The number of tokens by surprisal, in bins of half a bit up to 24 bits, and one bin above.</summary>
    public IReadOnlyList<HistogramBin> SurprisalHistogram => [.. _histogram.Select((count, i) => new HistogramBin(
        (double)i / BinsPerBit, i == HistogramLength - 1 ? double.PositiveInfinity : (i + 1.0) / BinsPerBit, count))];

    /// <summary>
    /// The loss by the number of preceding tokens: 1, 2, 3–4, 5–8 and so on in powers of two, up to the last one that
    /// occurred.
    /// </summary>
    public IReadOnlyList<ContextLoss> ByContext
    {
        get
        {
            int last = Array.FindLastIndex(_byContext, loss => loss.TokenCount > 0);
            return [.. _byContext.Take(last + 1).Select((loss, i) => new ContextLoss(i == 0 ? 1 : (1 << (i - 1)) + 1, 1 << i, loss))];
        }
    }

    /// <summary>Adds the statistics of two disjoint sets of tokens.</summary>
    public static TokenStatistics operator +(TokenStatistics left, TokenStatistics right)
    {
        var sum = new TokenStatistics();
        sum.Add(left);
        sum.Add(right);
        return sum;
    }

    /// <summary>Adds one token.</summary>
    internal void Add(TokenScore score, int seenCount)
    {
        double probability = Math.Exp(-score.TopNegativeLogLikelihood);
        int bin = Math.Clamp((int)Math.Ceiling(probability * _counts.Length) - 1, 0, _counts.Length - 1);
        _counts[bin]++;
        if (score.Rank == 0) _hits[bin]++;
        _probabilities[bin] += (long)Math.Round(probability * ProbabilityUnits);
        _histogram[(int)Math.Min(score.NegativeLogLikelihood / Math.Log(2) * BinsPerBit, HistogramLength - 1)]++;
        _byContext[seenCount <= 1 ? 0 : BitOperations.Log2((uint)(seenCount - 1)) + 1] += LossSummary.Of(score.NegativeLogLikelihood);
    }

    internal void Add(TokenStatistics other)
    {
        Sum(_counts, other._counts);
        Sum(_hits, other._hits);
        Sum(_probabilities, other._probabilities);
        Sum(_histogram, other._histogram);
        for (int i = 0; i < _byContext.Length; i++) _byContext[i] += other._byContext[i];
    }

    /// <summary>
    /// Returns the statistics as text that <see cref="ParseExact"/> reads back to the last bit, without zeros at the end of a list.
    /// </summary>
    internal string ToExactString() =>
        string.Join('|', List(_counts), List(_hits), List(_probabilities), List(_histogram), List(_byContext));

    /// <exception cref="FormatException">The text does not have that form.</exception>
    internal static TokenStatistics ParseExact(string text)
    {
        string[] lists = text.Split('|');
        if (lists.Length != 5) throw new FormatException($"'{text}' is not a list of token statistics.");
        var statistics = new TokenStatistics();
        Read(lists[0], statistics._counts, Number);
        Read(lists[1], statistics._hits, Number);
        Read(lists[2], statistics._probabilities, Number);
        Read(lists[3], statistics._histogram, Number);
        Read(lists[4], statistics._byContext, LossSummary.ParseExact);
        return statistics;

        static long Number(string item) => long.Parse(item, NumberStyles.None, CultureInfo.InvariantCulture);
    }

    private static void Read<T>(string list, T[] destination, Func<string, T> parse)
    {
        string[] items = list.Length == 0 ? [] : list.Split(',');
        if (items.Length > destination.Length)
        {
            throw new FormatException($"The list '{list}' has {items.Length} items; there are at most {destination.Length}.");
        }

        for (int i = 0; i < items.Length; i++) destination[i] = parse(items[i]);
    }

    private static string List(long[] counts) =>
        string.Join(
            ',',
            counts.Take(Array.FindLastIndex(counts, count => count != 0) + 1)
                .Select(count => count.ToString(CultureInfo.InvariantCulture)));

    private static string List(LossSummary[] losses) =>
        string.Join(',', losses.Take(Array.FindLastIndex(losses, loss => loss.TokenCount != 0) + 1).Select(loss => loss.ToExactString()));

    private static void Sum(long[] counts, long[] others)
    {
        for (int i = 0; i < counts.Length; i++) counts[i] += others[i];
    }

    private CalibrationBin Bin(int i) => new(
        (double)i / _counts.Length, (i + 1.0) / _counts.Length, _counts[i], _hits[i],
        _counts[i] == 0 ? double.NaN : _probabilities[i] / ProbabilityUnits / _counts[i]);
}
