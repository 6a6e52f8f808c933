using System.Globalization;
using Spectre.Console;

namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>Prints comparisons.</summary>
internal static class Report
{
    public static void Print(string title, string unit, IEnumerable<ComparisonRow> rows)
    {
        var table = new Table().Title(title).Border(TableBorder.Simple).AddColumns("contender", $"median {unit}", "slowest … fastest", "× baseline");
        foreach (int column in (int[])[1, 2, 3]) table.Columns[column].RightAligned();
        foreach (var row in rows)
        {
            table.AddRow(row.Name.EscapeMarkup(), Number(row.Median), $"{Number(row.Slowest)} … {Number(row.Fastest)}", row.Ratio.ToString("F2", CultureInfo.InvariantCulture));
        }

        AnsiConsole.Write(table);
    }

    public static string Number(double value) => value.ToString(value < 100 ? "F1" : "N0", CultureInfo.InvariantCulture);
}
