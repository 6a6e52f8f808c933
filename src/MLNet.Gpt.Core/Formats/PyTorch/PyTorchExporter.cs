using System.Globalization;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.PyTorch;

/// <summary>
/// Writes a state dict that the book's <c>GPTModel</c> loads: a zip archive of a pickle and a file for each tensor. The
/// book's head is never tied, so a tied model's file names the token embedding twice.
/// </summary>
internal static class PyTorchExporter
{
    private const string Folder = "archive/";

    public static void Write(ExportJob job)
    {
        var (items, tensors) = StateDict(job);
        long[] sizes = [.. tensors.Select(tensor => job.DataType.Size(tensor.ElementCount))];
        job.Meter.TotalBytes = sizes.Sum();
        AtomicFile.Write(job.Path, length: 0, stream =>
        {
            var zip = new ZipWriter(stream);
            var elements = job.Elements();
            zip.Add(Folder + "data.pkl", StateDictWriter.Write(items, tensors, job.DataType));
            zip.Add(Folder + "byteorder", "little"u8);
            for (int i = 0; i < tensors.Count; i++)
            {
                var tensor = tensors[i];
                zip.Add(string.Create(CultureInfo.InvariantCulture, $"{Folder}data/{i}"), sizes[i], entry => elements.Write(entry, tensor, job.DataType));
            }

            zip.Add(Folder + "version", "3\n"u8);
            zip.Finish();
        });
    }

    /// <summary>The keys in the order of the book's modules, each with the number of its tensor, and the tensors.</summary>
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

        int layer = 0;
        foreach (var entry in WeightNames.For(job.Config))
        {
            if (job.Options.IncludeCausalMasks && layer < job.Config.LayerCount && entry.Name == WeightNames.Query(layer))
            {
                string key = string.Create(CultureInfo.InvariantCulture, $"trf_blocks.{layer++}.att.mask");
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

            Add(ExportTensor.Of(job.Weights, entry));
        }

        if (job.Config.HasTiedHead) items.Add((WeightNames.Head, 0)); // the token embedding comes first
        return (items, tensors);
    }

    // Ones above the diagonal: where a position must not look.
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
