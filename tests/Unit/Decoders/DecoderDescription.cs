namespace MLNet.Gpt.Tests.Decoders;

/// <summary>
/// A decoder as the papers describe it, with the tensors that Hugging Face's transformers saves of it. The oracles read
/// only this; nothing here comes from the library.
/// </summary>
internal sealed record DecoderDescription
{
    /// <summary>transformers' <c>model_type</c>; <c>nanogpt</c> is a GPT-2 without biases.</summary>
    public required string ModelType { get; init; }

    public int VocabularySize { get; init; } = 1000;

    public int ContextLength { get; init; } = 128;

    public int Width { get; init; } = 256;

    public int LayerCount { get; init; } = 3;

    public int HeadCount { get; init; } = 8;

    public int KeyValueHeadCount { get; init; } = 2;

    public int HeadSize { get; init; } = 32;

    public int FeedForwardWidth { get; init; } = 512;

    public double NormEpsilon { get; init; } = 1e-6;

    public double RotaryBase { get; init; } = 10_000;

    /// <summary>The base of the layers with a window, if it is not <see cref="RotaryBase"/>; they are not scaled then.</summary>
    public double? LocalRotaryBase { get; init; }

    /// <summary>What positions are divided by.</summary>
    public double? LinearFactor { get; init; }

    /// <summary>Llama 3's scaling of the rotary frequencies.</summary>
    public (double Factor, double Low, double High, int OriginalLength)? Llama3 { get; init; }

    /// <summary>How many tokens a token of a local layer attends to, itself included.</summary>
    public int? Window { get; init; }

    /// <summary>Every layer of this number is global, as in Gemma (zero: none is), from the first local layer on.</summary>
    public int GlobalEvery { get; init; }

    /// <summary>The first layer that may be local.</summary>
    public int FirstLocalLayer { get; init; }

    public bool HasQueryKeyValueBias { get; init; }

    public bool HasOutputBias { get; init; }

    public bool HasFeedForwardBias { get; init; }

    public bool HasQueryKeyNorm { get; init; }

    /// <summary>What is under the root by which attention scores are divided, if it is not the size of a head.</summary>
    public double? QueryScalar { get; init; }

    /// <summary>The limit of attention's scores, which a hyperbolic tangent keeps.</summary>
    public double? AttentionCap { get; init; }

    /// <summary>The limit of the logits, kept in the same way.</summary>
    public double? LogitCap { get; init; }

    public bool HasTiedHead { get; init; }

    public bool IsGemma => IsGemma3 || ModelType == "gemma2";

    public bool IsGemma3 => ModelType == "gemma3_text";

    public bool IsNanoGpt => ModelType == "nanogpt";

    public bool IsLocal(int layer) =>
        Window is not null && layer >= FirstLocalLayer && (GlobalEvery == 0 || (layer + 1) % GlobalEvery != 0);

    /// <summary>The frequency of each pair of a head's elements, in radians per position.</summary>
    public double[] Frequencies(int layer)
    {
        bool isPlain = LocalRotaryBase is not null && IsLocal(layer);
        double origin = isPlain ? LocalRotaryBase!.Value : RotaryBase;
        double[] frequencies = new double[HeadSize / 2];
        for (int j = 0; j < frequencies.Length; j++)
        {
            double frequency = Math.Pow(origin, -2.0 * j / HeadSize);
            frequencies[j] = isPlain ? frequency : frequency / Divisor(frequency);
        }

        return frequencies;
    }

    /// <summary>What the scaling divides a frequency by.</summary>
    public double Divisor(double frequency)
    {
        if (LinearFactor is { } factor) return factor;
        if (Llama3 is not { } scaling) return 1;
        double turns = scaling.OriginalLength * frequency / (2 * Math.PI); // full turns within the original context
        if (turns > scaling.High) return 1;
        if (turns < scaling.Low) return scaling.Factor;
        double smooth = (turns - scaling.Low) / (scaling.High - scaling.Low);
        return 1 / (((1 - smooth) / scaling.Factor) + smooth);
    }

    /// <summary>The tensors by the names that transformers gives them (nanoGPT, its own); matrices are (out, in).</summary>
    public IEnumerable<(string Name, int[] Shape)> Tensors() => IsNanoGpt ? NanoGptTensors() : LlamaTensors();

    /// <summary>Weights with which every part of the network shows in the logits, which are about one in size.</summary>
    public Dictionary<string, NamedTensor> RandomWeights(int seed)
    {
        var random = new Random(seed);
        return Tensors().ToDictionary(each => each.Name, each => new NamedTensor(each.Shape, Draw(each.Name, each.Shape, random)));
    }

    public int[] RandomIds(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(VocabularySize))];
    }

    private float[] Draw(string name, int[] shape, Random random)
    {
        float[] elements = new float[shape.Aggregate(1, (product, size) => product * size)];
        bool isNorm = shape.Length == 1 && name.EndsWith(".weight", StringComparison.Ordinal);
        double deviation = shape.Length == 1 ? 0.2 : 1 / Math.Sqrt(shape[^1]);

        double center = isNorm && !IsGemma ? 1 : 0;

        // Gemma's feed-forward layers contribute less than attention, and so do errors of the table that llama.cpp has of GELU.
        if (name.EndsWith("post_feedforward_layernorm.weight", StringComparison.Ordinal)) center = -0.6;
        for (int i = 0; i < elements.Length; i++)
        {
            double normal = Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
            elements[i] = (float)(center + (deviation * normal));
        }

        return elements;
    }

    private IEnumerable<(string Name, int[] Shape)> LlamaTensors()
    {
        yield return ("model.embed_tokens.weight", [VocabularySize, Width]);
        int queries = HeadCount * HeadSize, keys = KeyValueHeadCount * HeadSize;
        for (int layer = 0; layer < LayerCount; layer++)
        {
            string block = $"model.layers.{layer}.", attention = $"{block}self_attn.", feedForward = $"{block}mlp.";
            yield return ($"{block}input_layernorm.weight", [Width]);
            yield return ($"{attention}q_proj.weight", [queries, Width]);
            yield return ($"{attention}k_proj.weight", [keys, Width]);
            yield return ($"{attention}v_proj.weight", [keys, Width]);
            yield return ($"{attention}o_proj.weight", [Width, queries]);
            if (HasQueryKeyValueBias)
            {
                yield return ($"{attention}q_proj.bias", [queries]);
                yield return ($"{attention}k_proj.bias", [keys]);
                yield return ($"{attention}v_proj.bias", [keys]);
            }

            if (HasOutputBias) yield return ($"{attention}o_proj.bias", [Width]);
            if (HasQueryKeyNorm)
            {
                yield return ($"{attention}q_norm.weight", [HeadSize]);
                yield return ($"{attention}k_norm.weight", [HeadSize]);
            }

            yield return ($"{block}post_attention_layernorm.weight", [Width]);
            if (IsGemma)
            {
                yield return ($"{block}pre_feedforward_layernorm.weight", [Width]);
                yield return ($"{block}post_feedforward_layernorm.weight", [Width]);
            }

            yield return ($"{feedForward}gate_proj.weight", [FeedForwardWidth, Width]);
            yield return ($"{feedForward}up_proj.weight", [FeedForwardWidth, Width]);
            yield return ($"{feedForward}down_proj.weight", [Width, FeedForwardWidth]);
            if (!HasFeedForwardBias) continue;
            yield return ($"{feedForward}gate_proj.bias", [FeedForwardWidth]);
            yield return ($"{feedForward}up_proj.bias", [FeedForwardWidth]);
            yield return ($"{feedForward}down_proj.bias", [Width]);
        }

        yield return ("model.norm.weight", [Width]);
        if (!HasTiedHead) yield return ("lm_head.weight", [VocabularySize, Width]);
    }

    private IEnumerable<(string Name, int[] Shape)> NanoGptTensors()
    {
        yield return ("transformer.wte.weight", [VocabularySize, Width]);
        yield return ("transformer.wpe.weight", [ContextLength, Width]);
        for (int layer = 0; layer < LayerCount; layer++)
        {
            string block = $"transformer.h.{layer}.";
            yield return ($"{block}ln_1.weight", [Width]);
            yield return ($"{block}attn.c_attn.weight", [3 * Width, Width]);
            yield return ($"{block}attn.c_proj.weight", [Width, Width]);
            yield return ($"{block}ln_2.weight", [Width]);
            yield return ($"{block}mlp.c_fc.weight", [4 * Width, Width]);
            yield return ($"{block}mlp.c_proj.weight", [Width, 4 * Width]);
        }

        yield return ("transformer.ln_f.weight", [Width]);
    }
}

/// <summary>A tensor in memory, row by row.</summary>
internal sealed record NamedTensor(int[] Shape, float[] Elements);
