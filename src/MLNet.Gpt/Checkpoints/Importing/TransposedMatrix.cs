using System.Buffers;
using System.Runtime.ExceptionServices;

namespace MLNet.Gpt.Checkpoints.Importing;

/// <summary>
/// One matrix of a file at a time, turned around in memory: the rows asked for are columns of the file, and reading those one by one would take as many
/// system calls as there are elements. Whoever reads weights in the file's order turns each matrix once.
/// </summary>
/// <param name="capacity">Elements of the largest matrix that will be asked for.</param>
internal sealed class TransposedMatrix(long capacity) : IDisposable
{
    private const int TileSize = 16;
    private const int StripLength = 1 << 17;

    private readonly ReaderWriterLockSlim _gate = new();
    private float[] _elements = [];
    private FileTensor? _tensor;

    /// <summary>Copies elements of the transpose of a tensor, row-major.</summary>
    public void Read(FileTensor tensor, long start, Span<float> destination)
    {
        while (!TryRead(tensor, start, destination)) Load(tensor);
    }

    public void Dispose() => _gate.Dispose();

    private bool TryRead(FileTensor tensor, long start, Span<float> destination)
    {
        _gate.EnterReadLock();
        try
        {
            if (!ReferenceEquals(_tensor, tensor)) return false;
            _elements.AsSpan((int)start, destination.Length).CopyTo(destination);
            return true;
        }
        finally
        {
            _gate.ExitReadLock();
        }
    }

    private void Load(FileTensor tensor)
    {
        _gate.EnterWriteLock();
        try
        {
            if (ReferenceEquals(_tensor, tensor)) return;
            _tensor = null;
            if (_elements.Length == 0) _elements = GC.AllocateUninitializedArray<float>(checked((int)capacity));
            try
            {
                Transpose(tensor.Elements!, (int)tensor.Shape[0], (int)tensor.Shape[1]);
            }
            catch (AggregateException error) when (error.InnerException is InvalidDataException or IOException or ObjectDisposedException)
            {
                ExceptionDispatchInfo.Throw(error.InnerException);
            }

            _tensor = tensor;
        }
        finally
        {
            _gate.ExitWriteLock();
        }
    }

    // Strips of whole rows on all threads, and from each strip tiles: their rows stay in the first cache, and what is written lies together.
    private void Transpose(ITensorElements source, int rows, int columns)
    {
        int stripRows = Math.Clamp(StripLength / columns / TileSize * TileSize, Math.Min(TileSize, rows), rows);
        Parallel.For(0, ((rows - 1) / stripRows) + 1, index =>
        {
            int first = index * stripRows, count = Math.Min(stripRows, rows - first);
            float[] strip = ArrayPool<float>.Shared.Rent(checked(count * columns));
            source.Read((long)first * columns, strip.AsSpan(0, count * columns));
            for (int row = 0; row < count; row += TileSize)
            {
                int rowEnd = Math.Min(row + TileSize, count);
                for (int column = 0; column < columns; column++)
                {
                    var target = _elements.AsSpan((column * rows) + first + row, rowEnd - row);
                    int place = (row * columns) + column;
                    for (int i = 0; i < target.Length; i++, place += columns) target[i] = strip[place];
                }
            }

            ArrayPool<float>.Shared.Return(strip);
        });
    }
}
