using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Turns text into tokens: <c>ConvertTo-GptToken</c>.</summary>
[Cmdlet(VerbsData.ConvertTo, "GptToken", DefaultParameterSetName = TextSet)]
[OutputType(typeof(GptToken), typeof(int))]
public sealed class ConvertToGptTokenCommand : TextInputCommand
{
    private ITextTokenizer _tokenizer = Gpt2Tokenizer.Instance;

    /// <summary>How the spelling of a special token in the text is read.</summary>
    [Parameter]
    public SpecialTokens SpecialToken { get; set; } = SpecialTokens.Recognized;

    /// <summary>Writes bare ids.</summary>
    [Parameter]
    public SwitchParameter IdOnly { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => _tokenizer = FindTokenizer();

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source)
    {
        int[] ids = Encode(_tokenizer, text, SpecialToken);
        int byteStart = 0;
        for (int i = 0; i < ids.Length; i++)
        {
            if (IdOnly)
            {
                WriteObject(ids[i]);
                continue;
            }

            var piece = TokenPiece.Of(_tokenizer, ids[i]);
            WriteObject(new GptToken(i, byteStart, piece));
            byteStart += piece.Bytes.Length;
        }
    }
}
