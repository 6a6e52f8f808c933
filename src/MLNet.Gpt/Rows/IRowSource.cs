using Microsoft.ML;

namespace MLNet.Gpt.Rows;

/// <summary>The row that a reader stands on: the input's values, and the text with what the model has for it.</summary>
internal interface IRowSource
{
    /// <summary>Returns the row's text, with some of its parts computed.</summary>
    ScoredText Read(TextParts parts);

    /// <summary>Reads an active column of the input at the row that the reader stands on.</summary>
    ValueGetter<T> GetInputGetter<T>(DataViewSchema.Column column);
}
