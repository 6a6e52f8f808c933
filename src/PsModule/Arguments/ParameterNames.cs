using System.Text.RegularExpressions;

namespace MLNetGpt.Arguments;

/// <summary>The names that the settings of the library have as parameters of cmdlets.</summary>
/// <param name="settings">The type of the settings; a parameter has the same name.</param>
/// <param name="renamed">Settings whose parameter has another name, with that name.</param>
internal sealed partial class ParameterNames(Type settings, params (string Setting, string Parameter)[] renamed)
{
    private readonly Dictionary<string, string> _names = settings.GetProperties().Select(property => property.Name)
        .Except(renamed.Select(pair => pair.Setting)).Select(name => (name, name)).Concat(renamed).ToDictionary();

    /// <summary>Returns an error of the library in the words of PowerShell: <c>-FreezeWeight</c> for <c>FrozenWeights</c>.</summary>
    public ArgumentException Restate(ArgumentException refused)
    {
        string message = Word().Replace(
            Plain(refused).Message, match => _names.TryGetValue(match.Value, out string? name) ? $"-{name}" : match.Value);
        return new ArgumentException(message, refused);
    }

    /// <summary>Returns an error of the library without what .NET adds about its own parameters.</summary>
    public static ArgumentException Plain(ArgumentException refused) => new(DotNetParameter().Replace(refused.Message, ""), refused);

    // What ArgumentException and ArgumentOutOfRangeException add to a message.
    [GeneratedRegex(@" \(Parameter '[^']*'\)|\r?\nActual value was .*")]
    private static partial Regex DotNetParameter();

    [GeneratedRegex(@"(?<![-.'\w])[A-Z]\w+(?!\w)")]
    private static partial Regex Word();
}
