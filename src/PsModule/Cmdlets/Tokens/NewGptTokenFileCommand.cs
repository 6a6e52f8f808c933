using System.Management.Automation;
using MLNet.Gpt;
using MLNet.Gpt.Configuration;

namespace MLNetGpt.Cmdlets;

/// <summary>Makes a file of tokens from texts: <c>New-GptTokenFile</c>.</summary>
[Cmdlet(VerbsCommon.New, "GptTokenFile", DefaultParameterSetName = TextSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class NewGptTokenFileCommand : TextInputCommand, IProgress<TokenizingProgress>
{
    private readonly List<string> _texts = [];

    private string _destination = "";
    private ProgressBar _bar = null!;

    /// <summary>The file to make.</summary>
    [Parameter(Mandatory = true)]
    [Alias("OutFile")]
    public string DestinationPath { get; set; } = "";

    /// <summary>Replaces an existing file.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private bool HasFiles => ParameterSetName != TextSet;

    /// <inheritdoc/>
    public void Report(TokenizingProgress value)
    {
        string status = $"{Quantity.Of(value.Documents, "document", "N0")}, {Quantity.Of(value.Tokens, "token", "N0")}";
        _bar.Draw(status, value.TotalBytes is > 0 and { } total ? (int)(100 * Math.Min(value.BytesRead, total) / total) : -1);
    }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        _destination = GetUnresolvedProviderPathFromPSPath(DestinationPath);
        _bar = new(this, $"Making {System.IO.Path.GetFileName(_destination)}");
        CheckParentFolder(_destination, DestinationPath);
        if (Directory.Exists(_destination))
        {
            Terminate(
                new IOException($"'{_destination}' is a folder; give the name of a file."), "PathIsFolder", ErrorCategory.InvalidArgument,
                DestinationPath);
        }

        if (File.Exists(_destination) && !Force)
        {
            Terminate(
                new IOException($"'{_destination}' already exists; use -Force to replace it."), "FileExists", ErrorCategory.ResourceExists,
                DestinationPath);
        }
    }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        bool isLiteral = ParameterSetName == LiteralPathSet;
        _texts.AddRange(HasFiles ? ResolveFiles(isLiteral ? LiteralPath : Path, isLiteral) : Text);
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (_texts.Count == 0)
        {
            Terminate(new ArgumentException("There is no text to turn into tokens."), "NoText", ErrorCategory.InvalidArgument, null);
        }

        var tokenizer = FindTokenizer();
        if (!ShouldProcess(_destination, $"Write the tokens of {Quantity.Of(_texts.Count, "text", "N0")}")) return;
        try
        {
            long count = HasFiles
                ? TokenFileBuilder.FromFiles(_destination, _texts, tokenizer, Encoding, this, StopToken)
                : TokenFileBuilder.FromTexts(_destination, _texts, tokenizer, this, StopToken);
            _bar.Complete();
            string said = Quantity.Of(count, "token", "N0");
            WriteVerbose(FormattableString.Invariant($"{said} of a vocabulary of {tokenizer.VocabularySize:N0}"));
            WriteItem(_destination);
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (InvalidDataException invalid)
        {
            Terminate(invalid, "TextInvalid", ErrorCategory.InvalidData, _texts);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            Terminate(failed, "WriteFailed", ErrorCategory.WriteError, _destination);
        }
    }

    /// <inheritdoc/>
    protected override void ProcessText(string text, string? source) => _texts.Add(text);
}
