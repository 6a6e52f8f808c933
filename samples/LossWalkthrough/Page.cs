using System.Globalization;
using Spectre.Console;

namespace MLNet.Gpt.Samples.LossWalkthrough;

/// <summary>The layout that both parts of the walkthrough share.</summary>
internal static class Page
{
    /// <summary>Writes the heading of a step.</summary>
    public static void Step(this IAnsiConsole console, string number, string title)
    {
        console.WriteLine();
        console.Write(new Rule($"[bold blue]{number}[/]  [bold]{Markup.Escape(title)}[/]").LeftJustified());
    }

    public static Table Table(params string[] columns) => new Table().Border(TableBorder.Simple).AddColumns(columns);

    public static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}
