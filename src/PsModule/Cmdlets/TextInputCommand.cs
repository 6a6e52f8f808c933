using System.Management.Automation;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that takes texts, or files of text, as arguments or from the pipeline.</summary>
public abstract class TextInputCommand : GptCommand
{
    /// <summary>The parameter set of texts.</summary>
    protected const string TextSet = "Text";

    /// <summary>The parameter set of files by wildcard.</summary>
    protected const string PathSet = "Path";

    /// <summary>The parameter set of files by exact path.</summary>
    protected const string LiteralPathSet = "LiteralPath";

    /// <summary>The texts: strings, or objects with a property <c>Text</c>.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = TextSet)]
    [TextArgument(nameof(Text))]
    [AllowEmptyString]
    public string[] Text { get; set; } = [];

    /// <summary>Files of UTF-8 text; wildcards are resolved.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    /// <summary>Files of UTF-8 text, taken literally.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "FullName")]
    public string[] LiteralPath { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        switch (ParameterSetName)
        {
            case PathSet or LiteralPathSet:
                foreach (string file in ResolveFiles(ParameterSetName == PathSet ? Path : LiteralPath, literal: ParameterSetName == LiteralPathSet))
                {
                    if (Read(file) is { } text) ProcessText(new(text, file));
                }

                break;
            case TextSet:
                foreach (string text in Text) ProcessText(new(text, null));
                break;
        }
    }

    /// <summary>Works on one text.</summary>
    protected abstract void ProcessText(TextInput input);

    private string? Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            WriteError(unreadable, "FileUnreadable", ErrorCategory.ReadError, file);
            return null;
        }
    }
}
