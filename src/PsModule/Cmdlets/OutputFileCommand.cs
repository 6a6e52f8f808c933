using System.Management.Automation;

namespace MLNetGpt.Cmdlets;

/// <summary>A cmdlet that writes a file.</summary>
public abstract class OutputFileCommand : GptCommand
{
    /// <summary>Replaces a file that is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Writes the file to the pipeline.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <summary>Where a path leads to; ends the command where its folder is not there.</summary>
    protected string ResolveOutput(string path)
    {
        string file = GetUnresolvedProviderPathFromPSPath(path);
        if (!Directory.Exists(Path.GetDirectoryName(file)))
        {
            Terminate(new DirectoryNotFoundException($"The folder of '{file}' does not exist."), "FolderNotFound", ErrorCategory.ObjectNotFound, path);
        }

        return file;
    }

    /// <summary>Writes the file if it may be written.</summary>
    /// <param name="file">A resolved path.</param>
    /// <param name="action">What is done, for -WhatIf and -Confirm.</param>
    /// <param name="write">Writes it.</param>
    protected void WriteFile(string file, string action, Action write)
    {
        if (!ShouldProcess(file, action)) return;
        if (File.Exists(file) && !Force)
        {
            WriteError(new IOException($"'{file}' already exists; use -Force to replace it."), "FileExists", ErrorCategory.ResourceExists, file);
            return;
        }

        try
        {
            write();
            if (PassThru) WriteObject(new FileInfo(file));
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
}
