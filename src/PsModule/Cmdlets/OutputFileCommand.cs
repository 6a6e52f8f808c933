using System.Management.Automation;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that writes a file or a folder.</summary>
public abstract class OutputFileCommand : GptCommand
{
    /// <summary>Replaces an existing file or folder.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Writes the file or folder to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <summary>Resolves a path; ends the command if its folder does not exist.</summary>
    protected string ResolveOutput(string path)
    {
        string file = Path.TrimEndingDirectorySeparator(GetUnresolvedProviderPathFromPSPath(path));
        CheckParentFolder(file, path);
        return file;
    }

    /// <summary>Writes a file or folder unless it exists; an empty folder may be filled.</summary>
    /// <param name="file">A resolved path.</param>
    /// <param name="action">What is done, for -WhatIf and -Confirm.</param>
    /// <param name="write">Writes it.</param>
    protected void WriteFile(string file, string action, Action write)
    {
        if (!ShouldProcess(file, action)) return;
        if (IsTaken(file) && !Force)
        {
            WriteError(
                new IOException($"'{file}' already exists; use -Force to replace it."), "FileExists", ErrorCategory.ResourceExists, file);
            return;
        }

        try
        {
            write();
            if (PassThru) WriteItem(file);
        }
        catch (OperationCanceledException) when (Stopping)
        {
            throw new PipelineStoppedException();
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            WriteError(failed, "WriteFailed", ErrorCategory.WriteError, file);
        }
    }

    private static bool IsTaken(string path) =>
        File.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any());
}
