using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Transforms;

/// <summary>The values of one column of the input.</summary>
internal sealed class BufferedColumn<T>(DataViewRow input, DataViewSchema.Column column) : BufferedColumn
{
    private delegate void VectorCopier(ref T source, ref T destination);

    // A vector's memory may be reused by whoever reads it next, so that a copy is handed out; other values are handed out themselves.
    private static readonly VectorCopier? CopyVector = typeof(T).IsGenericType && typeof(T).GetGenericTypeDefinition() == typeof(VBuffer<>)
        ? typeof(T).GetMethod(nameof(VBuffer<>.CopyTo), [typeof(T).MakeByRefType()])!.CreateDelegate<VectorCopier>()
        : null;

    private readonly List<T> _values = [];

    private ValueGetter<T> Get => field ??= input.GetGetter<T>(column);

    public override void Store(int slot)
    {
        // A slot's vector is filled anew; other values are not passed in again, lest the reader's own be disposed of.
        T value = slot < _values.Count && CopyVector is not null ? _values[slot] : default!;
        Get(ref value);
        if (slot < _values.Count) _values[slot] = value;
        else _values.Add(value);
    }

    /// <summary>Reads the row that the window stands on.</summary>
    public ValueGetter<T> CreateGetter(RowWindow window) => (ref T value) =>
    {
        if (window.BufferedSlot is not { } slot)
        {
            Get(ref value);
        }
        else if (CopyVector is not null)
        {
            T source = _values[slot];
            CopyVector(ref source, ref value);
        }
        else
        {
            value = _values[slot];
        }
    };
}
