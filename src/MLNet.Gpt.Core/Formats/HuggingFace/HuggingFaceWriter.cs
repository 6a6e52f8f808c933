using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>
/// Writes a folder like <c>save_pretrained</c> of Hugging Face's model of the decoder's family and of its tokenizer, with the
/// weights named as in <see cref="HuggingFaceNames"/>. A tied head is left out.
/// </summary>
internal static class HuggingFaceWriter
{
    private static readonly Dictionary<string, string> Metadata = new()
    {
        [SafetensorsConstants.FrameworkKey] = SafetensorsConstants.Framework,
    };

    public static void Write(ExportJob job) => AtomicFolder.Write(job.Path, HuggingFaceConstants.IsReplaceable, folder =>
    {
        foreach (var (name, contents) in
            HuggingFaceConfigWriter.Files(job).Concat(HuggingFaceTokenizerWriter.Files(job.Tokenizer, job.Config)))
        {
            AtomicFile.Write(Path.Combine(folder, name), contents.Length, stream => stream.Write(contents));
        }

        WriteWeights(folder, job);
    });

    private static void WriteWeights(string folder, ExportJob job)
    {
        ExportTensor[] tensors = [.. new ModelTensors(job.Weights, HuggingFaceNames.Of(job.Config.Family)).All()];
        if (job.Classifier is { } classifier) tensors = [.. tensors, .. ClassifierFolder.TensorsOf(classifier.Head)];
        long Size(ExportTensor tensor) => job.DataType.Size(tensor.ElementCount);
        job.Meter.TotalBytes = tensors.Sum(Size);
        var shards = Shards(tensors, Size, job.Options.ShardSize);
        if (shards.Count == 1)
        {
            SafetensorsWriter.Write(
                Path.Combine(folder, HuggingFaceConstants.WeightsFile), tensors, job.DataType, Metadata, job.Elements());
            return;
        }

        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < shards.Count; i++)
        {
            string file = HuggingFaceConstants.ShardName(i, shards.Count);
            foreach (var tensor in shards[i]) files.Add(tensor.Name, file);
            SafetensorsWriter.Write(Path.Combine(folder, file), shards[i], job.DataType, Metadata, job.Elements());
        }

        byte[] index = JsonFileWriter.Write(json =>
        {
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", job.Meter.TotalBytes);
            json.WriteEndObject();
            json.WriteStartObject(ShardIndex.MapKey);
            foreach (var (tensor, file) in files) json.WriteString(tensor, file);
            json.WriteEndObject();
        });
        string path = Path.Combine(folder, HuggingFaceConstants.WeightsFile + HuggingFaceConstants.IndexEnding);
        AtomicFile.Write(path, index.Length, stream => stream.Write(index));
    }

    // Each file takes tensors until the next one would exceed the size; a tensor larger than that gets a separate file.
    private static List<List<ExportTensor>> Shards(ExportTensor[] tensors, Func<ExportTensor, long> size, long limit)
    {
        List<List<ExportTensor>> shards = [[]];
        long filled = 0;
        foreach (var tensor in tensors)
        {
            if (filled > 0 && filled + size(tensor) > limit)
            {
                shards.Add([]);
                filled = 0;
            }

            shards[^1].Add(tensor);
            filled += size(tensor);
        }

        return shards;
    }
}
