namespace MLNet.Gpt.Rows;

/// <summary>Failures that occur while reading ahead of the caller.</summary>
internal static class Failures
{
    /// <summary>
    /// Returns whether a failure at a later row can be kept until the caller reads that row. Running out of memory and
    /// cancellation cannot: they concern the current work, even if wrapped in another exception.
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
