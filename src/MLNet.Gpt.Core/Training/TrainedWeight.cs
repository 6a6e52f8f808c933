using System.IO.Enumeration;
using MLNet.Gpt.Network;

namespace MLNet.Gpt.Training;

/// <summary>A weight that is trained, and its weight decay.</summary>
/// <param name="Entry">Its name and shape.</param>
/// <param name="WeightDecay">AdamW's weight decay for it.</param>
internal sealed record TrainedWeight(WeightEntry Entry, double WeightDecay)
{
    /// <summary>
    /// Returns the weights that are not frozen, in the order of <see cref="WeightNames.For"/>; there may be none besides adapters.
    /// </summary>
    /// <exception cref="ArgumentException">
    /// A pattern matches no weight, all weights are frozen, the engine does not train adapters, or there is an initial adapter
    /// although none is trained.
    /// </exception>
    public static IReadOnlyList<TrainedWeight> For(GptConfig config, TrainingOptions options)
    {
        WeightEntry[] all = [.. WeightNames.For(config)];
        if (options.Lora is { } lora) return For(config, options, lora);
        if (options.InitialAdapter is not null)
        {
            throw new ArgumentException(
                $"{nameof(options.InitialAdapter)} is set, but {nameof(options.Lora)} is not; set both to train the adapter further.");
        }

        foreach (string pattern in options.FrozenWeights)
        {
            if (all.Any(entry => Fits(pattern, entry))) continue;
            string first = string.Join(", ", all.Take(5).Select(entry => entry.Name));
            throw new ArgumentException(
                $"{nameof(options.FrozenWeights)} has '{pattern}', which matches no weight; the first weights are {first}.");
        }

        TrainedWeight[] trained = [.. all
            .Where(entry => !options.FrozenWeights.Any(pattern => Fits(pattern, entry)))
            .Select(entry => new TrainedWeight(entry, DecayOf(entry, options)))];
        return trained.Length > 0 ? trained : throw new ArgumentException($"{nameof(options.FrozenWeights)} leaves no weight to train.");
    }

    private static IReadOnlyList<TrainedWeight> For(GptConfig config, TrainingOptions options, LoraOptions lora)
    {
        if (!options.Engine.TrainsAdapters)
        {
            throw new ArgumentException(
                $"{nameof(options.Lora)} is set, but the engine is {options.Engine}; only {TrainingEngine.Managed} trains adapters.");
        }

        if (options.FrozenWeights.Count > 0)
        {
            throw new ArgumentException(
                $"{nameof(options.FrozenWeights)} has '{options.FrozenWeights[0]}', but with {nameof(options.Lora)} all weights are "
                + $"frozen except those in {nameof(lora.TrainedWeights)}; set only one of them.");
        }

        _ = LoraTargets.Of(config, lora);
        return [.. LoraTargets.TrainedInFull(config, lora).Select(entry => new TrainedWeight(entry, DecayOf(entry, options)))];
    }

    private static double DecayOf(WeightEntry entry, TrainingOptions options) =>
        options.DecayMatricesOnly && entry.Shape.Count < 2 ? 0 : options.WeightDecay;

    private static bool Fits(string pattern, WeightEntry entry) =>
        FileSystemName.MatchesSimpleExpression(pattern, entry.Name, ignoreCase: false);
}
