namespace MLNet.Gpt.Rows;

/// <summary>Failures met while reading ahead of the caller.</summary>
internal static class Failures
{
    /// <summary>
    /// Whether a failure at a later row can be kept until the caller reads that row. Running out of memory and being
    /// canceled cannot: they concern the work that is running now, also where another exception wraps them.
    /// </summary>
    public static bool CanWait(Exception error)
    {
        for (Exception? each = error; each is not null; each = each.InnerException)
        {
            if (each is OutOfMemoryException or OperationCanceledException) return false;
        }

        return true;
    }
}
