namespace MLNet.Gpt.IO;

/// <summary>
/// Forwards all calls, and remembers the first failure to write: ML.NET's writer swallows failures to write its last
/// bytes, without which the file is useless.
/// </summary>
/// <param name="inner">A seekable stream; it is not closed here.</param>
/// <param name="cancellationToken">Makes the next write fail.</param>
internal sealed class GuardedStream(Stream inner, CancellationToken cancellationToken) : Stream
{
    private System.Runtime.ExceptionServices.ExceptionDispatchInfo? _failure;

    public override bool CanRead => inner.CanRead;

    public override bool CanSeek => inner.CanSeek;

    public override bool CanWrite => inner.CanWrite;

    public override long Length => inner.Length;

    public override long Position
    {
        get => inner.Position;
        set => inner.Position = value;
    }

    /// <summary>Throws the exception that was swallowed.</summary>
    public void ThrowIfFailed() => _failure?.Throw();

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            inner.Write(buffer);
        }
        catch (Exception error)
        {
            _failure ??= System.Runtime.ExceptionServices.ExceptionDispatchInfo.Capture(error);
            throw;
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush() => inner.Flush();

    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

    public override long Seek(long offset, SeekOrigin origin) => inner.Seek(offset, origin);

    public override void SetLength(long value) => inner.SetLength(value);
}
