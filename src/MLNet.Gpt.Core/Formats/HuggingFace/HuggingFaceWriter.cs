using System.Globalization;
using System.Text.RegularExpressions;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>Writes a folder as Hugging Face's <c>GPT2LMHeadModel.save_pretrained</c> and its tokenizer's do.</summary>
internal static class HuggingFaceWriter
{
    public static void Write(ExportJob job) => AtomicFolder.Write(job.Path, IsOurs, folder =>
    {
        foreach (var (name, contents) in HuggingFaceConfigWriter.Files(job).Concat(HuggingFaceTokenizerWriter.Files(job.Tokenizer, job.Config)))
        {
            AtomicFile.Write(Path.Combine(folder, name), contents.Length, stream => stream.Write(contents));
        }

        HuggingFaceWeightWriter.Write(folder, job);
    });

    // Names that save_pretrained uses as well: an older export, or a model that transformers wrote.
    private static bool IsOurs(string name) =>
        name is "special_tokens_map.json" or "added_tokens.json" || HuggingFaceConfigWriter.Names.Contains(name) || HuggingFaceTokenizerWriter.Names.Contains(name)
        || HuggingFaceWeightWriter.IsWeightFile(name);
}

/// <summary>
/// Writes the weights under the names of <c>GPT2LMHeadModel</c>. Its linear layers are <c>Conv1D</c>, whose matrices
/// are (in, out); a tied head is left out.
/// </summary>
internal static partial class HuggingFaceWeightWriter
{
    private const string WholeFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";

    // Without it, transformers refuses the file: matrices lie as PyTorch's do.
    private static readonly Dictionary<string, string> Metadata = new() { ["format"] = "pt" };

    /// <summary>The model's tensors in the order of its modules.</summary>
    public static IEnumerable<ExportTensor> Tensors(IWeightSource weights)
    {
        var tensors = new Gpt2Tensors(weights);
        yield return tensors.Weight("transformer.wte.weight", WeightNames.TokenEmbedding);
        yield return tensors.Weight("transformer.wpe.weight", WeightNames.PositionEmbedding);
        for (int layer = 0; layer < weights.Config.LayerCount; layer++)
        {
            string block = string.Create(CultureInfo.InvariantCulture, $"transformer.h.{layer}.");
            yield return tensors.Weight(block + "ln_1.weight", WeightNames.AttentionNormScale(layer));
            yield return tensors.Weight(block + "ln_1.bias", WeightNames.AttentionNormShift(layer));
            yield return tensors.QueryKeyValue(block + "attn.c_attn.weight", layer).Transposed();
            yield return tensors.QueryKeyValueBias(block + "attn.c_attn.bias", layer);
            yield return tensors.Weight(block + "attn.c_proj.weight", WeightNames.AttentionOutput(layer)).Transposed();
            yield return tensors.Weight(block + "attn.c_proj.bias", WeightNames.AttentionOutputBias(layer));
            yield return tensors.Weight(block + "ln_2.weight", WeightNames.FeedForwardNormScale(layer));
            yield return tensors.Weight(block + "ln_2.bias", WeightNames.FeedForwardNormShift(layer));
            yield return tensors.Weight(block + "mlp.c_fc.weight", WeightNames.FeedForwardIn(layer)).Transposed();
            yield return tensors.Weight(block + "mlp.c_fc.bias", WeightNames.FeedForwardInBias(layer));
            yield return tensors.Weight(block + "mlp.c_proj.weight", WeightNames.FeedForwardOut(layer)).Transposed();
            yield return tensors.Weight(block + "mlp.c_proj.bias", WeightNames.FeedForwardOutBias(layer));
        }

        yield return tensors.Weight("transformer.ln_f.weight", WeightNames.FinalNormScale);
        yield return tensors.Weight("transformer.ln_f.bias", WeightNames.FinalNormShift);
        if (!weights.Config.HasTiedHead) yield return tensors.Weight("lm_head.weight", WeightNames.Head);
    }

    public static bool IsWeightFile(string name) => name is WholeFile or IndexFile || Shard().IsMatch(name);

    public static void Write(string folder, ExportJob job)
    {
        ExportTensor[] tensors = [.. Tensors(job.Weights)];
        long Size(ExportTensor tensor) => job.DataType.Size(tensor.ElementCount);
        job.Meter.TotalBytes = tensors.Sum(Size);
        var shards = Shards(tensors, Size, job.Options.ShardSize);
        if (shards.Count == 1)
        {
            SafetensorsWriter.Write(Path.Combine(folder, WholeFile), tensors, job.DataType, Metadata, job.Elements());
            return;
        }

        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < shards.Count; i++)
        {
            string file = string.Create(CultureInfo.InvariantCulture, $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors");
            foreach (var tensor in shards[i]) files.Add(tensor.Name, file);
            SafetensorsWriter.Write(Path.Combine(folder, file), shards[i], job.DataType, Metadata, job.Elements());
        }

        byte[] index = JsonFileWriter.Write(json =>
        {
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", job.Meter.TotalBytes);
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            foreach (var (tensor, file) in files) json.WriteString(tensor, file);
            json.WriteEndObject();
        });
        AtomicFile.Write(Path.Combine(folder, IndexFile), index.Length, stream => stream.Write(index));
    }

    // Each file takes tensors until the next would go beyond the size; a tensor larger than that has a file of its own.
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

    [GeneratedRegex(@"^model-\d{5}-of-\d{5}\.safetensors$", RegexOptions.CultureInvariant)]
    private static partial Regex Shard();
}
