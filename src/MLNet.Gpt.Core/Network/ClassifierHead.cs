namespace MLNet.Gpt.Network;

/// <summary>
/// A linear layer that takes the last token's hidden state to one logit per class, or to one number: y = W h + b.
/// </summary>
/// <param name="Weight">W, (K, C), row-major.</param>
/// <param name="Bias">b, (K).</param>
/// <param name="Labels">The names of the classes, K; of a regression, the name of its number.</param>
/// <param name="IsRegression">Whether the one output is the number itself.</param>
internal sealed record ClassifierHead(float[] Weight, float[] Bias, IReadOnlyList<string> Labels, bool IsRegression)
{
    /// <summary>K.</summary>
    public int OutputCount => Bias.Length;

    /// <summary>C.</summary>
    public int Width => Weight.Length / Bias.Length;

    /// <summary>Computes the outputs in double precision, in the order of the elements: the same bits on every machine.</summary>
    public float[] Apply(ReadOnlySpan<float> state)
    {
        float[] outputs = new float[OutputCount];
        for (int i = 0; i < outputs.Length; i++)
        {
            var row = Weight.AsSpan(i * state.Length, state.Length);
            double sum = 0;
            for (int j = 0; j < row.Length; j++) sum += (double)row[j] * state[j];
            outputs[i] = (float)(sum + Bias[i]);
        }

        return outputs;
    }
}

/// <summary>What a folder has besides the decoder if it is a model for sequence classification.</summary>
/// <param name="Head">The classes and the layer that scores them.</param>
/// <param name="Texts">How texts are read.</param>
internal sealed record StoredClassifier(ClassifierHead Head, ClassifierTextOptions Texts);
