using System.Globalization;
using Spectre.Console;

namespace MLNet.Gpt.Benchmarks.Measurement;

/// <summary>Prints comparisons as tables.</summary>
internal static class Report
{
    public static void Print(string title, string unit, IReadOnlyList<ComparisonRow> rows)
    {
        var table = new Table().Title(title).Border(TableBorder.Simple);
        table.AddColumns("contender", $"median {unit}", "slowest … fastest", "× baseline");
        foreach (int column in (int[])[1, 2, 3]) table.Columns[column].RightAligned();
        foreach (var row in rows)
        {
            string range = $"{Number(row.Slowest)} … {Number(row.Fastest)}";
            string ratio = row.RatioTo(rows[0]).ToString("F2", CultureInfo.InvariantCulture);
            table.AddRow(row.Name.EscapeMarkup(), Number(row.Median), range, ratio);
        }

        AnsiConsole.Write(table);
    }

    public static string Number(double value) => value.ToString(value < 100 ? "F1" : "N0", CultureInfo.InvariantCulture);
}
