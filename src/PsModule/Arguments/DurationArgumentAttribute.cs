using System.Globalization;
using System.Management.Automation;

namespace MLNetGpt.Arguments;

/// <summary>
/// Accepts a duration as a number of seconds, as a <see cref="TimeSpan"/>, or as text in its form. PowerShell alone
/// would read the number 30 as 30 ticks and the text '30' as 30 days.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DurationArgumentAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        try
        {
            return value switch
            {
                null or TimeSpan => value,
                string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double seconds) =>
                    TimeSpan.FromSeconds(seconds),
                string text => TimeSpan.Parse(text, CultureInfo.InvariantCulture),
                sbyte or byte or short or ushort or int or uint or long or ulong or float or double or decimal =>
                    TimeSpan.FromSeconds(Convert.ToDouble(value, CultureInfo.InvariantCulture)),
                _ => throw new FormatException($"A {value.GetType()} is not a duration."),
            };
        }
        catch (Exception wrong) when (wrong is FormatException or OverflowException or ArgumentException)
        {
            throw new ArgumentTransformationMetadataException(
                FormattableString.Invariant($"'{value}' is not a duration. ")
                + "Give a number of seconds, a text such as '00:05:00' or '1.00:00:00', or a [timespan].",
                wrong);
        }
    }
}
