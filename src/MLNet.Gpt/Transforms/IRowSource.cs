using Microsoft.ML;

namespace MLNet.Gpt.Transforms;

/// <summary>The row that a reader stands on: the input's values, and the text with what the model has for it.</summary>
internal interface IRowSource
{
    /// <summary>The row's text.</summary>
    ScoredText Current { get; }

    /// <summary>Reads an active column of the input at the row that the reader stands on.</summary>
    ValueGetter<T> GetInputGetter<T>(DataViewSchema.Column column);
}
