using MLNet.Gpt.Formats.Exporting;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.HuggingFace;

/// <summary>Writes a folder as Hugging Face's <c>GPT2LMHeadModel.save_pretrained</c> and its tokenizer's do.</summary>
internal static class HuggingFaceExporter
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
