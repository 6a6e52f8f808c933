using System.Globalization;
using System.Numerics;

namespace MLNet.Gpt.Configuration;

/// <summary>
/// Checks of settings and arguments, shared by the whole library. Each returns the value that it checked. The exception
/// names the setting, the value and what is allowed, with numbers in the invariant culture.
/// </summary>
internal static class Check
{
    /// <summary>Throws if a value is below a minimum.</summary>
    public static T AtLeast<T>(T value, T minimum, string name)
        where T : struct, INumber<T> => value >= minimum ? value : throw OutOfRange(name, value, $"at least {Text(minimum)}");

    /// <summary>Throws if a value is below a minimum; <see langword="null"/> passes.</summary>
    public static T? AtLeast<T>(T? value, T minimum, string name)
        where T : struct, INumber<T> => value is { } given ? AtLeast(given, minimum, name) : null;

    /// <summary>Throws if a value is outside a range that includes both ends.</summary>
    public static T Between<T>(T value, T minimum, T maximum, string name)
        where T : struct, INumber<T> =>
        value >= minimum && value <= maximum ? value : throw OutOfRange(name, value, $"from {Text(minimum)} to {Text(maximum)}");

    /// <summary>Throws if a number is negative, infinite or NaN.</summary>
    public static double NotNegative(double value, string name) =>
        value >= 0 && double.IsFinite(value) ? value : throw OutOfRange(name, value, "at least 0 and finite");

    /// <summary>Throws if a number is not above 0, infinite or NaN.</summary>
    public static double Positive(double value, string name) => Above(value, 0, name);

    /// <summary>Throws if a number is not above a limit, infinite or NaN.</summary>
    public static double Above(double value, double limit, string name) =>
        value > limit && double.IsFinite(value) ? value : throw OutOfRange(name, value, $"above {Text(limit)} and finite");

    /// <summary>Throws if a fraction is outside [0, 1).</summary>
    public static double BelowOne(double value, string name) =>
        value is >= 0 and < 1 ? value : throw OutOfRange(name, value, "at least 0 and below 1");

    /// <summary>Throws if a fraction is not above 0 and below 1.</summary>
    public static double Fraction(double value, string name) =>
        value is > 0 and < 1 ? value : throw OutOfRange(name, value, "above 0 and below 1");

    /// <summary>Throws if a name is empty or missing.</summary>
    public static string NotEmpty(string value, string name) =>
        value is { Length: > 0 } ? value : throw new ArgumentException($"{name} is empty.", name);

    /// <summary>Throws if a range of elements extends past either end of a weight or tensor.</summary>
    /// <param name="start">Index of the first element.</param>
    /// <param name="length">Number of elements requested.</param>
    /// <param name="count">Number of elements that the tensor has.</param>
    /// <param name="tensor">The tensor's name.</param>
    public static void ElementRange(long start, int length, long count, string tensor)
    {
        if (start >= 0 && start <= count - length) return;
        throw new ArgumentOutOfRangeException(
            nameof(start), string.Create(
                CultureInfo.InvariantCulture, $"{length} elements from {start} reach outside '{tensor}', which has {count}."));
    }

    /// <summary>
    /// Throws if a value is not a member of its enumeration, such as one cast from a number in a file;
    /// <see langword="null"/> passes.
    /// </summary>
    public static T? Defined<T>(T? value, string name)
        where T : struct, Enum => value is { } given ? Defined(given, name) : null;

    /// <summary>
    /// Throws if a value is not a member of its enumeration, such as one cast from a number in a file.
    /// </summary>
    public static T Defined<T>(T value, string name)
        where T : struct, Enum => Enum.IsDefined(value) ? value : throw Undefined(value, name);

    /// <summary>
    /// Returns the exception for a value that is not a member of its enumeration, for the last case of a <c>switch</c>.
    /// </summary>
    public static ArgumentOutOfRangeException Undefined<T>(T value, string name)
        where T : struct, Enum => OutOfRange(name, value, $"one of {string.Join(", ", Enum.GetNames<T>())}");

    /// <summary>Returns the exception for a value that is not allowed.</summary>
    /// <param name="name">The setting or argument.</param>
    /// <param name="value">What was given.</param>
    /// <param name="allowed">What is allowed, to complete "it must be …".</param>
    public static ArgumentOutOfRangeException OutOfRange(string name, object value, string allowed) =>
        new(name, $"{name} is {Text(value)}; it must be {allowed}.");

    private static string Text(object value) =>
        value is IFormattable number ? number.ToString(null, CultureInfo.InvariantCulture) : value.ToString() ?? "";
}
