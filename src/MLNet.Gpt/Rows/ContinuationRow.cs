namespace MLNet.Gpt.Rows;

/// <summary>The scores of a row's continuations, in order.</summary>
internal sealed record ContinuationRow(
    string Context, string[] Continuations, double[] LogLikelihoods, long[] TokenCounts, bool[] AreGreedy, int PredictedIndex)
{
    /// <summary>The softmax of the log-likelihoods; 0 for an empty continuation, unless all are empty.</summary>
    public float[] Probabilities => field ??= Softmax();

    /// <summary>Scores a row's continuations together; they share what they do with the context.</summary>
    public static ContinuationRow Of(
        string context, string[] continuations, ContinuationTransformerOptions options, ContinuationScorer scorer,
        CancellationToken cancellationToken)
    {
        int[] present = [.. Enumerable.Range(0, continuations.Length).Where(i => continuations[i].Length > 0)];
        var scores = scorer.Score(
            context, [.. present.Select(i => options.Delimiter + continuations[i])], cancellationToken);
        double[] likelihoods = new double[continuations.Length];
        long[] counts = new long[continuations.Length];
        bool[] greedy = new bool[continuations.Length];
        Array.Fill(likelihoods, double.NaN);
        int predicted = -1;
        double greatest = double.NaN;
        for (int i = 0; i < present.Length; i++)
        {
            var (index, score) = (present[i], scores[i]);
            (likelihoods[index], counts[index], greedy[index]) = (score.LogLikelihood, score.TokenCount, score.IsGreedy);
            double value = ChoiceScore.Of(score, continuations[index]).Normalized(options.Normalization);
            if (predicted < 0 || value > greatest) (predicted, greatest) = (index, value);
        }

        return new(context, continuations, likelihoods, counts, greedy, predicted);
    }

    private float[] Softmax()
    {
        double greatest = LogLikelihoods.Where(value => !double.IsNaN(value)).DefaultIfEmpty(double.NaN).Max();
        double[] exponentials = [.. LogLikelihoods.Select(value => double.IsNaN(value) ? 0 : Math.Exp(value - greatest))];
        double sum = exponentials.Sum();
        return [.. exponentials.Select(value => (float)(value / sum))];
    }
}
