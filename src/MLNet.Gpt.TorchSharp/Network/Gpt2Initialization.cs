using TorchSharp;
using TorchSharp.Modules;

namespace MLNet.Gpt.TorchSharp;

/// <summary>Redraws a network's weights from GPT-2's distributions.</summary>
internal static class Gpt2Initialization
{
    private const double StandardDeviation = 0.02;

    public static void Apply(GptConfig config, IReadOnlyDictionary<string, Parameter> parameters)
    {
        using var noGradients = torch.no_grad();

        // Each layer adds to the residual stream twice; the scale keeps the variance from growing with depth.
        double residual = StandardDeviation / Math.Sqrt(2.0 * config.LayerCount);
        var residualProjections = Enumerable.Range(0, config.LayerCount)
            .SelectMany(layer => new[] { WeightNames.AttentionOutput(layer), WeightNames.FeedForwardOut(layer) })
            .ToHashSet();
        foreach (var entry in WeightNames.For(config))
        {
            var parameter = parameters[entry.Name];
            if (entry.Shape.Count == 2) parameter.normal_(0, residualProjections.Contains(entry.Name) ? residual : StandardDeviation);
            else if (entry.Name.EndsWith(".bias", StringComparison.Ordinal)) parameter.zero_();
        }
    }
}
