using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>Turns token ids back into text: <c>ConvertFrom-GptToken</c>.</summary>
[Cmdlet(VerbsData.ConvertFrom, "GptToken", DefaultParameterSetName = IdSet)]
[OutputType(typeof(string))]
public sealed class ConvertFromGptTokenCommand : ModelCommand
{
    private const string IdSet = "Id";
    private const string PipelineSet = "Pipeline";

    private readonly List<int> _ids = [];
    private ITextTokenizer _tokenizer = Gpt2Tokenizer.Instance;
    private ITokenStreamDecoder? _stream;

    /// <summary>The ids, or tokens with a property <c>Id</c>; all of them together make one text.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = IdSet)]
    [Parameter(Mandatory = true, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PipelineSet)]
    [AllowEmptyCollection]
    public int[] Id { get; set; } = [];

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = IdSet)]
    [Parameter(Position = 0, ParameterSetName = PipelineSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>Writes text as soon as its characters are whole.</summary>
    [Parameter]
    public SwitchParameter Stream { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        _tokenizer = FindTokenizer();
        if (Stream) _stream = _tokenizer.CreateStreamDecoder();
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (int id in Id)
        {
            if ((uint)id >= (uint)_tokenizer.VocabularySize)
            {
                WriteError(
                    new ArgumentException(FormattableString.Invariant(
                        $"Token id {id} is outside the vocabulary; ids run from 0 to {_tokenizer.VocabularySize - 1}.")),
                    "TokenIdOutOfRange", ErrorCategory.InvalidArgument, id);
            }
            else if (_stream is null)
            {
                _ids.Add(id);
            }
            else if (_stream.Append(id) is { Length: > 0 } text)
            {
                WriteObject(text);
            }
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_stream is null) WriteObject(_tokenizer.Decode([.. _ids]));
        else if (_stream.Flush() is { Length: > 0 } text) WriteObject(text);
    }
}
