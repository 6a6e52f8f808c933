using System.Globalization;
using MLNet.Gpt.Formats.Exporting;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// Writes the pickle of a state dict: an <c>OrderedDict</c> from keys to tensors, whose elements stand in files of
/// their own. Byte for byte what <c>torch.save</c> writes.
/// </summary>
internal static class StateDictWriter
{
    private const int BatchLength = 1000; // of Python's pickler

    /// <summary>The pickle.</summary>
    /// <param name="items">Keys, and for each the number of its tensor.</param>
    /// <param name="tensors">The tensors; a tensor's number is its file's name.</param>
    /// <param name="type">How their elements are stored.</param>
    public static byte[] Write(IReadOnlyList<(string Key, int Tensor)> items, IReadOnlyList<ExportTensor> tensors, ExportDataType type)
    {
        var pickle = new PickleWriter();
        int?[] made = new int?[tensors.Count];
        OrderedDict(pickle);
        foreach (var batch in items.Chunk(BatchLength))
        {
            if (batch.Length > 1) pickle.Mark();
            foreach (var (key, tensor) in batch)
            {
                pickle.Text(key);
                if (made[tensor] is { } number) pickle.Get(number);
                else made[tensor] = Tensor(pickle, tensor, tensors[tensor], type);
            }

            if (batch.Length > 1) pickle.SetItems();
            else pickle.SetItem();
        }

        return pickle.ToArray();
    }

    private static void OrderedDict(PickleWriter pickle) => pickle.Global("collections", "OrderedDict").EmptyTuple().Reduce();

    // _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks); the storage is known by
    // ('storage', class, key, device, length).
    private static int Tensor(PickleWriter pickle, int key, ExportTensor tensor, ExportDataType type)
    {
        pickle.Global("torch._utils", "_rebuild_tensor_v2").Mark();
        pickle.Mark().Name("storage").Global("torch", StorageClass(type)).Text(key.ToString(CultureInfo.InvariantCulture)).Name("cpu").Number(tensor.ElementCount).Tuple().Persistent();
        pickle.Number(0).Tuple([.. tensor.Shape.Select(size => (long)size)]).Tuple(Strides(tensor.Shape)).False();
        OrderedDict(pickle);
        pickle.Tuple().Reduce();
        return pickle.Last;
    }

    private static long[] Strides(IReadOnlyList<int> shape)
    {
        long[] strides = new long[shape.Count];
        long stride = 1;
        for (int i = shape.Count - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= shape[i];
        }

        return strides;
    }

    private static string StorageClass(ExportDataType type) => type switch
    {
        ExportDataType.Float16 => "HalfStorage",
        ExportDataType.BFloat16 => "BFloat16Storage",
        ExportDataType.Float32 => "FloatStorage",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, $"A state dict holds no {type}."),
    };
}
