
namespace MLNet.Gpt.Tests.Inference;

/// <summary>GPT-2's forward pass as in the book, one sum after the other, in double precision.</summary>
internal sealed class ReferenceForward(GptWeights weights)
{
    private readonly GptConfig _config = weights.Config;

    /// <summary>The hidden states after the last layer norm, [T][C].</summary>
    public double[][] HiddenStates(ReadOnlySpan<int> ids)
    {
        int c = _config.EmbeddingWidth;
        var x = new double[ids.Length][];
        for (int t = 0; t < ids.Length; t++)
        {
            x[t] = new double[c];
            for (int i = 0; i < c; i++)
            {
                x[t][i] = weights[WeightNames.TokenEmbedding][(ids[t] * c) + i]
                    + (double)weights[WeightNames.PositionEmbedding][(t * c) + i];
            }
        }

        for (int layer = 0; layer < _config.LayerCount; layer++)
        {
            AddInto(x, Attention(layer, Normalize(x, WeightNames.AttentionNormScale(layer), WeightNames.AttentionNormShift(layer))));
            AddInto(x, FeedForward(layer, Normalize(x, WeightNames.FeedForwardNormScale(layer), WeightNames.FeedForwardNormShift(layer))));
        }

        return Normalize(x, WeightNames.FinalNormScale, WeightNames.FinalNormShift);
    }

    /// <summary>The logits of every position, [T][V].</summary>
    public double[][] Logits(ReadOnlySpan<int> ids) =>
        Linear(HiddenStates(ids), _config.HasTiedHead ? WeightNames.TokenEmbedding : WeightNames.Head, null, _config.VocabularySize);

    private double[][] Attention(int layer, double[][] x)
    {
        int c = _config.EmbeddingWidth, size = _config.HeadSize;
        bool bias = _config.HasQkvBias;
        var queries = Linear(x, WeightNames.Query(layer), bias ? WeightNames.QueryBias(layer) : null, c);
        var keys = Linear(x, WeightNames.Key(layer), bias ? WeightNames.KeyBias(layer) : null, c);
        var values = Linear(x, WeightNames.Value(layer), bias ? WeightNames.ValueBias(layer) : null, c);
        var gathered = new double[x.Length][];
        for (int t = 0; t < x.Length; t++)
        {
            gathered[t] = new double[c];
            for (int head = 0; head < _config.HeadCount; head++)
            {
                double[] scores = new double[t + 1];
                for (int s = 0; s <= t; s++)
                {
                    for (int i = head * size; i < (head + 1) * size; i++) scores[s] += queries[t][i] * keys[s][i];
                    scores[s] /= Math.Sqrt(size);
                }

                double maximum = scores.Max(), sum = scores.Sum(score => Math.Exp(score - maximum));
                for (int s = 0; s <= t; s++)
                {
                    double weight = Math.Exp(scores[s] - maximum) / sum;
                    for (int i = head * size; i < (head + 1) * size; i++) gathered[t][i] += weight * values[s][i];
                }
            }
        }

        return Linear(gathered, WeightNames.AttentionOutput(layer), WeightNames.AttentionOutputBias(layer), c);
    }

    private double[][] FeedForward(int layer, double[][] x)
    {
        var hidden = Linear(x, WeightNames.FeedForwardIn(layer), WeightNames.FeedForwardInBias(layer), _config.FeedForwardWidth);
        foreach (double[] row in hidden)
        {
            for (int i = 0; i < row.Length; i++)
            {
                double h = row[i];
                row[i] = 0.5 * h * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (h + (0.044715 * h * h * h))));
            }
        }

        return Linear(hidden, WeightNames.FeedForwardOut(layer), WeightNames.FeedForwardOutBias(layer), _config.EmbeddingWidth);
    }

    private double[][] Linear(double[][] x, string name, string? biasName, int outputs)
    {
        var y = new double[x.Length][];
        var matrix = weights[name];
        for (int t = 0; t < x.Length; t++)
        {
            int depth = x[t].Length;
            y[t] = new double[outputs];
            for (int output = 0; output < outputs; output++)
            {
                double sum = biasName is null ? 0 : weights[biasName][output];
                for (int k = 0; k < depth; k++) sum += x[t][k] * matrix[(output * depth) + k];
                y[t][output] = sum;
            }
        }

        return y;
    }

    private double[][] Normalize(double[][] x, string scaleName, string shiftName)
    {
        var y = new double[x.Length][];
        for (int t = 0; t < x.Length; t++)
        {
            double mean = x[t].Average(), variance = x[t].Average(value => (value - mean) * (value - mean));
            y[t] = new double[x[t].Length];
            for (int i = 0; i < y[t].Length; i++)
            {
                y[t][i] = (
                    (x[t][i] - mean) / Math.Sqrt(variance + 1e-5) * weights[scaleName][i]) + weights[shiftName][i];
            }
        }

        return y;
    }

    private static void AddInto(double[][] x, double[][] y)
    {
        for (int t = 0; t < x.Length; t++)
        {
            for (int i = 0; i < x[t].Length; i++) x[t][i] += y[t][i];
        }
    }
}
