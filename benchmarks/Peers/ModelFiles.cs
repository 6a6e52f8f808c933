using LLama.Native;
using MLNet.Gpt.Formats;

namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>The same random weights of a decoder, by default GPT-2 with 124M parameters, in every format that a library reads.</summary>
internal sealed class ModelFiles(string folder)
{
    /// <summary>The decoder, with GPT-2's vocabulary and a context that every library has memory for.</summary>
    public static GptConfig Config { get; private set; } = GptPresets.Gpt2Small;

    /// <summary>Where the files are.</summary>
    public string Folder => folder;

    public string Safetensors => Path.Combine(folder, "model.safetensors");

    public string Gguf => Path.Combine(folder, "f32.gguf");

    public string GgufF16 => Path.Combine(folder, "f16.gguf");

    public string GgufQ8 => Path.Combine(folder, "q8_0.gguf");

    public string GgufQ4 => Path.Combine(folder, "q4_0.gguf");

    public string GgufQ6K => Path.Combine(folder, "q6_k.gguf");

    public string GgufQ4KM => Path.Combine(folder, "q4_k_m.gguf");

    public string Onnx => Path.Combine(folder, "model.onnx");

    /// <summary>Chooses another decoder, before anything is written or measured.</summary>
    public static void Use(GptConfig config) => Config = (config with
    {
        VocabularySize = GptPresets.Gpt2Small.VocabularySize, ContextLength = Math.Min(config.ContextLength, 1024),
        SlidingWindow = config.Architecture == "mistral" ? null : config.SlidingWindow,
    }).Validated();

    /// <summary>Writes all files into a new folder, which is deleted when the process ends, also by Ctrl+C.</summary>
    /// <param name="hasKTypes">Whether also those of llama.cpp's K types.</param>
    public static ModelFiles Write(bool hasKTypes)
    {
        var files = new ModelFiles(Directory.CreateTempSubdirectory("mlnet-gpt-peers-").FullName);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(files.Folder, recursive: true);
        var weights = RandomWeights.Create(Config);
        GptCheckpoint.Save(files.Safetensors, weights, Gpt2Tokenizer.Instance);
        if (Config.Architecture == "gpt2") GptModelExporter.Export(files.Onnx, weights, tokenizer: null);
        GptModelExporter.Export(files.Gguf, weights, Gpt2Tokenizer.Instance);
        GptModelExporter.Export(files.GgufF16, weights, Gpt2Tokenizer.Instance, new() { DataType = TensorDataType.Float16 });
        GptModelExporter.Export(files.GgufQ8, weights, Gpt2Tokenizer.Instance, new() { DataType = TensorDataType.Q8_0 });
        LlamaPeer.Quantize(files.Gguf, files.GgufQ4, LLamaFtype.MOSTLY_Q4_0);
        if (hasKTypes)
        {
            LlamaPeer.Quantize(files.Gguf, files.GgufQ6K, LLamaFtype.MOSTLY_Q6_K);
            LlamaPeer.Quantize(files.Gguf, files.GgufQ4KM, LLamaFtype.MOSTLY_Q4_K_M);
        }

        return files;
    }
}
