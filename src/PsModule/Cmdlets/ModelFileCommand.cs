using System.Management.Automation;
using MLNet.Gpt.Checkpoints;
using MLNetGpt.Completers;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that reads files of models.</summary>
public abstract class ModelFileCommand : GptCommand
{
    /// <summary>The parameter set of files by wildcard.</summary>
    protected const string PathSet = "Path";

    /// <summary>The parameter set of files by exact path.</summary>
    protected const string LiteralPathSet = "LiteralPath";

    /// <summary>Files of models; wildcards are resolved.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = PathSet)]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    /// <summary>Files of models, taken literally.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "FullName")]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>Opens each file and works on it; one that cannot be used is reported, and the next has its turn.</summary>
    protected void ForEachFile(Action<string, GptCheckpoint> work)
    {
        bool literal = ParameterSetName == LiteralPathSet;
        foreach (string file in ResolveFiles(literal ? LiteralPath : Path, literal))
        {
            try
            {
                using var checkpoint = GptCheckpoint.Open(file);
                work(file, checkpoint);
            }
            catch (InvalidDataException damaged)
            {
                WriteError(damaged, "ModelFileInvalid", ErrorCategory.InvalidData, file);
            }
            catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
            {
                WriteError(unreadable, "FileUnreadable", ErrorCategory.ReadError, file);
            }
        }
    }

    /// <summary>What a file's format is called.</summary>
    protected static string FormatOf(GptCheckpoint checkpoint) => $"MLNet.Gpt safetensors, {checkpoint.DataType}";
}
