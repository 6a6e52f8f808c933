using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Layouts;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;
using MLNet.Gpt.Numerics.Products;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>
/// Writes a GGUF file with the keys, names and types that llama.cpp's <c>convert_hf_to_gguf.py</c> uses.
/// </summary>
internal static class GgufWriter
{
    private static readonly string Head = GgufNames.Gpt2.NameOf(TensorRole.Head);
    private static readonly string TokenEmbedding = GgufNames.Gpt2.NameOf(TensorRole.TokenEmbedding);

    public static void Write(ExportJob job)
    {
        string architecture = GgufDecoder.ArchitectureOf(job.Config);
        var header = Header(job, architecture);
        IEnumerable<ExportTensor> all = new ModelTensors(job.Weights, GgufDecoder.NamesOf(architecture)).All();
        if (GgufDecoder.FrequencyFactors(job.Config) is { } factors) all = all.Prepend(factors);
        var elements = job.Elements();
        string head = job.Config.HasTiedHead ? TokenEmbedding : Head;
        (ExportTensor Tensor, TensorDataType Type)[] tensors = [.. all.Select(tensor => Typed(tensor, job.DataType, head, elements))];
        foreach (var (tensor, type) in tensors) header.Add(tensor, type);
        job.Meter.TotalBytes = tensors.Sum(each => each.Type.Size(each.Tensor.ElementCount));

        byte[] start = header.ToArray();
        AtomicFile.Write(job.Path, start.Length + header.DataLength, stream =>
        {
            stream.Write(start);
            foreach (var (tensor, type) in tensors)
            {
                elements.Write(stream, tensor, type);
                stream.Write(new byte[GgufHeaderWriter.Padding(type.Size(tensor.ElementCount))]);
            }
        });
    }

    // llama.cpp's kernels require vectors and the position embedding in single precision. Matrices whose rows are not
    // whole blocks fall back to half precision. The head loses most from four bits; llama.cpp's quantizer also gives it more.
    private static (ExportTensor Tensor, TensorDataType Type) Typed(
        ExportTensor tensor, TensorDataType type, string head, ElementWriter elements)
    {
        if (tensor.Shape.Count == 1 || tensor.Name == GgufNames.Gpt2.NameOf(TensorRole.PositionEmbedding))
        {
            return (tensor, TensorDataType.Float32);
        }

        if (type is not (TensorDataType.Q8_0 or TensorDataType.Q4_0)) return (tensor, type);
        if (tensor.Shape[^1] % Q8Block.Length != 0) return (tensor, TensorDataType.Float16);
        if (type == TensorDataType.Q8_0) return (tensor, type);
        if (elements.HasFourBitBlocks(tensor)) return (tensor with { HasFourBitBlocks = true }, type);
        return (tensor, tensor.Name == head ? TensorDataType.Q8_0 : type);
    }

    private static GgufHeaderWriter Header(ExportJob job, string architecture)
    {
        var config = job.Config;
        var header = new GgufHeaderWriter();
        header.Add(GgufConstants.ArchitectureKey, architecture);
        header.Add("general.type", "model");
        header.Add("general.name", Path.GetFileNameWithoutExtension(job.Path));
        GgufDecoder.Write(header, config, architecture);
        header.Add("general.file_type", GgufConstants.FileTypeOf(job.DataType));
        header.Add("general.quantization_version", 2u);
        GgufTokenizer.Write(header, architecture, job.Tokenizer, config.VocabularySize);
        return header;
    }
}
