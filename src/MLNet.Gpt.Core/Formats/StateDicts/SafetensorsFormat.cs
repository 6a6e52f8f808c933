using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Safetensors;

namespace MLNet.Gpt.Formats.StateDicts;

/// <summary>One safetensors file: a state dict with the book's or Hugging Face's names.</summary>
internal sealed class SafetensorsFormat : IModelFormat
{
    public bool Recognizes(ModelContent content) => !content.IsFolder && SafetensorsReader.Recognizes(content.Start, content.File.Length);

    public OpenedModel Open(ModelContent content, OpenFiles files, OpenOptions options)
    {
        files.Add(content.Take());
        var reader = content.Parsed(SafetensorsReader.Open)!;
        return StateDict.Open(content.Path, reader.FileTensors(), options, "safetensors", "Hugging Face safetensors");
    }
}
