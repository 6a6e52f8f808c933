using System.IO.Enumeration;

namespace MLNet.Gpt.Training;

/// <summary>A weight that is trained, and its weight decay.</summary>
/// <param name="Entry">Its name and shape.</param>
/// <param name="WeightDecay">AdamW's weight decay for it.</param>
internal sealed record TrainedWeight(WeightEntry Entry, double WeightDecay)
{
    /// <summary>Returns the weights that are not frozen, in the order of <see cref="WeightNames.For"/>.</summary>
    /// <exception cref="ArgumentException">A pattern matches no weight, or all weights are frozen.</exception>
    public static IReadOnlyList<TrainedWeight> For(GptConfig config, TrainingOptions options)
    {
        WeightEntry[] all = [.. WeightNames.For(config)];
        foreach (string pattern in options.FrozenWeights)
        {
            if (all.Any(entry => Fits(pattern, entry))) continue;
            string first = string.Join(", ", all.Take(5).Select(entry => entry.Name));
            throw new ArgumentException(
                $"{nameof(options.FrozenWeights)} has '{pattern}', which matches no weight; the first weights are {first}.");
        }

        TrainedWeight[] trained = [.. all
            .Where(entry => !options.FrozenWeights.Any(pattern => Fits(pattern, entry)))
            .Select(entry => new TrainedWeight(entry, options.DecayMatricesOnly && entry.Shape.Count < 2 ? 0 : options.WeightDecay))];
        return trained.Length > 0 ? trained : throw new ArgumentException($"{nameof(options.FrozenWeights)} leaves no weight to train.");
    }

    private static bool Fits(string pattern, WeightEntry entry) =>
        FileSystemName.MatchesSimpleExpression(pattern, entry.Name, ignoreCase: false);
}
