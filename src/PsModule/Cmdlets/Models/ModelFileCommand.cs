using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Completers;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that reads models from files and folders of any known format.</summary>
public abstract class ModelFileCommand : GptCommand
{
    /// <summary>The parameter set of files by wildcard.</summary>
    protected const string PathSet = "Path";

    /// <summary>The parameter set of files by exact path.</summary>
    protected const string LiteralPathSet = "LiteralPath";

    /// <summary>Files or folders of models; wildcards are resolved.</summary>
    [Parameter(
        Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = PathSet)]
    [LiveModel]
    [ArgumentCompleter(typeof(ModelFileCompleter))]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    /// <summary>Files or folders of models, taken literally.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = LiteralPathSet)]
    [Alias("PSPath", "FullName")]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>The number of attention heads, for a file that does not say.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int HeadCount { get; set; }

    /// <summary>
    /// Whether an output head that is stored is used where the configuration ties it to the token embedding and the two
    /// differ.
    /// </summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public SwitchParameter UseStoredHead { get; set; }

    /// <summary>Opens and processes each model; one that cannot be used is reported, and the next follows.</summary>
    /// <param name="work">Processes a model that predicts tokens.</param>
    /// <param name="classify">Processes the path of a classifier; by default its decoder is processed as a model.</param>
    protected void ForEachFile(Action<GptModelFile> work, Action<string>? classify = null)
    {
        bool literal = ParameterSetName == LiteralPathSet;
        foreach (string path in ResolveFiles(literal ? LiteralPath : Path, literal, allowFolders: true))
        {
            try
            {
                if (classify is not null && GptClassifier.IsClassifier(path))
                {
                    classify(path);
                    continue;
                }

                int? headCount = MyInvocation.BoundParameters.ContainsKey(nameof(HeadCount)) ? HeadCount : null;
                using var file = GptModelFile.Open(path, headCount, UseStoredHead, StopToken);
                work(file);
            }
            catch (OperationCanceledException) when (Stopping)
            {
                throw new PipelineStoppedException();
            }
            catch (Exception error) when (ModelLoading.ErrorOf(error, path) is { } record)
            {
                WriteError(record);
            }
        }
    }
}
