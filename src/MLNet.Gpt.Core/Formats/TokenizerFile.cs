using MLNet.Gpt.Formats.HuggingFace;
using MLNet.Gpt.Formats.Importing;
using MLNet.Gpt.Formats.Metadata;
using MLNet.Gpt.IO;
using MLNet.Gpt.Tokenization;

namespace MLNet.Gpt;

/// <summary>
/// Loads tokenizers from files, for models whose own file has no tokenizer or another one, and saves them.
/// </summary>
public static class TokenizerFile
{
    // Files that belong to a tokenizer but are not the whole of it.
    private static readonly string[] PartsOfFolder = [
        .. TokenizerFiles.Pairs.SelectMany(pair => (string[])[pair.Vocabulary, pair.Merges]),
        .. HuggingFaceConstants.TokenizerSettingsFiles,
    ];

    /// <summary>
    /// Loads a tokenizer, whose format is detected from the content: Hugging Face's or this library's
    /// <c>tokenizer.json</c>, a vocabulary with its merges (<c>vocab.json</c> and <c>merges.txt</c>, or OpenAI's
    /// <c>encoder.json</c> and <c>vocab.bpe</c>), or the tokenizer in a model file, such as GGUF.
    /// </summary>
    /// <param name="path">
    /// The folder of a tokenizer or of a model, or a file: a <c>tokenizer.json</c> with any name, one of the other
    /// files with its usual name, or a model in one file.
    /// </param>
    /// <returns>The tokenizer, to pass to <c>GptModel.Load</c> or <c>GptModel.FromFile</c>.</returns>
    /// <exception cref="InvalidDataException">
    /// There is no tokenizer, or it is damaged or of an unsupported kind; the message names the file and what is
    /// different.
    /// </exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static ITextTokenizer Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path)) return OfFolder(path);
        if (PartsOfFolder.Contains(Path.GetFileName(path)) && File.Exists(path))
        {
            return OfFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }

        using var content = ModelContent.Open(path);
        if (JsonFile.Begins(content.File)) return TokenizerFiles.ReadWhole(content.File);

        // A state dict does not say how many heads it has, and no tokenizer depends on it.
        using var model = GptModelFile.OpenContent(content, new OpenOptions(HeadCount: 1, UseStoredHead: false));
        return model.Tokenizer is { } tokenizer
            ? FittedTokenizer.Original(tokenizer)
            : throw new InvalidDataException($"'{path}' was saved without a tokenizer.");
    }

    /// <summary>
    /// Saves a tokenizer as a <c>tokenizer.json</c> of Hugging Face's tokenizers. The file is written to a temporary name
    /// and moved into place.
    /// </summary>
    /// <param name="path">The file to create or replace.</param>
    /// <param name="tokenizer">
    /// A <see cref="Gpt2Tokenizer"/>, <see cref="BytePairTokenizer"/> or <see cref="WordTokenizer"/>.
    /// </param>
    /// <exception cref="ArgumentException">The tokenizer is of another kind.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static void Save(string path, ITextTokenizer tokenizer)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(tokenizer);
        byte[] contents = HuggingFaceTokenizerWriter.WholeFile(tokenizer);
        AtomicFile.Write(path, contents.Length, stream => stream.Write(contents));
    }

    private static ITextTokenizer OfFolder(string folder) => TokenizerFiles.Read(folder) ?? throw new InvalidDataException(
        $"The folder '{folder}' does not contain a known tokenizer: neither "
        + $"{HuggingFaceConstants.WholeTokenizerFile} nor "
        + string.Join(", nor ", TokenizerFiles.Pairs.Select(pair => $"{pair.Vocabulary} with {pair.Merges}")) + ".");
}
