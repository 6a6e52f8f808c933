namespace MLNet.Gpt.IO;

/// <summary>Writes a file so that a crash at any moment leaves the old one or the new one, whole.</summary>
internal static class AtomicFile
{
    /// <summary>The file that a path leads to: where it is a link, the link's target.</summary>
    public static string Target(string path) =>
        (File.Exists(path) ? File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName : null) ?? Path.GetFullPath(path);

    /// <summary>Writes aside, flushes to the disk, and moves into place; what was written is removed where anything fails.</summary>
    /// <param name="path">The file to make or replace; where it is a link, the link's target.</param>
    /// <param name="length">Bytes that will be written, so that a full disk is found at once; 0 where not known.</param>
    /// <param name="write">Writes the contents.</param>
    public static void Write(string path, long length, Action<Stream> write)
    {
        string target = Target(path);
        string aside = $"{target}.{Guid.NewGuid():N}.tmp"; // In the same folder: a move across file systems is a copy.
        try
        {
            var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, PreallocationSize = length, BufferSize = 0 };
            using (var stream = new FileStream(aside, options))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(aside, target, overwrite: true);
        }
        catch
        {
            File.Delete(aside);
            throw;
        }
    }
}
