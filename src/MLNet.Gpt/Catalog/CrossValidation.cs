using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Hosting;
using MLNet.Gpt.Numerics.Random;
using MLNet.Gpt.Views;

namespace MLNet.Gpt.Catalog;

/// <summary>Trains and evaluates once per fold, on the rows outside and inside the fold.</summary>
internal sealed class CrossValidation(MLContext context, GptOutputColumns columns, CancellationToken cancellationToken)
{
    public IReadOnlyList<TrainCatalogBase.CrossValidationResult<LanguageModelMetrics>> Run(
        IDataView data, IEstimator<ITransformer> estimator, int foldCount, string? samplingKeyColumnName, int? seed)
    {
        Check.AtLeast(foldCount, 2, "numberOfFolds");
        var environment = (IHostEnvironment)context;
        var cancellation = new Cancellation(environment.RegisterQuietly(nameof(CrossValidation)), cancellationToken);
        int[] folds = Assign(Groups(data, samplingKeyColumnName, cancellation), foldCount, seed ?? environment.Seed() ?? 0);
        var results = new List<TrainCatalogBase.CrossValidationResult<LanguageModelMetrics>>();
        using var channel = environment.Start(nameof(CrossValidation));
        for (int fold = 0; fold < foldCount; fold++)
        {
            cancellation.ThrowIfRequested();
            int held = fold;
            var model = estimator.Fit(new FilteredRows(data, row => folds[row] != held, folds.Length));
            var scored = model.Transform(new FilteredRows(data, row => folds[row] == held, folds.Length));
            var metrics = new LanguageModelEvaluator(context, columns).Evaluate(scored, progress: null, cancellationToken);
            results.Add(new(model, metrics, scored, fold));
            channel.Info(string.Create(
                CultureInfo.InvariantCulture,
                $"Fold {fold + 1} of {foldCount}: {metrics.CrossEntropy:F4} nats per token over ")
                + $"{Quantity.Of(metrics.DocumentCount, "row")}.");
        }

        return results;
    }

    /// <summary>
    /// Assigns whole groups to folds, at random and evenly: the largest group first, each to the fold with the fewest rows.
    /// </summary>
    /// <param name="groups">The group of each row.</param>
    /// <param name="foldCount">The number of folds.</param>
    /// <param name="seed">The seed of the order of groups of the same size.</param>
    /// <returns>The fold of each row.</returns>
    /// <exception cref="ArgumentException">There are fewer groups than folds.</exception>
    internal static int[] Assign(int[] groups, int foldCount, int seed)
    {
        int[] sizes = new int[groups.Length == 0 ? 0 : groups.Max() + 1];
        foreach (int group in groups) sizes[group]++;
        if (sizes.Length < foldCount)
        {
            throw new ArgumentException(
                $"{Quantity.Of(sizes.Length, "document")} (or as many groups of them) cannot be divided into {foldCount} folds.",
                nameof(groups));
        }

        int[] order = [.. Enumerable.Range(0, sizes.Length)];
        new SplitMix64((ulong)seed).Shuffle(order);

        int[] foldOfGroup = new int[sizes.Length];
        var folds = new PriorityQueue<int, (int Rows, int Fold)>(Enumerable.Range(0, foldCount).Select(fold => (fold, (0, fold))));
        foreach (int group in order.OrderByDescending(group => sizes[group]))
        {
            folds.TryDequeue(out int fold, out var load);
            foldOfGroup[group] = fold;
            folds.Enqueue(fold, (load.Rows + sizes[group], fold));
        }

        return Array.ConvertAll(groups, group => foldOfGroup[group]);
    }

    // Rows with the same key form a group; without keys, each row is a group.
    private int[] Groups(IDataView data, string? keyColumnName, Cancellation cancellation)
    {
        DataViewSchema.Column? key = null;
        if (keyColumnName is not null)
        {
            if (data.Schema.GetColumnOrNull(keyColumnName) is null)
            {
                throw TextColumn.Missing(nameof(keyColumnName), "sampling key", keyColumnName, data.Schema);
            }

            const string Group = "SamplingGroup";
            var toKey = context.Transforms.Conversion.MapValueToKey(Group, keyColumnName, maximumNumberOfKeys: int.MaxValue);
            data = toKey.Fit(data).Transform(data);
            key = data.Schema[Group];
        }

        var groups = new List<int>();
        using var cursor = data.GetRowCursor(key is { } active ? [active] : []);
        var getKey = key is { } column ? cursor.GetGetter<uint>(column) : null;
        int ownGroups = 0;
        var groupOfKey = new Dictionary<uint, int>();
        while (cursor.MoveNext())
        {
            cancellation.ThrowIfRequested();
            uint value = 0; // a missing key: the row forms its own group
            getKey?.Invoke(ref value);
            if (value == 0) groups.Add(ownGroups++);
            else if (groupOfKey.TryGetValue(value, out int group)) groups.Add(group);
            else groups.Add(groupOfKey[value] = ownGroups++);
        }

        return [.. groups];
    }
}
