namespace MLNet.Gpt.IO;

/// <summary>Counts the bytes that are written to it and discards them.</summary>
internal sealed class CountingStream : Stream
{
    public long ByteCount { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => ByteCount;

    public override long Position
    {
        get => ByteCount;
        set => throw new NotSupportedException();
    }

    public override void Flush()
    {
    }

    public override void Write(byte[] buffer, int offset, int count) => ByteCount += count;

    public override void Write(ReadOnlySpan<byte> buffer) => ByteCount += buffer.Length;

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
