using System.IO.Enumeration;

namespace MLNet.Gpt.Network;

/// <summary>Which matrices have an adapter, and the names of the adapters' weights.</summary>
internal static class LoraTargets
{
    private const string Suffix = ".weight";

    /// <summary>Returns the matrices of linear layers with their shapes: those of the blocks, then the head.</summary>
    public static IEnumerable<WeightEntry> Candidates(GptConfig config)
    {
        foreach (var entry in WeightNames.For(config))
        {
            bool isEmbedding = entry.Name is WeightNames.TokenEmbedding or WeightNames.PositionEmbedding;
            if (entry.Shape.Count == 2 && !isEmbedding) yield return entry;
        }

        if (IsTied(config)) yield return new(WeightNames.Head, [config.VocabularySize, config.EmbeddingWidth]);
    }

    /// <summary>Returns whether the head is the token embedding, so that an adapter of it is not one of the embedding.</summary>
    public static bool IsTied(GptConfig config) => config.HasTiedHead && config.ScoreCount is null;

    /// <summary>Returns the names by which adapters know the parts of a matrix: a tied embedding is used as the head.</summary>
    public static string[] NamesOf(GptConfig config, MatrixEntry entry) =>
        IsTied(config) && entry.Names is [WeightNames.TokenEmbedding] ? [WeightNames.Head] : entry.Names;

    /// <summary>Returns the matrices that have an adapter.</summary>
    /// <exception cref="ArgumentException">A pattern matches no linear layer, or there is none.</exception>
    public static IReadOnlyList<WeightEntry> Of(GptConfig config, LoraOptions options)
    {
        WeightEntry[] all = [.. Candidates(config)];
        foreach (string pattern in options.Targets)
        {
            if (all.Any(entry => Matches(pattern, entry.Name))) continue;
            string layers = string.Join(", ", all.Where(entry => !entry.Name.Contains(".1.", StringComparison.Ordinal)).Take(8)
                .Select(entry => entry.Name));
            throw new ArgumentException(
                $"{nameof(options.Targets)} has '{pattern}', which matches no linear layer; the first ones are {layers}.");
        }

        WeightEntry[] targets = [.. all.Where(entry => Matches(options.Targets, entry.Name))];
        if (targets.Length == 0) throw new ArgumentException($"{nameof(options.Targets)} is empty; name at least one linear layer.");
        foreach (string pattern in options.TrainedWeights)
        {
            var full = WeightNames.For(config).Where(entry => Matches(pattern, entry.Name)).ToArray();
            if (full.Length == 0)
            {
                throw new ArgumentException($"{nameof(options.TrainedWeights)} has '{pattern}', which matches no weight of the model.");
            }

            if (Array.Find(targets, target => Array.Exists(full, entry => entry.Name == target.Name)) is { } both)
            {
                throw new ArgumentException(
                    $"'{both.Name}' is both in {nameof(options.Targets)} and in {nameof(options.TrainedWeights)}; choose one.");
            }
        }

        return targets;
    }

    /// <summary>
    /// Returns the weights that are trained in full: those that the options name, and a head of scores that has no adapter.
    /// </summary>
    public static IReadOnlyList<WeightEntry> TrainedInFull(GptConfig config, LoraOptions options)
    {
        bool isHeadTrained = config.ScoreCount is not null && !Matches(options.Targets, WeightNames.Score);
        return [.. WeightNames.For(config).Where(entry => Matches(options.TrainedWeights, entry.Name)
            || (isHeadTrained && entry.Name is (WeightNames.Score or WeightNames.ScoreBias)))];
    }

    /// <summary>Returns the numbers that training with adapters changes, from shapes alone.</summary>
    public static long ParameterCount(GptConfig config, LoraOptions options) =>
        Of(config, options).Sum(entry => (long)options.Rank * (entry.Shape[0] + entry.Shape[1]))
        + TrainedInFull(config, options).Sum(entry => entry.ElementCount);

    /// <summary>Returns whether one of the patterns matches a name.</summary>
    public static bool Matches(IReadOnlyList<string> patterns, string name) => patterns.Any(pattern => Matches(pattern, name));

    /// <summary>The name of A of an adapter.</summary>
    public static string NameOfA(string target) => $"{target[..^Suffix.Length]}.lora_A.weight";

    /// <summary>The name of B of an adapter.</summary>
    public static string NameOfB(string target) => $"{target[..^Suffix.Length]}.lora_B.weight";

    private static bool Matches(string pattern, string name) => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false);
}
