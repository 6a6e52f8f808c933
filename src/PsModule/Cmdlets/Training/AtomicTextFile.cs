namespace MLNetGpt.Cmdlets;

/// <summary>Text files that are written aside and moved into place, so that a failure leaves what was there.</summary>
internal static class AtomicTextFile
{
    /// <summary>Writes a file, and replaces an existing one.</summary>
    public static void Write(string path, string text)
    {
        string aside = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            File.WriteAllText(aside, text);
            File.Move(aside, path, overwrite: true);
        }
        catch
        {
            if (File.Exists(aside)) File.Delete(aside);
            throw;
        }
    }
}
