using System.Globalization;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.Formats.Safetensors;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;
using MLNet.Gpt.Numerics.Products;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt.Formats.Gguf;

/// <summary>Writes a GGUF file with the keys, names and types that llama.cpp's <c>convert_hf_to_gguf.py</c> gives a GPT-2.</summary>
internal static class GgufWriter
{
    private const string PositionEmbedding = "position_embd.weight";

    public static void Write(ExportJob job)
    {
        var header = Header(job);
        (ExportTensor Tensor, ExportDataType Type)[] tensors = [.. Tensors(job.Weights).Select(tensor => (tensor, TypeOf(tensor, job.DataType)))];
        foreach (var (tensor, type) in tensors) header.Add(tensor, type);
        job.Meter.TotalBytes = tensors.Sum(each => each.Type.Size(each.Tensor.ElementCount));

        byte[] start = header.ToArray();
        AtomicFile.Write(job.Path, start.Length + header.DataLength, stream =>
        {
            stream.Write(start);
            var elements = job.Elements();
            foreach (var (tensor, type) in tensors)
            {
                elements.Write(stream, tensor, type);
                stream.Write(new byte[GgufHeaderWriter.Padding(type.Size(tensor.ElementCount))]);
            }
        });
    }

    /// <summary>The model's tensors; matrices are (out, in).</summary>
    internal static IEnumerable<ExportTensor> Tensors(IWeightSource weights)
    {
        var tensors = new Gpt2Tensors(weights);
        yield return tensors.Weight("token_embd.weight", WeightNames.TokenEmbedding);
        yield return tensors.Weight(PositionEmbedding, WeightNames.PositionEmbedding);
        for (int layer = 0; layer < weights.Config.LayerCount; layer++)
        {
            string block = string.Create(CultureInfo.InvariantCulture, $"blk.{layer}.");
            yield return tensors.Weight(block + "attn_norm.weight", WeightNames.AttentionNormScale(layer));
            yield return tensors.Weight(block + "attn_norm.bias", WeightNames.AttentionNormShift(layer));
            yield return tensors.QueryKeyValue(block + "attn_qkv.weight", layer);
            yield return tensors.QueryKeyValueBias(block + "attn_qkv.bias", layer);
            yield return tensors.Weight(block + "attn_output.weight", WeightNames.AttentionOutput(layer));
            yield return tensors.Weight(block + "attn_output.bias", WeightNames.AttentionOutputBias(layer));
            yield return tensors.Weight(block + "ffn_norm.weight", WeightNames.FeedForwardNormScale(layer));
            yield return tensors.Weight(block + "ffn_norm.bias", WeightNames.FeedForwardNormShift(layer));
            yield return tensors.Weight(block + "ffn_up.weight", WeightNames.FeedForwardIn(layer));
            yield return tensors.Weight(block + "ffn_up.bias", WeightNames.FeedForwardInBias(layer));
            yield return tensors.Weight(block + "ffn_down.weight", WeightNames.FeedForwardOut(layer));
            yield return tensors.Weight(block + "ffn_down.bias", WeightNames.FeedForwardOutBias(layer));
        }

        yield return tensors.Weight("output_norm.weight", WeightNames.FinalNormScale);
        yield return tensors.Weight("output_norm.bias", WeightNames.FinalNormShift);
        if (!weights.Config.HasTiedHead) yield return tensors.Weight("output.weight", WeightNames.Head);
    }

    // llama.cpp's kernels want vectors and the position embedding in single precision. Rows that are not whole blocks
    // fall back to half precision.
    private static ExportDataType TypeOf(ExportTensor tensor, ExportDataType type)
    {
        if (tensor.Shape.Count == 1 || tensor.Name == PositionEmbedding) return ExportDataType.Float32;
        return type == ExportDataType.Q8_0 && tensor.Shape[^1] % Q8Block.Length != 0 ? ExportDataType.Float16 : type;
    }

    private static GgufHeaderWriter Header(ExportJob job)
    {
        var config = job.Config;
        var header = new GgufHeaderWriter();
        header.Add("general.architecture", "gpt2");
        header.Add("general.type", "model");
        header.Add("general.name", Path.GetFileNameWithoutExtension(job.Path));
        header.Add("gpt2.block_count", (uint)config.LayerCount);
        header.Add("gpt2.context_length", (uint)config.ContextLength);
        header.Add("gpt2.embedding_length", (uint)config.EmbeddingWidth);
        header.Add("gpt2.feed_forward_length", (uint)config.FeedForwardWidth);
        header.Add("gpt2.attention.head_count", (uint)config.HeadCount);
        header.Add("gpt2.attention.layer_norm_epsilon", GptConfig.LayerNormEpsilon);
        header.Add("general.file_type", FileType(job.DataType));
        header.Add("general.quantization_version", 2u);
        GgufTokenizerWriter.Write(header, job.Tokenizer, config);
        return header;
    }

    // Numbers of enum llama_ftype.
    private static uint FileType(ExportDataType type) => type switch
    {
        ExportDataType.Float32 => 0,
        ExportDataType.Float16 => 1,
        ExportDataType.Q8_0 => 7,
        ExportDataType.BFloat16 => 32,
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, $"GGUF has no {type}."),
    };
}

/// <summary>Writes a tokenizer's keys: those of byte-level BPE, or that there is none.</summary>
internal static class GgufTokenizerWriter
{
    private const int Normal = 1, Control = 3, Unused = 5; // of llama.cpp's token types

    /// <exception cref="ArgumentException">The tokenizer is of a kind that GGUF has no place for.</exception>
    public static void Write(GgufHeaderWriter header, ITextTokenizer? tokenizer, GptConfig config)
    {
        if (tokenizer is null) // ids in, ids out
        {
            header.Add("gpt2.vocab_size", (uint)config.VocabularySize);
            header.Add("tokenizer.ggml.model", "none");
            return;
        }

        var vocabulary = SpelledVocabulary.Of(tokenizer) ?? throw new ArgumentException(
            $"GGUF has no place for a tokenizer of type {tokenizer.GetType()}, only for {nameof(Gpt2Tokenizer)} and {nameof(BytePairTokenizer)}; without one the model works on token ids.",
            nameof(tokenizer));

        // A token for each row of the embedding: what the tokenizer lacks is padded as llama.cpp's converter does, and
        // what it has beyond is left out.
        int size = config.VocabularySize, known = Math.Min(size, vocabulary.Tokens.Count);
        string[] tokens = [.. Enumerable.Range(0, size).Select(id => id < known ? vocabulary.Tokens[id] : FittedTokenizer.NameOf(id))];
        int[] types = new int[size];
        types.AsSpan(0, known).Fill(Normal);
        types.AsSpan(known).Fill(Unused);
        foreach (int id in vocabulary.SpecialIds.Where(id => id < size)) types[id] = Control;

        header.Add("tokenizer.ggml.model", "gpt2");
        header.Add("tokenizer.ggml.pre", "gpt-2");
        header.Add("tokenizer.ggml.tokens", tokens);
        header.Add("tokenizer.ggml.token_type", types);
        header.Add("tokenizer.ggml.merges", [.. vocabulary.MergeLines]);
        if (tokenizer.BeginningOfTextId is { } beginning) header.Add("tokenizer.ggml.bos_token_id", (uint)beginning);
        if (tokenizer.EndOfTextId is { } end) header.Add("tokenizer.ggml.eos_token_id", (uint)end);
        if (vocabulary.UnknownId is { } unknown && unknown < size) header.Add("tokenizer.ggml.unknown_token_id", (uint)unknown);
        header.Add("tokenizer.ggml.add_bos_token", false);
    }
}
