namespace MLNet.Gpt.IO;

/// <summary>Writes a file so that a crash at any moment leaves the old one or the new one, whole.</summary>
internal static class AtomicFile
{
    /// <summary>Writes aside, flushes to the disk, and moves into place; what was written is removed where anything fails.</summary>
    /// <param name="path">
    /// The file to make or replace; where it is a link, the link's target. Folders that are missing are made. A file that is replaced keeps
    /// its mode.
    /// </param>
    /// <param name="length">Bytes that will be written, so that a full disk is found at once; 0 where not known.</param>
    /// <param name="write">Writes the contents.</param>
    /// <exception cref="IOException">Something else than a file is there, or the place cannot be written to.</exception>
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
