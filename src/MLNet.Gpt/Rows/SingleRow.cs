using Microsoft.ML;
using MLNet.Gpt.Hosting;

namespace MLNet.Gpt.Rows;

/// <summary>A row that somebody else moves; its text is computed alone.</summary>
internal sealed class SingleRow(DataViewRow input, DataViewSchema.Column? textColumn, RowScorer scorer, Cancellation cancellation)
    : IRowSource
{
    private readonly ValueGetter<ReadOnlyMemory<char>>? _getText =
        textColumn is { } column ? input.GetGetter<ReadOnlyMemory<char>>(column) : null;

    private readonly TextReading _reading = new(scorer, mostTexts: 1, cancellation);
    private long _position = -1;
    private ScoredText? _current;

    public ScoredText Read(TextParts parts)
    {
        // The text is compared as well: a row that is no cursor may change its values and keep its position.
        ReadOnlyMemory<char> value = default;
        _getText!(ref value);
        if (_current is null || input.Position != _position || !value.Equals(_current.Text))
        {
            _position = input.Position;
            _current = new(scorer, value);
        }

        _reading.Read(_current, parts, static (text, _, _) => [text]);
        return _current;
    }

    public ValueGetter<T> GetInputGetter<T>(DataViewSchema.Column column) => input.GetGetter<T>(column);
}
