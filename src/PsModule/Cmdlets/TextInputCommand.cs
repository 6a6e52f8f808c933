using System.Management.Automation;
using System.Text;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that takes texts, or files of text, as arguments or from the pipeline.</summary>
public abstract class TextInputCommand : ModelCommand
{
    /// <summary>The parameter set of texts.</summary>
    protected const string TextSet = "Text";

    /// <summary>The parameter set of files by wildcard.</summary>
    protected const string PathSet = "Path";

    /// <summary>The parameter set of files by exact path.</summary>
    protected const string LiteralPathSet = "LiteralPath";

    /// <summary>The texts: strings, or objects with a property <c>Text</c>.</summary>
    [Parameter(
        Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = TextSet)]
    [TextArgument(nameof(Text))]
    [AllowEmptyString]
    public virtual string[] Text { get; set; } = [];

    /// <inheritdoc/>
    [Parameter(Position = 1, ParameterSetName = TextSet)]
    [Parameter(Position = 0, ParameterSetName = PathSet)]
    [Parameter(Position = 0, ParameterSetName = LiteralPathSet)]
    [ModelArgument]
    [ValidateNotNull]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    public override LanguageModel Model { get; set; } = null!;

    /// <summary>Files of text; wildcards are resolved.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    /// <summary>Files of text, taken literally.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "FullName")]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>The encoding of files without a byte order mark; UTF-8 by default.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [EncodingArgument]
    [ArgumentCompleter(typeof(EncodingCompleter))]
    public Encoding? Encoding { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        switch (ParameterSetName)
        {
            case PathSet or LiteralPathSet:
                foreach (string file in
                    ResolveFiles(ParameterSetName == PathSet ? Path : LiteralPath, literal: ParameterSetName == LiteralPathSet))
                {
                    string? text = null;
                    if (TryRead(file, () => text = TextFile.ReadAllText(file, Encoding))) ProcessText(text!, file);
                }

                break;
            case TextSet:
                foreach (string text in Text) ProcessText(text, null);
                break;
        }
    }

    /// <summary>Processes one text.</summary>
    /// <param name="text">The text.</param>
    /// <param name="source">The file that it came from; <see langword="null"/> for a text from the pipeline.</param>
    protected abstract void ProcessText(string text, string? source);
}
