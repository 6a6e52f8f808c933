namespace MLNet.Gpt.Formats;

/// <summary>The formats in which a model can be written.</summary>
public enum ExportFormat
{
    /// <summary>
    /// This library's own file, <c>.safetensors</c>: weights, configuration and tokenizer; see
    /// <see cref="GptCheckpoint"/>.
    /// </summary>
    Checkpoint,

    /// <summary>
    /// A folder like that of Hugging Face's <c>GPT2LMHeadModel.save_pretrained</c>, for transformers, vLLM and TGI.
    /// </summary>
    HuggingFace,

    /// <summary>A state dict with the book's key names, <c>.pth</c>: for <c>torch.load</c> and <c>load_state_dict</c>.</summary>
    PyTorch,

    /// <summary>A <c>.gguf</c> file with the gpt2 architecture: for llama.cpp and programs built on it.</summary>
    Gguf,

    /// <summary>A <c>.onnx</c> file: for ONNX Runtime and ML.NET's <c>ApplyOnnxModel</c>.</summary>
    Onnx,
}
