namespace MLNet.Gpt.Tests.Loss;

/// <summary>
/// Cross-entropy computed with 28 decimal digits by the schoolbook series: slow, and independent of the library's
/// method.
/// </summary>
internal static class DecimalReference
{
    /// <summary>ln Σ exp(logit − logit of the target).</summary>
    public static decimal NegativeLogLikelihood(ReadOnlySpan<float> logits, int target)
    {
        decimal sum = 0;
        foreach (float logit in logits) sum += Exponential((decimal)(double)logit - (decimal)(double)logits[target]);
        return Logarithm(sum);
    }

    // exp x = (exp(x / 2^10))^(2^10)
    private static decimal Exponential(decimal x)
    {
        decimal small = x / 1024, term = 1, sum = 1;
        for (int n = 1; n < 30; n++)
        {
            term *= small / n;
            sum += term;
        }

        for (int i = 0; i < 10; i++) sum *= sum;
        return sum;
    }

    // Newton: y ← y + x · exp(−y) − 1
    private static decimal Logarithm(decimal x)
    {
        decimal y = (decimal)Math.Log((double)x);
        for (int i = 0; i < 4; i++) y += (x * Exponential(-y)) - 1;
        return y;
    }
}
