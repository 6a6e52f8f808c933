namespace MLNet.Gpt.Evaluation.Intervals;

/// <summary>The standard normal distribution.</summary>
internal static class NormalDistribution
{
    // Coefficients of rational approximations, from the constant up: of the center, and of the two parts of the tails.
    private static readonly double[] CenterAbove =
    [
        3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
        4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
    ];

    private static readonly double[] CenterBelow =
    [
        1, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
        2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3,
    ];

    private static readonly double[] MiddleAbove =
    [
        1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
        1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4,
    ];

    private static readonly double[] MiddleBelow =
    [
        1, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
        1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9,
    ];

    private static readonly double[] TailAbove =
    [
        6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
        2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
    ];

    private static readonly double[] TailBelow =
    [
        1, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
        7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15,
    ];

    /// <summary>Returns the value below which a fraction of the distribution lies, to about 16 digits.</summary>
    /// <remarks>Source: Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution" (1988), PPND16.</remarks>
    /// <param name="fraction">Above 0 and below 1.</param>
    public static double Quantile(double fraction)
    {
        double q = fraction - 0.5;
        if (Math.Abs(q) <= 0.425)
        {
            double square = 0.180625 - (q * q);
            return q * Polynomial(CenterAbove, square) / Polynomial(CenterBelow, square);
        }

        double r = Math.Sqrt(-Math.Log(q < 0 ? fraction : 1 - fraction));
        double value = r <= 5
            ? Polynomial(MiddleAbove, r - 1.6) / Polynomial(MiddleBelow, r - 1.6)
            : Polynomial(TailAbove, r - 5) / Polynomial(TailBelow, r - 5);
        return Math.CopySign(value, q);
    }

    /// <summary>Returns the fraction of the distribution below a value, to about 15 decimals.</summary>
    /// <remarks>Source: Marsaglia, "Evaluating the Normal Distribution" (2004).</remarks>
    public static double Cumulative(double x)
    {
        if (Math.Abs(x) > 8) return x < 0 ? 0 : 1;
        double sum = x, term = x;
        for (int i = 3; Math.Abs(term) > 1e-17 * Math.Abs(sum); i += 2)
        {
            term *= x * x / i;
            sum += term;
        }

        return 0.5 + (sum * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI));
    }

    /// <summary>Returns z such that a fraction of the distribution lies between −z and z: 1.96 for 0.95.</summary>
    public static double TwoSided(double confidence) => -Quantile((1 - confidence) / 2);

    private static double Polynomial(double[] coefficients, double x)
    {
        double sum = 0;
        for (int i = coefficients.Length - 1; i >= 0; i--) sum = (sum * x) + coefficients[i];
        return sum;
    }
}
