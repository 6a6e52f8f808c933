using System.Management.Automation;
using MLNet.Gpt;

namespace MLNetGpt.Cmdlets;

/// <summary>The file that a training's history is written to: CSV if its name ends in <c>.csv</c>, else JSON.</summary>
/// <param name="path">The full path.</param>
internal sealed class HistoryFile(string path)
{
    private const string FirstColumns = "step,epoch,";

    private bool IsTable => path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Finds out, before anything is trained, why the file could not be written; <see langword="null"/> if it can.
    /// </summary>
    /// <param name="force">Whether an existing file may be replaced.</param>
    /// <param name="resume">Whether an existing history may be replaced: that of the training so far.</param>
    public ErrorRecord? FindFault(bool force, bool resume)
    {
        if (Directory.Exists(path))
        {
            return new(new IOException($"-HistoryPath '{path}' is a folder; give the name of a file."), "PathIsFolder",
                ErrorCategory.InvalidArgument, path);
        }

        if (!Directory.Exists(Path.GetDirectoryName(path)))
        {
            return new(new DirectoryNotFoundException($"The folder of -HistoryPath '{path}' does not exist."), "FolderNotFound",
                ErrorCategory.ObjectNotFound, path);
        }

        try
        {
            if (File.Exists(path) && !force && !(resume && IsHistory()))
            {
                return new(new IOException($"-HistoryPath '{path}' already exists; use -Force to replace it."), "FileExists",
                    ErrorCategory.ResourceExists, path);
            }

            if (File.Exists(path)) new FileStream(path, FileMode.Open, FileAccess.Write).Dispose();
            else new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
            return null;
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            return Failure(failed);
        }
    }

    /// <summary>Writes the history; returns the error if it cannot be written.</summary>
    public ErrorRecord? Write(TrainingHistory history)
    {
        try
        {
            AtomicTextFile.Write(path, IsTable ? history.ToCsv() : history.ToJson());
            return null;
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            return Failure(failed);
        }
    }

    private bool IsHistory()
    {
        try
        {
            if (IsTable) return File.ReadLines(path).FirstOrDefault()?.StartsWith(FirstColumns, StringComparison.Ordinal) == true;
            _ = TrainingHistory.FromJson(File.ReadAllText(path));
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    private ErrorRecord Failure(Exception failed) => new(
        new IOException($"-HistoryPath '{path}' cannot be written: {failed.Message}", failed),
        "HistoryFailed",
        ErrorCategory.WriteError,
        path);
}
