using Microsoft.ML;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Views;

/// <summary>Reads rows of instructions and responses.</summary>
internal static class InstructionColumns
{
    /// <exception cref="ArgumentException">A column is missing or not text, or there are no rows.</exception>
    public static List<InstructionExample> Read(
        IDataView data, string promptColumnName, string responseColumnName, string? inputColumnName, Cancellation cancellation)
    {
        var prompt = TextColumn.Find(data.Schema, promptColumnName);
        var response = TextColumn.Find(data.Schema, responseColumnName);
        DataViewSchema.Column? input = inputColumnName is { } name ? TextColumn.Find(data.Schema, name) : null;
        using var cursor = data.GetRowCursor(input is { } third ? [prompt, response, third] : [prompt, response]);
        var getPrompt = Getter(prompt);
        var getResponse = Getter(response);
        var getInput = input is { } column ? Getter(column) : () => "";
        var rows = new List<InstructionExample>();
        while (cursor.MoveNext())
        {
            cancellation.ThrowIfRequested();
            rows.Add(new(getPrompt(), getResponse(), getInput()));
        }

        return rows.Count > 0 ? rows : throw new ArgumentException("There are no rows of instructions and responses.", nameof(data));

        Func<string> Getter(DataViewSchema.Column column)
        {
            var get = cursor.GetGetter<ReadOnlyMemory<char>>(column);
            ReadOnlyMemory<char> text = default;
            return () =>
            {
                get(ref text);
                return text.ToString();
            };
        }
    }
}
