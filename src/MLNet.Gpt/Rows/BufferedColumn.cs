using System.Runtime.ExceptionServices;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNet.Gpt.Rows;

/// <summary>The values of an input column at rows that its cursor has passed.</summary>
internal abstract class BufferedColumn
{
    /// <summary>Stores the value at the input's current row, or the failure to read it.</summary>
    public abstract void Store(int slot);

    /// <summary>Creates a buffer for an active input column.</summary>
    public static BufferedColumn Create(DataViewRow input, DataViewSchema.Column column) =>
        (BufferedColumn)Activator.CreateInstance(typeof(BufferedColumn<>).MakeGenericType(column.Type.RawType), input, column)!;
}

/// <inheritdoc/>
internal sealed class BufferedColumn<T>(DataViewRow input, DataViewSchema.Column column) : BufferedColumn
{
    private delegate void VectorCopier(ref T source, ref T destination);

    // The caller may reuse a vector's memory, so vectors are copied; other values are returned as they are.
    private static readonly VectorCopier? CopyVector = typeof(T).IsGenericType && typeof(T).GetGenericTypeDefinition() == typeof(VBuffer<>)
        ? typeof(T).GetMethod(nameof(VBuffer<>.CopyTo), [typeof(T).MakeByRefType()])!.CreateDelegate<VectorCopier>()
        : null;

    private readonly List<(T Value, ExceptionDispatchInfo? Failure)> _slots = [];

    private ValueGetter<T> Get => field ??= input.GetGetter<T>(column);

    public override void Store(int slot)
    {
        // A slot's vector is reused. Other values are not passed in again, because a getter may dispose the caller's
        // value.
        T value = slot < _slots.Count && CopyVector is not null ? _slots[slot].Value : default!;
        ExceptionDispatchInfo? failure = null;
        try
        {
            Get(ref value);
        }
        catch (Exception error) when (Failures.CanWait(error))
        {
            failure = ExceptionDispatchInfo.Capture(error); // thrown when the caller reads this column at this row
        }

        if (slot < _slots.Count) _slots[slot] = (value, failure);
        else _slots.Add((value, failure));
    }

    /// <summary>Reads the column at the caller's row.</summary>
    /// <param name="currentSlot">
    /// Returns the slot of the caller's row, or <see langword="null"/> if the input itself is at that row.
    /// </param>
    public ValueGetter<T> CreateGetter(Func<int?> currentSlot) => (ref T value) =>
    {
        if (currentSlot() is not { } slot)
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
