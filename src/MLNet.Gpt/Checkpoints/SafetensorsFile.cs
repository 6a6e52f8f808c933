using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MLNet.Gpt.Checkpoints;

/// <summary>
/// An open safetensors file. Opening reads and checks the header alone; elements are read where they are asked for. Safe for use by many threads.
/// </summary>
/// <remarks>
/// Reads are positional reads of the file, not a memory mapping: as fast from the system's cache, and a file that another program cuts short while it is
/// open gives an exception where a mapping would end the process. A file that is replaced by <see cref="SafetensorsWriter"/> stays readable as it was opened.
/// </remarks>
public sealed class SafetensorsFile : IDisposable
{
    // Elements converted at a time: their bytes stay in the processor's first cache.
    private const int ChunkLength = 4096;

    private readonly SafeFileHandle _handle;
    private readonly Dictionary<string, SafetensorsTensor> _byName;

    private SafetensorsFile(string path, SafeFileHandle handle, SafetensorsHeader header)
    {
        Path = path;
        _handle = handle;
        Metadata = header.Metadata;
        Tensors = header.Tensors;
        _byName = header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>The file's path as it was given.</summary>
    public string Path { get; }

    /// <summary>The header's free texts by key.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors in the order of their bytes in the file.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors { get; }

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <exception cref="InvalidDataException">The file breaks the format; the message names the file, the tensor and what is wrong.</exception>
    /// <exception cref="IOException">The file is not there or cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            long length = RandomAccess.GetLength(handle);
            byte[] start = new byte[Math.Min(length, SafetensorsHeader.LengthSize)];
            Fill(handle, path, start, 0);
            byte[] json = new byte[SafetensorsHeader.ReadLength(path, start, length)];
            Fill(handle, path, json, SafetensorsHeader.LengthSize);
            return new(path, handle, SafetensorsHeader.Parse(path, json, length));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>The tensor of a name, or <see langword="null"/>.</summary>
    public SafetensorsTensor? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Copies elements of a tensor of floating-point numbers, row-major, as single precision. Double precision is rounded.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="start">Index of the first element to copy.</param>
    /// <param name="destination">Receives as many elements as it is long.</param>
    /// <exception cref="KeyNotFoundException">There is no tensor of that name.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The elements asked for reach past the tensor's end.</exception>
    /// <exception cref="InvalidOperationException">The tensor does not hold floating-point numbers.</exception>
    /// <exception cref="InvalidDataException">The file has become shorter since it was opened.</exception>
    public void Read(string name, long start, Span<float> destination)
    {
        var tensor = Find(name) ?? throw new KeyNotFoundException($"There is no tensor '{name}' in '{Path}'.");
        if (start < 0 || start > tensor.ElementCount - destination.Length)
        {
            throw new ArgumentOutOfRangeException(
                nameof(start), start, $"{destination.Length} elements from {start} reach outside {tensor}, which has {tensor.ElementCount}.");
        }

        long offset = tensor.FileOffset + (start * tensor.DataType.Size());
        switch (tensor.DataType)
        {
            case SafetensorsDataType.Float32:
                Fill(_handle, Path, MemoryMarshal.AsBytes(destination), offset);
                if (!BitConverter.IsLittleEndian) FloatConversion.ReverseBytes(MemoryMarshal.AsBytes(destination), sizeof(float));
                break;
            case SafetensorsDataType.Float16 or SafetensorsDataType.BFloat16 or SafetensorsDataType.Float64:
                ReadConverted(tensor.DataType, offset, destination);
                break;
            default:
                throw new InvalidOperationException($"{tensor} in '{Path}' holds no floating-point numbers.");
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle.Dispose();

    private static void Fill(SafeFileHandle handle, string path, Span<byte> destination, long offset)
    {
        while (!destination.IsEmpty)
        {
            int read = RandomAccess.Read(handle, destination, offset);
            if (read == 0) throw new InvalidDataException($"'{path}' ends at byte {offset}, before the data that its header places there: it has been cut off.");
            destination = destination[read..];
            offset += read;
        }
    }

    private void ReadConverted(SafetensorsDataType type, long offset, Span<float> destination)
    {
        Span<byte> bytes = new byte[ChunkLength * type.Size()];
        for (int done = 0; done < destination.Length; done += ChunkLength)
        {
            var part = destination.Slice(done, Math.Min(ChunkLength, destination.Length - done));
            var source = bytes[..(part.Length * type.Size())];
            Fill(_handle, Path, source, offset + ((long)done * type.Size()));
            FloatConversion.ToSingle(type, source, part);
        }
    }
}
