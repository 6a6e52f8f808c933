using MLNet.Gpt.Configuration;
using MLNet.Gpt.Numerics.Random;

namespace MLNet.Gpt;

/// <summary>Draws the weights of a new model. Needs no native library.</summary>
public static class WeightInitializer
{
    private const double Gpt2Deviation = 0.02;

    /// <summary>Draws a model's initial weights.</summary>
    /// <remarks>
    /// The numbers are those that PyTorch draws on an x86-64 processor with AVX2 after <c>torch.manual_seed(seed)</c>,
    /// bit for bit: by its default initializers in the order in which the book creates its modules and, for
    /// <see cref="WeightInitialization.Gpt2"/>, by redrawing every matrix with <c>normal_</c> in the order of the state
    /// dict. They are the same on every machine.
    /// </remarks>
    /// <param name="config">The model's sizes.</param>
    /// <param name="seed">The same seed gives the same weights. As in PyTorch, only its low 32 bits count.</param>
    /// <param name="initialization">The distributions; see <see cref="WeightInitialization"/>.</param>
    /// <exception cref="ArgumentException">The configuration's properties are inconsistent.</exception>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="initialization"/> is not defined.</exception>
    public static GptWeights Create(GptConfig config, long seed, WeightInitialization initialization = WeightInitialization.Default)
    {
        ArgumentNullException.ThrowIfNull(config);
        Check.Defined(initialization, nameof(initialization));
        var random = new PyTorchGenerator(seed);
        var arrays = WeightNames.For(config.Validated()).ToDictionary(entry => entry.Name, entry => new float[entry.ElementCount]);
        DrawDefaults(config, arrays, random);
        if (initialization == WeightInitialization.Gpt2
            || (initialization == WeightInitialization.Default && (config.HasTiedHead || !config.IsGpt2)))
        {
            RedrawAsGpt2(config, arrays, random);
        }

        return new GptWeights(config, arrays);
    }

    /// <summary>Draws a head of scores as PyTorch's <c>Linear(C, K)</c> after <c>torch.manual_seed(seed)</c>, as the book does.</summary>
    internal static (float[] Weight, float[] Bias) CreateScoreHead(GptConfig config, long seed)
    {
        int scores = config.ScoreCount!.Value;
        var random = new PyTorchGenerator(seed);
        float[] weight = new float[checked(scores * config.EmbeddingWidth)], bias = new float[scores];
        double bound = LinearBound(config.EmbeddingWidth), biasBound = 1 / Math.Sqrt(config.EmbeddingWidth);
        random.FillUniform(weight, -bound, bound);
        random.FillUniform(bias, -biasBound, biasBound);
        return (weight, bias);
    }

    // Kaiming's uniform distribution with a = √5, computed in PyTorch's steps: its bound is 1/√in up to rounding.
    private static double LinearBound(int inputs)
    {
        double gain = Math.Sqrt(2.0 / (1 + Math.Pow(Math.Sqrt(5), 2)));
        return Math.Sqrt(3) * (gain / Math.Sqrt(inputs));
    }

    private static void DrawDefaults(GptConfig config, Dictionary<string, float[]> arrays, PyTorchGenerator random)
    {
        int inputs = 0;
        foreach (var entry in WeightNames.For(config)) // the state dict has the order in which the book creates its modules
        {
            float[] elements = arrays[entry.Name];
            if (entry.Name is WeightNames.TokenEmbedding or WeightNames.PositionEmbedding)
            {
                random.FillNormal(elements, 0, 1);
            }
            else if (entry.Shape.Count == 2)
            {
                inputs = entry.Shape[1];
                double bound = LinearBound(inputs);
                random.FillUniform(elements, -bound, bound);
            }
            else if (IsBias(entry))
            {
                double bound = 1 / Math.Sqrt(inputs); // of the preceding matrix
                random.FillUniform(elements, -bound, bound);
            }
            else if (entry.Name.EndsWith(".scale", StringComparison.Ordinal))
            {
                elements.AsSpan().Fill(1);
            }
        }
    }

    private static void RedrawAsGpt2(GptConfig config, Dictionary<string, float[]> arrays, PyTorchGenerator random)
    {
        // Each layer adds to the residual stream twice; the scale keeps its variance from growing with depth.
        double residual = Gpt2Deviation / Math.Sqrt(2.0 * config.LayerCount);
        var residualProjections = Enumerable.Range(0, config.LayerCount)
            .SelectMany(layer => new[] { WeightNames.AttentionOutput(layer), WeightNames.FeedForwardOut(layer) })
            .ToHashSet();
        foreach (var entry in WeightNames.For(config))
        {
            float[] elements = arrays[entry.Name];
            if (entry.Shape.Count == 2) random.FillNormal(elements, 0, residualProjections.Contains(entry.Name) ? residual : Gpt2Deviation);
            else if (IsBias(entry)) Array.Clear(elements);
        }
    }

    private static bool IsBias(WeightEntry entry) => entry.Name.EndsWith(".bias", StringComparison.Ordinal);
}
