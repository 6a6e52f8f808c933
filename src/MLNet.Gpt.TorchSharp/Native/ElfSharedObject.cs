using System.Buffers.Binary;
using System.Text;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// The parts of a 64-bit little-endian shared object that the dynamic linker reads: the symbol versions that it needs
/// from other libraries and the symbols that its relocations refer to. Everything is found through the dynamic section,
/// as in the linker.
/// </summary>
/// <remarks>
/// Source: System V ABI, "Object Files"; Linux Standard Base Core, "Symbol Versioning" (Elf64_Verneed, Elf64_Vernaux).
/// </remarks>
internal sealed class ElfSharedObject
{
    private const int ProgramLoad = 1, ProgramDynamic = 2;
    private const long StringTable = 5, SymbolTable = 6, Relocations = 7, RelocationsSize = 8, PltRelocationsSize = 2, PltRelocations = 23;
    private const long SymbolVersions = 0x6ffffff0, VersionNeeds = 0x6ffffffe, VersionNeedCount = 0x6fffffff;
    private const int SymbolSize = 24, RelocationSize = 24;

    private readonly byte[] _image;
    private readonly List<(ulong Address, ulong Offset, ulong Size)> _segments = [];
    private readonly Dictionary<long, ulong> _dynamic = [];

    /// <summary>Reads the headers.</summary>
    /// <exception cref="InvalidDataException">The bytes are not a shared object for Linux on x64.</exception>
    public ElfSharedObject(byte[] image)
    {
        _image = image;
        if (image.Length < 64 || !image.AsSpan(0, 4).SequenceEqual("\u007fELF"u8)) throw new InvalidDataException("Not an ELF file.");
        if (image[4] != 2 || image[5] != 1 || UInt16(16) != 3 || UInt16(18) != 62)
        {
            throw new InvalidDataException("Not a 64-bit little-endian shared object for x86-64.");
        }

        ReadProgramHeaders();
        if (_dynamic.Count == 0) throw new InvalidDataException("The shared object has no dynamic section.");
    }

    /// <summary>Returns the symbol versions needed from other libraries, as <c>readelf -V</c> lists them.</summary>
    public IEnumerable<ElfVersionNeed> Needs()
    {
        int need = OffsetOf(VersionNeeds);
        for (ulong i = 0; i < _dynamic[VersionNeedCount]; i++)
        {
            string library = Name(Int32(need + 4));
            int version = need + Int32(need + 8);
            for (int j = 0; j < UInt16(need + 2); j++)
            {
                yield return new(library, Name(Int32(version + 8)), UInt16(version + 6), FlagsOffset: version + 4);
                version += Int32(version + 12);
            }

            need += Int32(need + 12);
        }
    }

    /// <summary>
    /// Returns the symbols that the linker will look up: those that a relocation refers to. Symbols that nothing refers
    /// to are never looked up.
    /// </summary>
    public IEnumerable<int> RelocatedSymbols() =>
        RelocatedSymbols(Relocations, RelocationsSize).Concat(RelocatedSymbols(PltRelocations, PltRelocationsSize)).Distinct();

    /// <summary>Returns the mangled name of a symbol.</summary>
    public string SymbolName(int symbol) => Name(Int32(OffsetOf(SymbolTable) + (symbol * SymbolSize)));

    /// <summary>Returns the version index of a symbol, which matches an <see cref="ElfVersionNeed.Index"/>.</summary>
    public int SymbolVersion(int symbol) => UInt16(SymbolVersionOffset(symbol)) & 0x7fff;

    /// <summary>Returns the offset in the file of a symbol's version index, 2 bytes.</summary>
    public int SymbolVersionOffset(int symbol) => OffsetOf(SymbolVersions) + (symbol * 2);

    private IEnumerable<int> RelocatedSymbols(long table, long size)
    {
        if (!_dynamic.TryGetValue(size, out ulong bytes)) yield break;
        int start = OffsetOf(table);
        for (int i = 0; i < (int)bytes / RelocationSize; i++)
        {
            int symbol = Int32(start + (i * RelocationSize) + 12); // upper half of r_info
            if (symbol != 0) yield return symbol;
        }
    }

    private void ReadProgramHeaders()
    {
        int headers = (int)UInt64(32), size = UInt16(54), count = UInt16(56);
        int dynamicOffset = 0, dynamicSize = 0;
        for (int i = 0; i < count; i++)
        {
            int header = headers + (i * size);
            int type = Int32(header);
            if (type == ProgramLoad) _segments.Add((UInt64(header + 16), UInt64(header + 8), UInt64(header + 32)));
            if (type == ProgramDynamic) (dynamicOffset, dynamicSize) = ((int)UInt64(header + 8), (int)UInt64(header + 32));
        }

        for (int entry = dynamicOffset; entry < dynamicOffset + dynamicSize && UInt64(entry) != 0; entry += 16)
        {
            _dynamic.TryAdd((long)UInt64(entry), UInt64(entry + 8));
        }
    }

    // The dynamic section contains addresses in memory; the segments map them to the file.
    private int OffsetOf(long tag)
    {
        if (!_dynamic.TryGetValue(tag, out ulong address)) throw new InvalidDataException($"The dynamic section has no entry 0x{tag:x}.");
        foreach (var (start, offset, size) in _segments)
        {
            if (address >= start && address - start < size) return checked((int)(address - start + offset));
        }

        throw new InvalidDataException($"The address 0x{address:x} of dynamic entry 0x{tag:x} is not in any segment of the file.");
    }

    private string Name(int index)
    {
        var text = _image.AsSpan(OffsetOf(StringTable) + index);
        return Encoding.ASCII.GetString(text[..text.IndexOf((byte)0)]);
    }

    private ushort UInt16(int offset) => BinaryPrimitives.ReadUInt16LittleEndian(_image.AsSpan(offset));

    private int Int32(int offset) => BinaryPrimitives.ReadInt32LittleEndian(_image.AsSpan(offset));

    private ulong UInt64(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_image.AsSpan(offset));
}
