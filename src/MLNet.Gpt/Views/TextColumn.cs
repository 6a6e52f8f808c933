using MLNet.Gpt.Configuration;
using Microsoft.ML;
using Microsoft.ML.Data;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Views;

/// <summary>Finds and reads a column of text.</summary>
internal static class TextColumn
{
    /// <exception cref="ArgumentOutOfRangeException">There is no such column.</exception>
    /// <exception cref="ArgumentException">It is not a scalar of text.</exception>
    public static DataViewSchema.Column Find(DataViewSchema schema, string name)
    {
        var column = schema.GetColumnOrNull(name) ?? throw Missing(nameof(schema), "input", name, schema);
        return column.Type is TextDataViewType
            ? column
            : throw new ArgumentException(
                $"Schema mismatch for input column '{name}': expected String, got {column.Type}.", nameof(schema));
    }

    /// <summary>Returns the exception for a column that does not exist.</summary>
    /// <param name="parameter">The parameter that is wrong.</param>
    /// <param name="role">The role of the column.</param>
    /// <param name="name">Its name.</param>
    /// <param name="schema">The columns that exist.</param>
    public static ArgumentOutOfRangeException Missing(string parameter, string role, string name, DataViewSchema schema) => new(
        parameter,
        name,
        $"Could not find {role} column '{name}'; the columns are "
            + $"{string.Join(", ", schema.Select(each => each.Name).Distinct())}.");

    /// <summary>Reads the tokens of all rows, with the end-of-text token between two documents.</summary>
    /// <exception cref="ArgumentException">The rows have fewer than two tokens in total.</exception>
    public static int[] ReadTokens(IDataView data, GptTrainerOptions options, Cancellation cancellation)
    {
        var column = Find(data.Schema, options.Transformer.InputColumnName);
        var tokens = new List<int>();
        using var cursor = data.GetRowCursor([column]);
        var getText = cursor.GetGetter<ReadOnlyMemory<char>>(column);
        ReadOnlyMemory<char> text = default;
        while (cursor.MoveNext())
        {
            cancellation.ThrowIfRequested();
            getText(ref text);
            if (text.IsEmpty) continue;
            if (tokens.Count > 0 && options.Tokenizer.EndOfTextId is { } endOfText) tokens.Add(endOfText);
            tokens.AddRange(options.Tokenizer.Encode(text.Span, options.Transformer.Scoring.SpecialTokens, cancellation.Token));
        }

        return tokens.Count >= 2
            ? [.. tokens]
            : throw new ArgumentException(
                $"There is nothing to train on: the rows of '{column.Name}' have {Quantity.Of(tokens.Count, "token")} in total; "
                + "at least 2 are needed.",
                nameof(data));
    }
}
