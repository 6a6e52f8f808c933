using MLNet.Gpt.Formats;

namespace MLNet.Gpt.Benchmarks.Peers;

/// <summary>The same random weights of GPT-2, 124M parameters, in every format that a library reads.</summary>
internal sealed class ModelFiles(string folder)
{
    public static readonly GptConfig Config = GptPresets.Gpt2Small;

    /// <summary>Where the files are.</summary>
    public string Folder => folder;

    public string Safetensors => Path.Combine(folder, "model.safetensors");

    public string Gguf => Path.Combine(folder, "f32.gguf");

    public string GgufF16 => Path.Combine(folder, "f16.gguf");

    public string GgufQ8 => Path.Combine(folder, "q8_0.gguf");

    public string GgufQ4 => Path.Combine(folder, "q4_0.gguf");

    public string Onnx => Path.Combine(folder, "model.onnx");

    /// <summary>Writes all files into a new folder, which is deleted when the process ends, also by Ctrl+C.</summary>
    public static ModelFiles Write()
    {
        var files = new ModelFiles(Directory.CreateTempSubdirectory("mlnet-gpt-peers-").FullName);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(files.Folder, recursive: true);
        var weights = RandomWeights.Create(Config);
        GptCheckpoint.Save(files.Safetensors, weights, Gpt2Tokenizer.Instance);
        GptModelExporter.Export(files.Onnx, weights, tokenizer: null);
        GptModelExporter.Export(files.Gguf, weights, Gpt2Tokenizer.Instance);
        GptModelExporter.Export(files.GgufF16, weights, Gpt2Tokenizer.Instance, new() { DataType = TensorDataType.Float16 });
        GptModelExporter.Export(files.GgufQ8, weights, Gpt2Tokenizer.Instance, new() { DataType = TensorDataType.Q8_0 });
        LlamaPeer.QuantizeTo4Bits(files.Gguf, files.GgufQ4);
        return files;
    }
}
