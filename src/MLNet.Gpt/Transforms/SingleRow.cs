using Microsoft.ML;

namespace MLNet.Gpt.Transforms;

/// <summary>A row that somebody else moves; its text is computed alone.</summary>
internal sealed class SingleRow(DataViewRow input, DataViewSchema.Column? textColumn, RowScorer scorer, TextParts parts, Cancellation cancellation)
    : IRowSource, ITextBatcher
{
    private readonly ValueGetter<ReadOnlyMemory<char>>? _getText = textColumn is { } column ? input.GetGetter<ReadOnlyMemory<char>>(column) : null;
    private long _position = -1;
    private ScoredText? _current;

    public ScoredText Current
    {
        get
        {
            // The text is compared as well: a row that is no cursor may change its values and keep its position.
            ReadOnlyMemory<char> text = default;
            _getText!(ref text);
            if (_current is not null && input.Position == _position && text.Equals(_current.Text)) return _current;
            _position = input.Position;
            return _current = new(scorer, this, text);
        }
    }

    public ValueGetter<T> GetInputGetter<T>(DataViewSchema.Column column) => input.GetGetter<T>(column);

    public void Compute(ScoredText text) => scorer.Compute([text], parts, cancellation);

    public void Generate(ScoredText text) => scorer.Generate([text], cancellation);
}
