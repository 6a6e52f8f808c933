using System.Management.Automation;
using MLNet.Gpt;
using MLNetGpt.Arguments;
using MLNetGpt.Output;

namespace MLNetGpt.Cmdlets;

/// <summary>The base of the cmdlets: cancellation by Ctrl+C, and errors with stable ids.</summary>
public abstract class GptCommand : PSCmdlet, IDisposable
{
    // Before a path it holds in every location, that of the registry or the environment included.
    private const string FileSystem = @"Microsoft.PowerShell.Core\FileSystem::";

    private readonly CancellationTokenSource _stop = new();

    /// <summary>Canceled when the pipeline is stopped.</summary>
    protected CancellationToken StopToken => _stop.Token;

    /// <inheritdoc/>
    protected override void StopProcessing() => _stop.Cancel();

    /// <summary>Returns a model that is ready to be used; ends the command where there is none, or it was disposed of.</summary>
    /// <param name="given">What the parameter was given, or <see langword="null"/>.</param>
    protected LanguageModel Require(LanguageModel? given)
    {
        var model = RequireAny(given);
        if (model.Classifier is null) return model;
        Terminate(
            new PSArgumentException($"'{model.Name}' is a classifier, which predicts no tokens; Get-GptClass uses it."),
            "ModelIsClassifier", ErrorCategory.InvalidArgument, model);
        throw new InvalidOperationException(); // not reached
    }

    /// <summary>Returns a classifier that is ready to be used; ends the command where there is none.</summary>
    protected LanguageModel RequireClassifier(LanguageModel? given)
    {
        var model = RequireAny(given);
        if (model.Classifier is not null) return model;
        Terminate(
            new PSArgumentException(
                $"'{model.Name}' predicts tokens, not classes. Invoke-GptTraining -LabelProperty makes a classifier of a model."),
            "ModelNotClassifier", ErrorCategory.InvalidArgument, model);
        throw new InvalidOperationException(); // not reached
    }

    /// <summary>Returns a model or a classifier that is ready to be used; ends the command where there is none.</summary>
    protected LanguageModel RequireAny(LanguageModel? given)
    {
        if (FindModel(given) is { } model) return model;
        Terminate(
            new PSArgumentException(
                "There is no model. Give one with -Model, as an object or as the path of its file, "
                + "or set one for the session with Set-GptModel."),
            "NoModel",
            ErrorCategory.InvalidArgument,
            null);
        throw new InvalidOperationException(); // not reached
    }

    /// <summary>
    /// Returns the model that was given, loaded now where its path was given, or else the session's default;
    /// <see langword="null"/> if there is neither.
    /// </summary>
    protected LanguageModel? FindModel(LanguageModel? given)
    {
        var model = given ?? SessionModels.Default;
        if (model is { IsLoaded: false }) model = Load(model.Source!);
        if (model is { IsDisposed: true })
        {
            Terminate(Disposed($"The model '{model.Name}'"), "ModelDisposed", ErrorCategory.InvalidOperation, model);
        }

        return model;
    }

    private LanguageModel Load(string path)
    {
        try
        {
            return SessionModels.GetOrLoad(path, () => ModelLoading.Load(this, path, StopToken));
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception error) when (ModelLoading.ErrorOf(error, path) is { } record)
        {
            ThrowTerminatingError(record);
            throw;
        }
    }

    /// <summary>Returns the files that paths lead to; a path that leads to none is reported and skipped.</summary>
    /// <param name="paths">Paths as the user entered them.</param>
    /// <param name="literal">Whether wildcard characters are ordinary characters.</param>
    /// <param name="allowFolders">Whether a folder is accepted like a file.</param>
    protected IEnumerable<string> ResolveFiles(IEnumerable<string> paths, bool literal, bool allowFolders = false)
    {
        foreach (string path in paths)
        {
            foreach (string file in Resolve(path, literal))
            {
                if (File.Exists(file) || (allowFolders && Directory.Exists(file)))
                {
                    yield return file;
                }
                else if (Directory.Exists(file))
                {
                    WriteError(
                        new IOException(
                            $"'{file}' is a folder; give the files in it, such as '{path}/*.txt', or what Get-ChildItem -File lists."),
                        "PathIsFolder", ErrorCategory.InvalidArgument, path);
                }
                else
                {
                    var missing = new FileNotFoundException($"There is no file '{file}'.", file);
                    WriteError(missing, "PathNotFound", ErrorCategory.ObjectNotFound, path);
                }
            }
        }
    }

    private IReadOnlyList<string> Resolve(string path, bool literal)
    {
        try
        {
            string exact = SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out var provider, out _);
            if (!provider.Name.Equals("FileSystem", StringComparison.Ordinal))
            {
                WriteError(
                    new ArgumentException($"'{path}' is an item of PowerShell's provider {provider.Name}, not a file."),
                    "PathNotFile", ErrorCategory.InvalidArgument, path);
                return [];
            }

            if (literal) return [exact];

            // An existing item whose name does not match itself as a pattern, such as 'chapter [1].txt', is what was
            // meant.
            var matches = Matches(path);
            if (Path.Exists(exact) && !matches.Contains(exact)) return [exact];
            if (matches.Count > 0) return matches;
            WriteError(
                new ItemNotFoundException($"Nothing matches the pattern '{path}'. -LiteralPath takes wildcard characters as they are."),
                "PathNotFound", ErrorCategory.ObjectNotFound, path);
        }
        catch (Exception unresolved) when (
            unresolved is ItemNotFoundException or System.Management.Automation.DriveNotFoundException or ProviderNotFoundException)
        {
            WriteError(unresolved, "PathNotFound", ErrorCategory.ObjectNotFound, path);
        }

        return [];
    }

    private IReadOnlyList<string> Matches(string path)
    {
        try
        {
            return SessionState.Path.GetResolvedProviderPathFromPSPath(path, out _);
        }
        catch (WildcardPatternException)
        {
            return []; // a bracket that is never closed
        }
    }

    /// <summary>Ends the command if the folder that a file or folder is to be written into does not exist.</summary>
    /// <param name="file">The full path.</param>
    /// <param name="path">The path as the user entered it.</param>
    protected void CheckParentFolder(string file, string? path)
    {
        if (Directory.Exists(Path.GetDirectoryName(file))) return;
        Terminate(
            new DirectoryNotFoundException($"The folder of '{file}' does not exist."),
            "FolderNotFound",
            ErrorCategory.ObjectNotFound,
            path);
    }

    /// <summary>Writes a file or folder to the pipeline as <c>Get-Item</c> does.</summary>
    protected void WriteItem(string path) =>
        WriteObject(InvokeProvider.Item.Get([FileSystem + path], force: true, literalPath: true), enumerateCollection: true);

    /// <summary>Reads one text file; reports an error if it cannot be read or is not valid in its encoding.</summary>
    protected bool TryRead(string file, Action read)
    {
        try
        {
            read();
            return true;
        }
        catch (InvalidDataException invalid)
        {
            WriteError(invalid, "TextInvalid", ErrorCategory.InvalidData, file);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            WriteError(unreadable, "FileUnreadable", ErrorCategory.ReadError, file);
        }

        return false;
    }

    /// <summary>Reads a tokenizer's file or folder; ends the command if it cannot be read.</summary>
    /// <param name="path">The path as the user entered it.</param>
    protected ITextTokenizer ReadTokenizer(string path)
    {
        try
        {
            return TokenizerFile.Load(GetUnresolvedProviderPathFromPSPath(path));
        }
        catch (InvalidDataException damaged)
        {
            Terminate(damaged, "TokenizerInvalid", ErrorCategory.InvalidData, path);
            throw;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            Terminate(unreadable, "TokenizerUnreadable", ErrorCategory.ReadError, path);
            throw;
        }
    }

    /// <summary>Processes one item; an error of the library is reported, and the next item follows.</summary>
    protected void Attempt(Action work, object target)
    {
        try
        {
            work();
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (ArgumentException refused)
        {
            WriteError(ParameterNames.Plain(refused), "InputRefused", ErrorCategory.InvalidArgument, target);
        }
        catch (ObjectDisposedException)
        {
            Terminate(Disposed("The model"), "ModelDisposed", ErrorCategory.InvalidOperation, target);
        }
        catch (InvalidOperationException notNumber)
        {
            WriteError(notNumber, "NotANumber", ErrorCategory.InvalidResult, target);
        }
    }

    /// <summary>Returns the token ids of a text; ends at once when the pipeline is stopped, however long the text is.</summary>
    protected int[] Encode(ITextTokenizer tokenizer, string text, SpecialTokens specialTokens = SpecialTokens.Recognized)
    {
        try
        {
            return tokenizer.Encode(text, specialTokens, StopToken);
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
    }

    /// <summary>Reports one bad item and continues.</summary>
    protected virtual void WriteError(Exception exception, string id, ErrorCategory category, object? target) =>
        WriteError(new ErrorRecord(exception, id, category, target));

    /// <summary>Ends the command with an error.</summary>
    protected void Terminate(Exception exception, string id, ErrorCategory category, object? target) =>
        ThrowTerminatingError(new ErrorRecord(exception, id, category, target));

    /// <summary>Returns the error of a model that was disposed of, without what .NET adds about names of objects.</summary>
    /// <param name="model">The model, as the subject of a sentence.</param>
    internal static ObjectDisposedException Disposed(string model) =>
        new(objectName: null, $"{model} was disposed of; load or make it again.");

    /// <summary>Ends the command if only one of -Shard and -ShardCount was given, or there is no such shard.</summary>
    protected void CheckShard(int shard, int shardCount)
    {
        bool isShard = MyInvocation.BoundParameters.ContainsKey("Shard");
        bool isDivided = MyInvocation.BoundParameters.ContainsKey("ShardCount");
        if (isShard && !isDivided) RefuseWithout("Shard", "ShardCount");
        if (isDivided && !isShard) RefuseWithout("ShardCount", "Shard");
        if (shard <= shardCount) return;
        Terminate(
            new ArgumentException(FormattableString.Invariant($"-Shard is {shard}; of {shardCount} shards it is from 1 to {shardCount}.")),
            "InputRefused", ErrorCategory.InvalidArgument, shard);
    }

    /// <summary>Ends the command because a parameter would be ignored without another.</summary>
    protected void RefuseWithout(string parameter, string needed) =>
        RefuseParameter(parameter, $"-{parameter} has no effect without -{needed}.");

    /// <summary>Ends the command because a parameter would be ignored together with another.</summary>
    protected void RefuseWith(string parameter, string other) =>
        RefuseParameter(parameter, $"-{parameter} has no effect with -{other}.");

    /// <summary>Ends the command because a parameter would be ignored.</summary>
    protected void RefuseParameter(string parameter, string reason) =>
        Terminate(new ArgumentException(reason), "ParameterWithoutEffect", ErrorCategory.InvalidArgument, parameter);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the command holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing) _stop.Dispose();
    }
}
