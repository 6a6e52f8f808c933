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
        string message = DotNetParameter().Replace(refused.Message, "");
        message = Word().Replace(message, match => _names.TryGetValue(match.Value, out string? name) ? $"-{name}" : match.Value);
        return new ArgumentException(message, refused);
    }

    // What ArgumentException and ArgumentOutOfRangeException add to a message.
    [GeneratedRegex(@" \(Parameter '[^']*'\)|\r?\nActual value was .*")]
    private static partial Regex DotNetParameter();

    [GeneratedRegex(@"(?<![-.'\w])[A-Z]\w+(?!\w)")]
    private static partial Regex Word();
}
