namespace MLNet.Gpt.Evaluation.Intervals;

/// <summary>Quantiles of Student's t distribution.</summary>
internal static class StudentT
{
    /// <summary>Returns t such that a fraction of the distribution lies between −t and t.</summary>
    /// <remarks>
    /// Source: Hill, "Algorithm 396: Student's t-Quantiles" (1970): exact for 1 and 2 degrees of freedom, elsewhere to at least 4 digits.
    /// </remarks>
    /// <param name="confidence">Above 0 and below 1.</param>
    /// <param name="degreesOfFreedom">n − 1 for the mean of n values; at least 1.</param>
    public static double TwoSided(double confidence, double degreesOfFreedom)
    {
        double n = degreesOfFreedom, tails = 1 - confidence;
        if (n == 1) return 1 / Math.Tan(tails * Math.PI / 2);
        if (n == 2) return Math.Sqrt((2 / (tails * (2 - tails))) - 2);

        double a = 1 / (n - 0.5), b = 48 / (a * a);
        double c = (((((20700 * a) / b) - 98) * a - 16) * a) + 96.36;
        double d = ((((94.5 / (b + c)) - 3) / b) + 1) * Math.Sqrt(a * Math.PI / 2) * n;
        double y = Math.Pow(d * tails, 2 / n);
        if (y > 0.05 + a)
        {
            double x = NormalDistribution.Quantile(tails / 2);
            y = x * x;
            if (n < 5) c += 0.3 * (n - 4.5) * (x + 0.6);
            c = (((((((0.05 * d * x) - 5) * x) - 7) * x) - 2) * x) + b + c;
            y = ((((((((((0.4 * y) + 6.3) * y) + 36) * y) + 94.5) / c) - y - 3) / b) + 1) * x;
            y = a * y * y;
            y = y > 0.002 ? Math.Exp(y) - 1 : (0.5 * y * y) + y;
        }
        else
        {
            y = (((((1 / (((((n + 6) / (n * y)) - (0.089 * d) - 0.822) * (n + 2)) * 3)) + (0.5 / (n + 4))) * y) - 1)
                * (n + 1) / (n + 2)) + (1 / y);
        }

        return Math.Sqrt(n * y);
    }
}
