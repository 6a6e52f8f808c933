using System.Buffers.Binary;
using MLNet.Gpt.Configuration;
using MLNet.Gpt.Formats.Tensors;
using MLNet.Gpt.IO;

namespace MLNet.Gpt.Formats.Safetensors;

/// <summary>
/// An open safetensors file. Opening reads and checks only the header; elements are read on demand. Thread-safe.
/// </summary>
/// <remarks>
/// Uses positional reads instead of a memory mapping: they are as fast from the system's cache, and if another program
/// truncates the file while it is open, they throw an exception, whereas a mapping would end the process. A file that
/// is replaced by <see cref="SafetensorsWriter"/> stays readable as it was opened.
/// </remarks>
internal sealed class SafetensorsReader : IDisposable
{
    private readonly PositionedFile _file;
    private readonly Dictionary<string, SafetensorsTensor> _byName;

    private SafetensorsReader(PositionedFile file, SafetensorsHeader header)
    {
        _file = file;
        Metadata = header.Metadata;
        Tensors = header.Tensors;
        _byName = header.Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>The file's path as given.</summary>
    public string Path => _file.Path;

    /// <summary>The header's metadata by key.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The tensors in the order of their bytes in the file.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors { get; }

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <exception cref="InvalidDataException">
    /// The file violates the format; the message names the file, the tensor and the problem.
    /// </exception>
    /// <exception cref="IOException">The file does not exist or cannot be read.</exception>
    public static SafetensorsReader Open(string path) => Open(PositionedFile.Open(path));

    /// <summary>Takes ownership of an open file, and checks its header against its length.</summary>
    internal static SafetensorsReader Open(PositionedFile file)
    {
        try
        {
            string path = file.Path;
            byte[] start = file.Read(0, (int)Math.Min(file.Length, SafetensorsConstants.LengthSize));
            byte[] json = file.Read(SafetensorsConstants.LengthSize, SafetensorsHeader.ReadLength(path, start, file.Length));
            return new(file, SafetensorsHeader.Parse(path, json, file.Length));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Returns whether a file begins like the format: with the length of a header that is inside the file and begins
    /// with a brace.
    /// </summary>
    internal static bool Recognizes(ReadOnlySpan<byte> start, long length) =>
        start.Length > SafetensorsConstants.LengthSize && start[SafetensorsConstants.LengthSize] == '{'
        && BinaryPrimitives.ReadUInt64LittleEndian(start) <= (ulong)(length - SafetensorsConstants.LengthSize);

    /// <summary>Returns the tensor with a name, or <see langword="null"/>.</summary>
    public SafetensorsTensor? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>
    /// Copies elements of a tensor of floating-point numbers, row-major, as single precision. Double precision is
    /// rounded.
    /// </summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="start">Index of the first element to copy.</param>
    /// <param name="destination">Receives the elements; its length is their number.</param>
    /// <exception cref="KeyNotFoundException">There is no tensor with that name.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The requested elements extend past the tensor's end.</exception>
    /// <exception cref="InvalidOperationException">The tensor does not contain floating-point numbers.</exception>
    /// <exception cref="InvalidDataException">The file has become shorter since it was opened.</exception>
    public void Read(string name, long start, Span<float> destination)
    {
        var tensor = Find(name) ?? throw new KeyNotFoundException($"There is no tensor '{name}' in '{Path}'.");
        Check.ElementRange(start, destination.Length, tensor.ElementCount, name);
        var elements = Elements(tensor) ?? throw new InvalidOperationException(
            $"{tensor} in '{Path}' does not contain floating-point numbers.");
        elements.Read(start, destination);
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Reads a whole tensor of bytes.</summary>
    /// <exception cref="InvalidDataException">It contains something else, or more than an array can.</exception>
    internal byte[] ReadBytes(SafetensorsTensor tensor) => tensor.DataType == TensorDataType.UInt8 && tensor.ElementCount <= Array.MaxLength
        ? _file.Read(tensor.FileOffset, (int)tensor.ElementCount)
        : throw new InvalidDataException($"'{Path}' contains {tensor}; up to {Array.MaxLength} bytes are expected.");

    /// <summary>
    /// Every tensor in the form used for importing. Of tensors with shared elements, safetensors' <c>save_model</c>
    /// keeps one and names the others in the metadata, each with the one kept; these follow.
    /// </summary>
    internal IEnumerable<FileTensor> FileTensors() => Tensors.Select(Import).Concat(Metadata
        .Where(pair => Find(pair.Key) is null && Find(pair.Value) is not null)
        .Select(pair => Import(Find(pair.Value)!) with { Name = pair.Key, IsAlias = true }));

    private FileTensor Import(SafetensorsTensor tensor) =>
        new(
            Path,
            tensor.Name,
            tensor.DataType,
            tensor.Shape,
            tensor.ElementCount * tensor.DataType.BlockSize(),
            Elements(tensor)) { Identity = (Path, tensor.Name) };

    private PlainElements? Elements(SafetensorsTensor tensor) =>
        tensor.DataType.IsFloatingPoint() ? new(_file, tensor.FileOffset, tensor.DataType) : null;
}
