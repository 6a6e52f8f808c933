namespace MLNet.Gpt.Samples.SpamFilter;

/// <summary>What a spam filter says about the test mails, and how good that is.</summary>
/// <param name="name">The name in the table.</param>
/// <param name="seconds">How long it took to train and to classify the test mails.</param>
/// <param name="probabilities">The probability of spam, for each mail.</param>
/// <param name="isSpam">Whether it is, for each mail.</param>
internal sealed class Filter(string name, double seconds, double[] probabilities, bool[] isSpam)
{
    private const int Resamples = 2000;
    private const double SmallestProbability = 1e-7;

    public string Name => name;

    public double Seconds => seconds;

    public IReadOnlyList<double> Probabilities => probabilities;

    public bool[] Right { get; } = [.. probabilities.Zip(isSpam, (probability, spam) => probability > 0.5 == spam)];

    /// <summary>−ln p of the true class, for each mail.</summary>
    public double[] Losses { get; } =
    [
        .. probabilities.Zip(isSpam, (probability, spam) => spam ? probability : 1 - probability)
            .Select(probability => -Math.Log(Math.Max(SmallestProbability, probability))),
    ];

    public Estimate Accuracy => Estimate.OfProportion(Right.Count(right => right), Right.Length);

    public Estimate LogLoss => Estimate.OfMean(Losses);

    /// <summary>The probability that a spam mail scores higher than one that is not, ties counting half.</summary>
    public Estimate Auc => Bootstrapped(AucOf);

    /// <summary>The harmonic mean of precision and recall of spam.</summary>
    public Estimate F1 => Bootstrapped(F1Of);

    // The 95 % interval of a figure over resamples of the mails (Efron's percentile bootstrap).
    private Estimate Bootstrapped(Func<int[], double> figure)
    {
        var random = new Random(1);
        int[] all = [.. Enumerable.Range(0, isSpam.Length)], drawn = new int[all.Length];
        double[] figures = new double[Resamples];
        for (int i = 0; i < Resamples; i++)
        {
            for (int j = 0; j < drawn.Length; j++) drawn[j] = random.Next(all.Length);
            figures[i] = figure(drawn);
        }

        Array.Sort(figures);
        double mean = figures.Average();
        double error = Math.Sqrt(figures.Sum(value => (value - mean) * (value - mean)) / (Resamples - 1));
        return new(figure(all), error, figures[(int)(0.025 * Resamples)], figures[(int)(0.975 * Resamples)]);
    }

    private double AucOf(int[] mails)
    {
        double wins = 0, spam = 0, others = 0;
        foreach (var same in mails.GroupBy(mail => probabilities[mail]).OrderBy(group => group.Key))
        {
            double spamHere = same.Count(mail => isSpam[mail]), othersHere = same.Count() - spamHere;
            wins += spamHere * (others + (othersHere / 2));
            (spam, others) = (spam + spamHere, others + othersHere);
        }

        return wins / (spam * others);
    }

    private double F1Of(int[] mails)
    {
        int found = mails.Count(mail => isSpam[mail] && Right[mail]), wrong = mails.Count(mail => !Right[mail]);
        return 2.0 * found / ((2 * found) + wrong);
    }
}
