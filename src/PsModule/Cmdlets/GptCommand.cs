using System.Collections.ObjectModel;
using System.Management.Automation;

namespace MLNetGpt.Cmdlets;

/// <summary>What the cmdlets share: cancellation by Ctrl+C, and errors with stable ids.</summary>
public abstract class GptCommand : PSCmdlet, IDisposable
{
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Cancelled when the pipeline is stopped.</summary>
    protected CancellationToken StopToken => _stop.Token;

    /// <inheritdoc/>
    protected override void StopProcessing() => _stop.Cancel();

    /// <summary>The files behind paths as other cmdlets take them; one that is not there is reported and left out.</summary>
    protected IEnumerable<string> ResolveFiles(IEnumerable<string> paths, bool literal, bool allowFolders = false)
    {
        foreach (string path in paths)
        {
            Collection<string> files;
            try
            {
                files = literal ? [GetUnresolvedProviderPathFromPSPath(path)] : GetResolvedProviderPathFromPSPath(path, out _);
            }
            catch (Exception unresolved) when (unresolved is ItemNotFoundException or System.Management.Automation.DriveNotFoundException or ProviderNotFoundException)
            {
                WriteError(unresolved, "PathNotFound", ErrorCategory.ObjectNotFound, path);
                continue;
            }

            foreach (string file in files)
            {
                if (File.Exists(file) || (allowFolders && Directory.Exists(file))) yield return file;
                else WriteError(new FileNotFoundException($"There is no file '{file}'.", file), "PathNotFound", ErrorCategory.ObjectNotFound, path);
            }
        }
    }

    /// <summary>Works on one item; what the library refuses about it is reported, and the next item has its turn.</summary>
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
            WriteError(refused, "InputRefused", ErrorCategory.InvalidArgument, target);
        }
        catch (ObjectDisposedException disposed)
        {
            Terminate(disposed, "ModelDisposed", ErrorCategory.InvalidOperation, target);
        }
    }

    /// <summary>Reports one bad item and goes on.</summary>
    protected void WriteError(Exception exception, string id, ErrorCategory category, object? target) =>
        WriteError(new ErrorRecord(exception, id, category, target));

    /// <summary>Ends the command: nothing can go on.</summary>
    protected void Terminate(Exception exception, string id, ErrorCategory category, object? target) =>
        ThrowTerminatingError(new ErrorRecord(exception, id, category, target));

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the command holds.</summary>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing) _stop.Dispose();
    }
}
