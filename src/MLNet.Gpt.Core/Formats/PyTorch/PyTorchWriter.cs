using System.Globalization;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// Writes a state dict that the book's <c>GPTModel</c> loads: a zip archive of a pickle and a file for each tensor. The
/// book's head is never tied, so a tied model's file lists the token embedding twice.
/// </summary>
internal static class PyTorchWriter
{
    public static void Write(ExportJob job)
    {
        var (items, tensors) = StateDict(job);
        long[] sizes = [.. tensors.Select(tensor => job.DataType.Size(tensor.ElementCount))];
        job.Meter.TotalBytes = sizes.Sum();
        AtomicFile.Write(job.Path, length: 0, stream =>
        {
            var zip = new ZipWriter(stream);
            var elements = job.Elements();
            zip.Add(PyTorchConstants.Folder + PyTorchConstants.PickleRecord, StateDictWriter.Write(items, tensors, job.DataType));
            zip.Add(PyTorchConstants.Folder + PyTorchConstants.ByteOrderRecord, PyTorchConstants.LittleEndian);
            for (int i = 0; i < tensors.Count; i++)
            {
                var tensor = tensors[i];
                zip.Add(
                    string.Create(CultureInfo.InvariantCulture, $"{PyTorchConstants.Folder}{PyTorchConstants.DataFolder}{i}"),
                    sizes[i],
                    entry => elements.Write(entry, tensor, job.DataType));
            }

            zip.Add(PyTorchConstants.Folder + PyTorchConstants.VersionRecord, "3\n"u8);
            zip.Finish();
        });
    }

    /// <summary>
    /// Returns the keys in the order of the book's modules, each with the number of its tensor, and the tensors.
    /// </summary>
    internal static (IReadOnlyList<(string Key, int Tensor)> Items, IReadOnlyList<ExportTensor> Tensors) StateDict(ExportJob job)
    {
        List<(string, int)> items = [];
        List<ExportTensor> tensors = [];
        int mask = -1;
        void Add(ExportTensor tensor)
        {
            items.Add((tensor.Name, tensors.Count));
            tensors.Add(tensor);
        }

        var model = new ModelTensors(job.Weights, OwnNames.Table);
        foreach (var (role, layer) in OwnNames.Table.Tensors(job.Config.LayerCount))
        {
            if (role == TensorRole.Query && job.Options.IncludeCausalMasks)
            {
                string key = OwnNames.MaskOf(layer);
                if (mask < 0)
                {
                    mask = tensors.Count;
                    Add(Mask(key, job.Config));
                }
                else
                {
                    items.Add((key, mask));
                }
            }

            if (model.Find(role, layer) is { } tensor) Add(tensor);
        }

        if (job.Config.HasTiedHead) items.Add((WeightNames.Head, 0)); // the token embedding comes first
        return (items, tensors);
    }

    // Ones above the diagonal, where a position must not attend.
    private static ExportTensor Mask(string name, GptConfig config)
    {
        int length = config.ContextLength;
        return new(name, [length, length], (start, destination) =>
        {
            for (int i = 0; i < destination.Length; i++)
            {
                var (row, column) = Math.DivRem(start + i, length);
                destination[i] = column > row ? 1 : 0;
            }
        });
    }
}

/// <summary>
/// Writes the pickle of a state dict: an <c>OrderedDict</c> from keys to tensors, whose elements are in separate files.
/// Byte for byte what <c>torch.save</c> writes.
/// </summary>
internal static class StateDictWriter
{
    private const int BatchLength = 1000; // as in Python's pickler

    /// <summary>Returns the pickle.</summary>
    /// <param name="items">Keys, and for each the number of its tensor.</param>
    /// <param name="tensors">The tensors; a tensor's number is the name of its file.</param>
    /// <param name="type">How their elements are stored.</param>
    public static byte[] Write(IReadOnlyList<(string Key, int Tensor)> items, IReadOnlyList<ExportTensor> tensors, TensorDataType type)
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
    private static int Tensor(PickleWriter pickle, int key, ExportTensor tensor, TensorDataType type)
    {
        pickle.Global("torch._utils", "_rebuild_tensor_v2").Mark();
        pickle.Mark()
            .Name("storage")
            .Global("torch", PyTorchConstants.StorageClassOf(type))
            .Text(key.ToString(CultureInfo.InvariantCulture))
            .Name("cpu")
            .Number(tensor.ElementCount)
            .Tuple()
            .Persistent();
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
}
