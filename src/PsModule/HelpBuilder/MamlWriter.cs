using System.Globalization;
using System.Management.Automation;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace MLNetGpt.HelpBuilder;

/// <summary>
/// Writes a cmdlet's help as Get-Help reads it: the text from its page; syntax, types, positions, values and defaults
/// from the cmdlet itself. The default of a parameter whose property is null comes from its text (<c>10 by default</c>).
/// </summary>
internal static partial class MamlWriter
{
    public static readonly XNamespace Root = "http://msh";
    private static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    private static readonly HashSet<string> Common = [.. Cmdlet.CommonParameters, .. Cmdlet.OptionalCommonParameters];

    /// <summary>Writes the help of a cmdlet. Links lead below the address of the project, where it has one.</summary>
    public static XElement Write(CmdletInfo cmdlet, HelpPage page, string? projectUrl)
    {
        object instance = Activator.CreateInstance(cmdlet.ImplementingType)!;
        XElement Parameter(CommandParameterInfo parameter, string text) =>
            MamlWriter.Parameter(parameter, text, DefaultValue(parameter, instance, text));
        var texts = page.Section("Parameters").Entries.ToDictionary(entry => entry.Heading.TrimStart('-'), entry => entry.Text);
        var own = cmdlet.ParameterSets.SelectMany(set => set.Parameters).Where(IsOwn).Select(parameter => parameter.Name).ToHashSet();
        if (own.Except(texts.Keys).Order().ToArray() is [_, ..] missing)
        {
            throw Wrong(cmdlet, $"does not describe {string.Join(", ", missing)}");
        }

        if (texts.Keys.Except(own).Order().ToArray() is [_, ..] unknown)
        {
            throw Wrong(cmdlet, $"describes parameters that are not there: {string.Join(", ", unknown)}");
        }

        if (page.Section("Examples").Entries.Count == 0) throw Wrong(cmdlet, "has no example");

        return new XElement(
            Command + "command",
            new XAttribute(XNamespace.Xmlns + "maml", Maml),
            new XAttribute(XNamespace.Xmlns + "command", Command),
            new XAttribute(XNamespace.Xmlns + "dev", Dev),
            new XElement(
                Command + "details",
                new XElement(Command + "name", cmdlet.Name),
                new XElement(Command + "verb", cmdlet.Verb),
                new XElement(Command + "noun", cmdlet.Noun),
                Description(page.Synopsis)),
            Description(page.Description),
            new XElement(Command + "syntax", cmdlet.ParameterSets.Select(set => new XElement(
                Command + "syntaxItem",
                new XElement(Maml + "name", cmdlet.Name),
                Ordered(set).Select(parameter => Parameter(parameter, texts[parameter.Name]))))),
            new XElement(Command + "parameters", AllParameters(cmdlet).Select(parameter => Parameter(parameter, texts[parameter.Name]))),
            new XElement(Command + "inputTypes", page.Section("Inputs").Entries.Select(entry => Value("inputType", entry))),
            new XElement(Command + "returnValues", page.Section("Outputs").Entries.Select(entry => Value("returnValue", entry))),
            new XElement(Maml + "alertSet", new XElement(Maml + "alert", Paragraphs(page.Section("Notes").Text))),
            new XElement(Command + "examples", page.Section("Examples").Entries.Select(Example)),
            new XElement(
                Command + "relatedLinks",
                OnlineVersion(cmdlet, projectUrl),
                Links(page.Section("Links").Text)));
    }

    private static bool IsOwn(CommandParameterInfo parameter) => !Common.Contains(parameter.Name);

    private static IEnumerable<CommandParameterInfo> Ordered(CommandParameterSetInfo set) => set.Parameters.Where(IsOwn)
        .OrderBy(parameter => parameter.Position < 0 ? int.MaxValue : parameter.Position)
        .ThenByDescending(parameter => parameter.IsMandatory);

    private static IEnumerable<CommandParameterInfo> AllParameters(CmdletInfo cmdlet) =>
        cmdlet.ParameterSets.SelectMany(Ordered).DistinctBy(parameter => parameter.Name)
            .OrderBy(parameter => parameter.Name, StringComparer.Ordinal);

    private static XElement Parameter(CommandParameterInfo parameter, string text, string? defaultValue)
    {
        var pipeline = new List<string>();
        if (parameter.ValueFromPipeline) pipeline.Add("ByValue");
        if (parameter.ValueFromPipelineByPropertyName) pipeline.Add("ByPropertyName");
        bool globbing = parameter.Attributes.OfType<SupportsWildcardsAttribute>().Any();
        var element = new XElement(
            Command + "parameter",
            new XAttribute("required", Flag(parameter.IsMandatory)),
            new XAttribute("variableLength", Flag(parameter.ParameterType.IsArray)),
            new XAttribute("globbing", Flag(globbing)),
            new XAttribute("pipelineInput", pipeline.Count > 0 ? $"True ({string.Join(", ", pipeline)})" : "False"),
            new XAttribute("position", parameter.Position < 0 ? "named" : parameter.Position.ToString(CultureInfo.InvariantCulture)),
            new XAttribute("aliases", parameter.Aliases.Count > 0 ? string.Join(", ", parameter.Aliases) : "none"),
            new XElement(Maml + "name", parameter.Name),
            Description(text));
        string[] values = Values(parameter);
        if (values.Length > 0)
        {
            element.Element(Maml + "description")!.Add(Paragraph($"Values: {string.Join(", ", values)}."));
            element.Add(new XElement(Command + "parameterValueGroup", values.Select(value => ParameterValue(value, false))));
        }

        if (parameter.ParameterType != typeof(SwitchParameter))
        {
            element.Add(ParameterValue(TypeName(parameter.ParameterType), parameter.ParameterType.IsArray));
        }

        element.Add(new XElement(Dev + "type", new XElement(Maml + "name", TypeName(parameter.ParameterType))));
        element.Add(new XElement(Dev + "defaultValue", defaultValue ?? "None"));
        return element;
    }

    private static XElement ParameterValue(string text, bool isArray) => new(
        Command + "parameterValue", new XAttribute("required", "true"), new XAttribute("variableLength", Flag(isArray)), text);

    // What an enumeration or a ValidateSet allows.
    private static string[] Values(CommandParameterInfo parameter)
    {
        var type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
        if (type.IsEnum) return Enum.GetNames(type);
        return parameter.Attributes.OfType<ValidateSetAttribute>().FirstOrDefault() is { } set ? [.. set.ValidValues] : [];
    }

    // A number that the parameter itself would refuse stands for one that was not given.
    private static string? DefaultValue(CommandParameterInfo parameter, object cmdlet, string text)
    {
        if (parameter.ParameterType == typeof(SwitchParameter)) return "False";
        if (parameter.IsMandatory) return null;
        string? value = cmdlet.GetType().GetProperty(parameter.Name)?.GetValue(cmdlet) switch
        {
            string { Length: > 0 } name => name,
            Enum name => name.ToString(),
            System.Text.Encoding encoding => encoding.WebName,
            IFormattable number when number is int or long or float or double or TimeSpan && IsAllowed(parameter, number) =>
                number.ToString(null, CultureInfo.InvariantCulture),
            _ => null,
        };
        return value ?? (DefaultInText().Match(text) is { Success: true } match
            ? (match.Groups[1].Value + match.Groups[2].Value).Trim('`')
            : null);
    }

    private static bool IsAllowed(CommandParameterInfo parameter, object number) =>
        parameter.Attributes.OfType<ValidateRangeAttribute>().All(
            range => range.MinRange is not IComparable least || (least.GetType() == number.GetType() && least.CompareTo(number) <= 0));

    // As in "10 by default", "`gpt2` (the default)" and "The default is 123".
    [GeneratedRegex(
        @"(?:^|[\s(])(`[^`\s]+`|[0-9][\w.+-]*(?:\s[KMG]i?B)?)(?=,?\s(?:\(the\sdefault|by\sdefault))"
            + @"|[Tt]he\sdefault\sis\s(`[^`\s]+`|[0-9][\w+-]*(?:\.[0-9][\w+-]*)?)")]
    private static partial Regex DefaultInText();

    private static string TypeName(Type type)
    {
        if (Nullable.GetUnderlyingType(type) is { } underlying) return TypeName(underlying);
        return type.IsArray ? $"{TypeName(type.GetElementType()!)}[]" : type.Name;
    }

    private static XElement Value(string name, (string Heading, string Text) entry) => new(
        Command + name, new XElement(Dev + "type", new XElement(Maml + "name", entry.Heading)), Description(entry.Text));

    private static XElement Example((string Heading, string Text) entry, int index)
    {
        string[] parts = entry.Text.Split("```", 3);
        if (parts.Length < 3) throw new InvalidDataException($"The example '{entry.Heading}' has no fenced code.");
        string code = parts[1][(parts[1].IndexOf('\n', StringComparison.Ordinal) + 1)..].TrimEnd();
        string remarks = string.Join("\n\n", new[] { parts[0], parts[2] }.Select(part => part.Trim()).Where(part => part.Length > 0));
        return new XElement(
            Command + "example",
            new XElement(Maml + "title", $"Example {index + 1}: {entry.Heading}"),
            new XElement(Dev + "code", code),
            // The empty paragraphs part an example from the next.
            new XElement(Dev + "remarks", Paragraphs(remarks), Paragraph(""), Paragraph("")));
    }

    // The first link is where Get-Help -Online leads.
    private static XElement? OnlineVersion(CmdletInfo cmdlet, string? projectUrl) => projectUrl is null ? null : new XElement(
        Maml + "navigationLink",
        new XElement(Maml + "linkText", "Online Version:"),
        new XElement(Maml + "uri", $"{projectUrl}/blob/HEAD/docs/cmdlets/{cmdlet.Name}.md"));

    private static IEnumerable<XElement> Links(string text)
    {
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            // - [name](target)
            string name = line[(line.IndexOf('[', StringComparison.Ordinal) + 1)..line.IndexOf(']', StringComparison.Ordinal)];
            string target = line[(line.IndexOf('(', StringComparison.Ordinal) + 1)..line.LastIndexOf(')')];
            yield return new XElement(
                Maml + "navigationLink",
                new XElement(Maml + "linkText", name),
                new XElement(Maml + "uri", target.StartsWith("http", StringComparison.Ordinal) ? target : ""));
        }
    }

    private static XElement Description(string text) => new(Maml + "description", Paragraphs(text));

    // A paragraph's lines are one; fenced lines stay as they are.
    private static IEnumerable<XElement> Paragraphs(string text)
    {
        string[] blocks = text.Split("```");
        for (int i = 0; i < blocks.Length; i++)
        {
            if (i % 2 == 1)
            {
                yield return Paragraph(blocks[i][(blocks[i].IndexOf('\n', StringComparison.Ordinal) + 1)..].TrimEnd());
                continue;
            }

            foreach (string paragraph in blocks[i].Split("\n\n", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                bool list = paragraph.StartsWith("- ", StringComparison.Ordinal) || paragraph.StartsWith('|');
                yield return Paragraph((list ? paragraph : paragraph.Replace('\n', ' ')).Replace("`", "", StringComparison.Ordinal));
            }
        }
    }

    private static XElement Paragraph(string text) => new(Maml + "para", text);

    private static string Flag(bool value) => value ? "true" : "false";

    private static InvalidDataException Wrong(CmdletInfo cmdlet, string what) => new($"docs/cmdlets/{cmdlet.Name}.md {what}.");
}
