using System.Management.Automation;
using MLNet.Gpt;
using MLNet.Gpt.Configuration;

namespace MLNetGpt.Cmdlets;

/// <summary>Makes a file of tokens from texts: <c>New-GptTokenFile</c>.</summary>
[Cmdlet(VerbsCommon.New, "GptTokenFile", DefaultParameterSetName = TextSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class NewGptTokenFileCommand : TextProductCommand, IProgress<TokenizingProgress>
{
    private protected override string Action => $"Write the tokens of {Quantity.Of(Texts.Count, "text", "N0")}";

    /// <inheritdoc/>
    public void Report(TokenizingProgress value)
    {
        string status = $"{Quantity.Of(value.Documents, "document", "N0")}, {Quantity.Of(value.Tokens, "token", "N0")}";
        Bar.Draw(status, value.TotalBytes is > 0 and { } total ? (int)(100 * Math.Min(value.BytesRead, total) / total) : -1);
    }

    private protected override void Make(string destination)
    {
        var tokenizer = FindTokenizer();
        long count = HasFiles
            ? TokenFileBuilder.FromFiles(destination, Texts, tokenizer, Encoding, this, StopToken)
            : TokenFileBuilder.FromTexts(destination, Texts, tokenizer, this, StopToken);
        string said = Quantity.Of(count, "token", "N0");
        WriteVerbose(FormattableString.Invariant($"{said} of a vocabulary of {tokenizer.VocabularySize:N0}"));
    }
}
