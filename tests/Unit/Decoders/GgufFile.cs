using System.Runtime.InteropServices;
using System.Text;

namespace MLNet.Gpt.Tests.Decoders;

/// <summary>
/// Writes a GGUF file in single precision with the keys, names and order of rows that llama.cpp's converter uses, from its
/// specification (ggml's <c>docs/gguf.md</c>).
/// </summary>
internal static class GgufFile
{
    private const int Alignment = 32;

    /// <summary>Whether llama.cpp computes such a model as it is.</summary>
    public static bool CanRepresent(DecoderDescription description) =>
        !description.IsNanoGpt && description.QueryScalar is null && (description.Window is null || description.IsGemma)
        && (description.ModelType == "llama" || !description.HasOutputBias) && (!description.IsGemma3 || description.AttentionCap is null);

    /// <summary>Writes a model.</summary>
    /// <param name="path">The file.</param>
    /// <param name="description">The decoder.</param>
    /// <param name="weights">Its tensors by the names of transformers.</param>
    /// <param name="changedKey">A key that gets another value, without the architecture; none if it is null.</param>
    /// <param name="changedValue">Its value; <see langword="null"/> leaves it out.</param>
    public static void Write(
        string path, DecoderDescription description, IReadOnlyDictionary<string, NamedTensor> weights, string? changedKey = null,
        object? changedValue = null)
    {
        var tensors = description.Tensors().Select(each => Converted(description, each.Name, weights[each.Name])).ToList();
        if (description.Llama3 is not null) tensors.Add(("rope_freqs.weight", Divisors(description)));
        var keys = Keys(description);
        if (changedKey is not null)
        {
            keys.Remove($"{keys["general.architecture"]}.{changedKey}");
            if (changedValue is not null) keys.Add($"{keys["general.architecture"]}.{changedKey}", changedValue);
        }

        using var file = new BinaryWriter(File.Create(path));
        file.Write("GGUF"u8);
        file.Write(3u);
        file.Write((ulong)tensors.Count);
        file.Write((ulong)keys.Count);
        foreach (var (key, value) in keys)
        {
            Write(file, key);
            Write(file, value);
        }

        ulong offset = 0;
        foreach (var (name, tensor) in tensors)
        {
            Write(file, name);
            file.Write(tensor.Shape.Length);
            foreach (int size in tensor.Shape.Reverse()) file.Write((ulong)size);
            file.Write(0u); // F32
            file.Write(offset);
            offset += (ulong)Padded(4L * tensor.Elements.Length);
        }

        foreach (var (_, tensor) in tensors)
        {
            file.Write(new byte[Padded(file.BaseStream.Length) - file.BaseStream.Length]);
            file.Write(MemoryMarshal.AsBytes<float>(tensor.Elements));
        }

        file.Write(new byte[Padded(file.BaseStream.Length) - file.BaseStream.Length]);
    }

    private static Dictionary<string, object> Keys(DecoderDescription description)
    {
        string architecture = description.ModelType switch { "mistral" => "llama", "gemma3_text" => "gemma3", var type => type };
        var keys = new Dictionary<string, object>
        {
            ["general.architecture"] = architecture,
            ["general.type"] = "model",
            ["general.name"] = description.ModelType,
            ["general.file_type"] = 0u,
            ["general.quantization_version"] = 2u,
            [$"{architecture}.vocab_size"] = (uint)description.VocabularySize,
            [$"{architecture}.context_length"] = (uint)description.ContextLength,
            [$"{architecture}.embedding_length"] = (uint)description.Width,
            [$"{architecture}.block_count"] = (uint)description.LayerCount,
            [$"{architecture}.feed_forward_length"] = (uint)description.FeedForwardWidth,
            [$"{architecture}.attention.head_count"] = (uint)description.HeadCount,
            [$"{architecture}.attention.head_count_kv"] = (uint)description.KeyValueHeadCount,
            [$"{architecture}.attention.key_length"] = (uint)description.HeadSize,
            [$"{architecture}.attention.value_length"] = (uint)description.HeadSize,
            [$"{architecture}.attention.layer_norm_rms_epsilon"] = (float)description.NormEpsilon,
            [$"{architecture}.rope.freq_base"] = (float)description.RotaryBase,
            ["tokenizer.ggml.model"] = "none",
        };
        if (architecture == "llama") keys[$"{architecture}.rope.dimension_count"] = (uint)description.HeadSize;
        if (description.LinearFactor is { } factor)
        {
            keys[$"{architecture}.rope.scaling.type"] = "linear";
            keys[$"{architecture}.rope.scaling.factor"] = (float)factor;
        }

        if (description.AttentionCap is { } scoreCap) keys[$"{architecture}.attn_logit_softcapping"] = (float)scoreCap;
        if (description.LogitCap is { } logitCap) keys[$"{architecture}.final_logit_softcapping"] = (float)logitCap;
        if (description.IsGemma) keys[$"{architecture}.attention.sliding_window"] = (uint)description.Window!.Value;
        if (description.IsGemma3)
        {
            keys[$"{architecture}.attention.sliding_window_pattern"] = (uint)description.GlobalEvery;
            keys[$"{architecture}.rope.freq_base_swa"] = (float)description.LocalRotaryBase!.Value;
        }

        return keys;
    }

    private static (string Name, NamedTensor Tensor) Converted(DecoderDescription description, string name, NamedTensor tensor)
    {
        if (description.IsGemma && name.EndsWith("norm.weight", StringComparison.Ordinal))
        {
            tensor = tensor with { Elements = [.. tensor.Elements.Select(x => x + 1)] };
        }

        if (description.ModelType is "llama" or "mistral" && (name.Contains("q_proj") || name.Contains("k_proj")))
        {
            tensor = tensor with { Elements = Interleaved(tensor, description.HeadSize) };
        }

        string[] parts = name.Split('.');
        if (parts[1] == "layers") return ($"blk.{parts[2]}.{BlockName(description, parts[^2])}.{parts[^1]}", tensor);
        string plain = parts[^2] switch { "embed_tokens" => "token_embd", "norm" => "output_norm", _ => "output" };
        return ($"{plain}.weight", tensor);
    }

    private static string BlockName(DecoderDescription description, string name) => name switch
    {
        "input_layernorm" => "attn_norm",
        "q_proj" => "attn_q",
        "k_proj" => "attn_k",
        "v_proj" => "attn_v",
        "o_proj" => "attn_output",
        "q_norm" => "attn_q_norm",
        "k_norm" => "attn_k_norm",
        "post_attention_layernorm" => description.IsGemma ? "post_attention_norm" : "ffn_norm",
        "pre_feedforward_layernorm" => "ffn_norm",
        "post_feedforward_layernorm" => "post_ffw_norm",
        "gate_proj" => "ffn_gate",
        "up_proj" => "ffn_up",
        _ => "ffn_down",
    };

    // Rows j and j + size / 2 of each head become neighbors.
    private static float[] Interleaved(NamedTensor tensor, int headSize)
    {
        int columns = tensor.Elements.Length / tensor.Shape[0], half = headSize / 2;
        float[] elements = new float[tensor.Elements.Length];
        for (int row = 0; row < tensor.Shape[0]; row++)
        {
            int inHead = row % headSize, target = row - inHead + (2 * (inHead % half)) + (inHead / half);
            tensor.Elements.AsSpan(row * columns, columns).CopyTo(elements.AsSpan(target * columns));
        }

        return elements;
    }

    private static NamedTensor Divisors(DecoderDescription description)
    {
        float[] divisors = [.. Enumerable.Range(0, description.HeadSize / 2).Select(j =>
            (float)description.Divisor(Math.Pow(description.RotaryBase, -2.0 * j / description.HeadSize)))];
        return new([divisors.Length], divisors);
    }

    private static void Write(BinaryWriter file, object value)
    {
        switch (value)
        {
            case uint number:
                file.Write(4u);
                file.Write(number);
                break;
            case float number:
                file.Write(6u);
                file.Write(number);
                break;
            default:
                file.Write(8u);
                Write(file, (string)value);
                break;
        }
    }

    private static void Write(BinaryWriter file, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        file.Write((ulong)bytes.Length);
        file.Write(bytes);
    }

    private static long Padded(long length) => (length + Alignment - 1) / Alignment * Alignment;
}
