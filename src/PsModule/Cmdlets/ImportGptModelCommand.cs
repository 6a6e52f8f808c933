using System.Management.Automation;
using MLNet.Gpt.Inference;
using MLNet.Gpt.Tokenization;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Loads models from files: <c>Import-GptModel</c>.</summary>
[Cmdlet(VerbsData.Import, "GptModel", DefaultParameterSetName = PathSet)]
[OutputType(typeof(LanguageModel))]
public sealed class ImportGptModelCommand : ModelFileCommand
{
    /// <summary>How the matrices are held in memory.</summary>
    [Parameter]
    public WeightPrecision Precision { get; set; } = WeightPrecision.Float32;

    /// <inheritdoc/>
    protected override void ProcessRecord() => ForEachFile((file, checkpoint) =>
    {
        var tokenizer = checkpoint.Tokenizer ?? Gpt2Tokenizer.Instance;
        if (tokenizer.VocabularySize != checkpoint.Config.VocabularySize)
        {
            throw new InvalidDataException(
                $"'{file}' holds no tokenizer, and its vocabulary of {checkpoint.Config.VocabularySize} ids is not GPT-2's of {tokenizer.VocabularySize}.");
        }

        var engine = GptModel.FromWeights(checkpoint, tokenizer, new() { Precision = Precision });
        WriteObject(new LanguageModel(System.IO.Path.GetFileNameWithoutExtension(file), FormatOf(checkpoint), file, engine));
    });
}
