using System.Buffers.Binary;

namespace MLNet.Gpt.TorchSharp;

/// <summary>
/// Makes TorchSharp's native library compatible with a libstdc++ that is older than the compiler it was built with, by
/// making the symbol versions that only newer ones define optional. See <c>docs/decisions/0001-libstdcxx-remedy.md</c>.
/// </summary>
internal static class LibStdCxxPatch
{
    private const ushort Weak = 2; // VER_FLG_WEAK: the linker tolerates that the version is missing

    // A version is made optional only if nothing depends on it: no relocation refers to one of its symbols, or each
    // such symbol exists, with the same meaning, in a version that every libstdc++ since GCC 4.4 has.
    private static readonly Substitution[] Substitutions =
    [
        // GCC 13. <iostream> refers to ios_base_library_init() so that the linker pulls in the streams; no code calls
        // it.
        new("GLIBCXX_3.4.32", Symbol: null, SubstituteVersion: null),

        // GCC 12. condition_variable::wait(unique_lock<mutex>&) became noexcept; its code and arguments did not change.
        new("GLIBCXX_3.4.30", "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE", "GLIBCXX_3.4.11"),
    ];

    /// <summary>Returns a patched copy of a library; the original bytes are not changed.</summary>
    /// <exception cref="InvalidDataException">The patch is not known to be correct for this library.</exception>
    public static byte[] Apply(byte[] image)
    {
        try
        {
            byte[] patched = [.. image];
            var library = new ElfSharedObject(image);
            var needs = library.Needs().Where(need => need.Library == "libstdc++.so.6").ToList();
            bool anything = false;
            foreach (var substitution in Substitutions)
            {
                var need = needs.Find(need => need.Version == substitution.Version);
                if (need.Version is null) continue;
                Substitute(library, patched, need, substitution, needs);
                BinaryPrimitives.WriteUInt16LittleEndian(patched.AsSpan(need.FlagsOffset), Weak);
                anything = true;
            }

            return anything ? patched : throw new InvalidDataException(
                $"It needs none of the versions that can be made optional ({string.Join(", ", Substitutions.Select(s => s.Version))}).");
        }
        catch (Exception e) when (e is ArgumentException or OverflowException or KeyNotFoundException)
        {
            throw new InvalidDataException("The shared object's tables are damaged.", e);
        }
    }

    private static void Substitute(
        ElfSharedObject library, byte[] patched, ElfVersionNeed need, Substitution substitution, List<ElfVersionNeed> needs)
    {
        foreach (int symbol in library.RelocatedSymbols().Where(symbol => library.SymbolVersion(symbol) == need.Index))
        {
            string name = library.SymbolName(symbol);
            var older = needs.Find(older => older.Version == substitution.SubstituteVersion);
            if (name != substitution.Symbol || older.Version is null)
            {
                throw new InvalidDataException(
                    $"It uses '{name}' of {need.Version}, for which an older libstdc++ has no equivalent.");
            }

            BinaryPrimitives.WriteUInt16LittleEndian(patched.AsSpan(library.SymbolVersionOffset(symbol)), (ushort)older.Index);
        }
    }

    private sealed record Substitution(string Version, string? Symbol, string? SubstituteVersion);
}
