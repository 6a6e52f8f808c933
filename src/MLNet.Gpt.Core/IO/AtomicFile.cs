namespace MLNet.Gpt.IO;

/// <summary>Writes a file so that a crash at any moment leaves either the old file or the new one, complete.</summary>
internal static class AtomicFile
{
    /// <summary>
    /// Writes to a temporary file, flushes it to disk, and moves it into place; if anything fails, the temporary file
    /// is removed.
    /// </summary>
    /// <param name="path">
    /// The file to create or replace; for a link, the link's target. Missing folders are created. A file that is
    /// replaced keeps its mode.
    /// </param>
    /// <param name="length">Bytes that will be written, so that a full disk is detected at once; 0 if unknown.</param>
    /// <param name="write">Writes the contents.</param>
    /// <exception cref="IOException">The path is something other than a file, or cannot be written to.</exception>
    public static void Write(string path, long length, Action<Stream> write)
    {
        string target = WritableTarget.File(path), folder = Path.GetDirectoryName(target)!, aside = Aside.In(folder);
        var mode = WritableTarget.Mode(target);
        try
        {
            using (var stream = Create(path, aside, length, mode))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            WritableTarget.SetMode(aside, mode);
            Move(path, aside, target);
        }
        catch
        {
            Aside.Remove(aside);
            throw;
        }
    }

    private static FileStream Create(string path, string aside, long length, UnixFileMode? mode)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(aside)!);
            Aside.Sweep(Path.GetDirectoryName(aside)!);
            var options = new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, PreallocationSize = length, BufferSize = 0,
            };
            if (mode is not null && !OperatingSystem.IsWindows()) options.UnixCreateMode = mode;
            return new(aside, options);
        }
        catch (UnauthorizedAccessException error)
        {
            throw WritableTarget.Denied(path, error);
        }
    }

    private static void Move(string path, string aside, string target)
    {
        try
        {
            File.Move(aside, target, overwrite: true);
        }
        catch (UnauthorizedAccessException error)
        {
            throw WritableTarget.Denied(path, error);
        }
    }
}
