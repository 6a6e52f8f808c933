using System.Runtime.ExceptionServices;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Rows;

/// <summary>The values of one column of the input.</summary>
internal sealed class BufferedColumn<T>(DataViewRow input, DataViewSchema.Column column) : BufferedColumn
{
    private delegate void VectorCopier(ref T source, ref T destination);

    // A vector's memory may be reused by whoever reads it next, so that a copy is handed out; other values are handed out themselves.
    private static readonly VectorCopier? CopyVector = typeof(T).IsGenericType && typeof(T).GetGenericTypeDefinition() == typeof(VBuffer<>)
        ? typeof(T).GetMethod(nameof(VBuffer<>.CopyTo), [typeof(T).MakeByRefType()])!.CreateDelegate<VectorCopier>()
        : null;

    private readonly List<(T Value, ExceptionDispatchInfo? Failure)> _slots = [];

    private ValueGetter<T> Get => field ??= input.GetGetter<T>(column);

    public override void Store(int slot)
    {
        // A slot's vector is filled anew; other values are not passed in again, lest the reader's own be disposed of.
        T value = slot < _slots.Count && CopyVector is not null ? _slots[slot].Value : default!;
        ExceptionDispatchInfo? failure = null;
        try
        {
            Get(ref value);
        }
        catch (Exception error) when (RowWindow.MayWait(error))
        {
            failure = ExceptionDispatchInfo.Capture(error); // for a reader who reads this column at this row, if there is one
        }

        if (slot < _slots.Count) _slots[slot] = (value, failure);
        else _slots.Add((value, failure));
    }

    /// <summary>Reads the row that the window stands on.</summary>
    public ValueGetter<T> CreateGetter(RowWindow window) => (ref T value) =>
    {
        if (window.BufferedSlot is not { } slot)
        {
            Get(ref value);
            return;
        }

        var (source, failure) = _slots[slot];
        failure?.Throw();
        if (CopyVector is not null) CopyVector(ref source, ref value);
        else value = source;
    };
}
