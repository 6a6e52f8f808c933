using System.Globalization;
using System.Management.Automation;
using System.Text;

namespace MLNetGpt.Arguments;

/// <summary>
/// Accepts an encoding by one of the names that PowerShell's own cmdlets know, by code page, by its .NET name, or as an
/// object.
/// </summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class EncodingArgumentAttribute : ArgumentTransformationAttribute
{
    private static readonly Dictionary<string, Func<Encoding>> Known = new(StringComparer.OrdinalIgnoreCase)
    {
        ["ansi"] = () => OfCodePage(CultureInfo.CurrentCulture.TextInfo.ANSICodePage),
        ["ascii"] = () => Encoding.ASCII,
        ["bigendianunicode"] = () => Encoding.BigEndianUnicode,
        ["bigendianutf32"] = () => new UTF32Encoding(bigEndian: true, byteOrderMark: true),
        ["oem"] = () => OfCodePage(CultureInfo.CurrentCulture.TextInfo.OEMCodePage),
        ["unicode"] = () => Encoding.Unicode,
        ["utf32"] = () => Encoding.UTF32,
        ["utf8"] = () => Encoding.UTF8,
        ["utf8BOM"] = () => Encoding.UTF8, // reading skips a mark that is there
        ["utf8NoBOM"] = () => Encoding.UTF8,
    };

    /// <summary>The names, in alphabetical order.</summary>
    internal static IEnumerable<string> Names => Known.Keys;

    /// <inheritdoc/>
    public override object? Transform(EngineIntrinsics engineIntrinsics, object? inputData)
    {
        object? value = inputData is PSObject wrapped ? wrapped.BaseObject : inputData;
        try
        {
            return value switch
            {
                null or Encoding => value,
                string name when Known.TryGetValue(name, out var find) => find(),
                string name when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int page) => OfCodePage(page),
                string name => CodePagesEncodingProvider.Instance.GetEncoding(name) ?? Encoding.GetEncoding(name),
                int page => OfCodePage(page),
                _ => throw new ArgumentException($"A {value.GetType()} is not an encoding."),
            };
        }
        catch (Exception unknown) when (unknown is ArgumentException or NotSupportedException)
        {
            throw new ArgumentTransformationMetadataException(
                FormattableString.Invariant($"'{value}' is not an encoding. ")
                + $"Use {string.Join(", ", Names)}, a code page such as 1252, or a [System.Text.Encoding].",
                unknown);
        }
    }

    // The code pages of Windows are not registered in every process, and registering them would affect other code.
    private static Encoding OfCodePage(int page) => CodePagesEncodingProvider.Instance.GetEncoding(page) ?? Encoding.GetEncoding(page);
}
