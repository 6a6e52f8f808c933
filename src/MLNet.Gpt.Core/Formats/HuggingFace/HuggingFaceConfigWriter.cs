using System.Globalization;
using System.Numerics;
using System.Text.Json;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.Formats.Metadata;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>Writes <c>config.json</c> and <c>generation_config.json</c> with the properties of transformers' configurations.</summary>
internal static class HuggingFaceConfigWriter
{
    public static IEnumerable<(string Name, byte[] Contents)> Files(ExportJob job)
    {
        yield return (HuggingFaceConstants.ConfigFile, JsonFileWriter.Write(json => WriteConfig(json, job)));
        yield return (HuggingFaceConstants.GenerationConfigFile, JsonFileWriter.Write(json =>
        {
            json.WriteBoolean("_from_model_config", true);
            WriteEnds(json, job);
        }));
    }

    private static void WriteConfig(Utf8JsonWriter json, ExportJob job)
    {
        var config = job.Config;
        if (config.Family is { } family and not GptFamily.Gpt2)
        {
            json.WriteStartArray("architectures");
            json.WriteStringValue($"{family}For{(job.Classifier is null ? "CausalLM" : "SequenceClassification")}");
            json.WriteEndArray();
            WriteEnds(json, job);
            DecoderConfig.Write(json, config, family);
            json.WriteString("model_type", config.Architecture);
            WriteCommon(json, job);
            return;
        }

        json.WriteString("activation_function", config.FeedForward == FeedForwardKind.GeluExact
            ? "gelu" : "gelu_new"); // the tanh form, as in the book and in OpenAI's release
        json.WriteStartArray("architectures");
        json.WriteStringValue(job.Classifier is null ? "GPT2LMHeadModel" : "GPT2ForSequenceClassification");
        json.WriteEndArray();
        json.WriteNumber("attn_pdrop", config.DropoutRate);
        WriteEnds(json, job);
        json.WriteNumber("embd_pdrop", config.DropoutRate);
        json.WriteNumber("initializer_range", 0.02);
        json.WriteFloat("layer_norm_epsilon", config.NormEpsilon);
        json.WriteString("model_type", "gpt2");
        json.WriteNumber("n_ctx", config.ContextLength);
        json.WriteNumber("n_embd", config.EmbeddingWidth);
        json.WriteNumber("n_head", config.HeadCount);
        if (config.FeedForwardWidth == 4 * config.EmbeddingWidth) json.WriteNull("n_inner"); // 4 n_embd
        else json.WriteNumber("n_inner", config.FeedForwardWidth);
        json.WriteNumber("n_layer", config.LayerCount);
        json.WriteNumber("n_positions", config.ContextLength);
        json.WriteBoolean("reorder_and_upcast_attn", false);
        json.WriteNumber("resid_pdrop", config.DropoutRate);
        json.WriteBoolean("scale_attn_by_inverse_layer_idx", false);
        json.WriteBoolean("scale_attn_weights", true);
        json.WriteBoolean("tie_word_embeddings", config.HasTiedHead);
        WriteCommon(json, job);
    }

    private static void WriteCommon(Utf8JsonWriter json, ExportJob job)
    {
        if (job.Classifier is { } classifier)
        {
            ClassifierFolder.WriteConfig(json, classifier);
            WriteId(json, "pad_token_id", job.Tokenizer?.EndOfTextId); // without it, transformers refuses batches
        }

        json.WriteString("torch_dtype", job.DataType switch
        {
            TensorDataType.Float16 => "float16",
            TensorDataType.BFloat16 => "bfloat16",
            TensorDataType.Float32 => "float32",
            var other => throw new ArgumentOutOfRangeException(nameof(job), other, $"A Hugging Face folder does not support {other}."),
        });
        json.WriteBoolean("use_cache", true);
        json.WriteNumber("vocab_size", job.Config.VocabularySize);
    }

    /// <summary>
    /// Writes a number as Python prints a <c>float</c>, such as 1e-06 and 50.0: transformers tells it from an <c>int</c>.
    /// </summary>
    public static void WriteFloat<T>(this Utf8JsonWriter json, string name, T number)
        where T : IFloatingPoint<T>
    {
        string text = number.ToString(null, CultureInfo.InvariantCulture).Replace('E', 'e');
        json.WritePropertyName(name);
        json.WriteRawValue(text.AsSpan().ContainsAny('.', 'e') ? text : text + ".0");
    }

    // GPT2Config defaults to GPT-2's ids, so a vocabulary without such tokens must say so.
    private static void WriteEnds(Utf8JsonWriter json, ExportJob job)
    {
        WriteId(json, "bos_token_id", job.Tokenizer?.BeginningOfTextId);
        if (job.Tokenizer is not { EndIds.Count: > 1 } tokenizer)
        {
            WriteId(json, "eos_token_id", job.Tokenizer?.EndOfTextId);
            return;
        }

        json.WriteStartArray("eos_token_id");
        foreach (int id in tokenizer.EndIds) json.WriteNumberValue(id);
        json.WriteEndArray();
    }

    private static void WriteId(Utf8JsonWriter json, string key, int? id)
    {
        if (id is { } known) json.WriteNumber(key, known);
        else json.WriteNull(key);
    }
}
