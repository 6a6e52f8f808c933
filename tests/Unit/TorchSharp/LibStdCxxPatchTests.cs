using MLNet.Gpt.TorchSharp;

namespace MLNet.Gpt.Tests.TorchSharp;

public class LibStdCxxPatchTests
{
    [Fact]
    public void Patching_changes_three_bytes_and_nothing_else()
    {
        byte[] stock = StockLibrary.Read();
        byte[] untouched = [.. stock];
        byte[] patched = LibStdCxxPatch.Apply(stock);

        Assert.Equal(untouched, stock);
        Assert.Equal(stock.Length, patched.Length);
        var changes = Enumerable.Range(0, stock.Length).Where(i => stock[i] != patched[i]).Select(i => (stock[i], patched[i])).Order();

        // Two flags become VER_FLG_WEAK; condition_variable::wait moves from GLIBCXX_3.4.30, index 29, to GLIBCXX_3.4.11, index 10
        // (indices as `readelf -V` shows them for the library of TorchSharp 0.107.0).
        Assert.Equal([((byte)0, (byte)2), ((byte)0, (byte)2), ((byte)29, (byte)10)], changes);
    }

    [Fact]
    public void The_librarys_needs_are_read_like_readelf()
    {
        var needs = new ElfSharedObject(StockLibrary.Read()).Needs().ToList();

        // `readelf -VW libLibTorchSharp.so` of TorchSharp 0.107.0: 5 libraries with 1, 1, 1, 5 and 20 versions.
        Assert.Equal([1, 1, 1, 5, 20], needs.GroupBy(need => need.Library).Select(group => group.Count()));
        Assert.Contains(needs, need => need is { Library: "libstdc++.so.6", Version: "GLIBCXX_3.4.32", Index: 18 });
        Assert.Contains(needs, need => need is { Library: "libc.so.6", Version: "GLIBC_2.34", Index: 24 });
    }

    [Fact]
    public void Patching_a_patched_library_changes_nothing() =>
        Assert.Equal(LibStdCxxPatch.Apply(StockLibrary.Read()), LibStdCxxPatch.Apply(LibStdCxxPatch.Apply(StockLibrary.Read())));

    [Fact]
    public void Anything_but_a_shared_object_is_refused() =>
        Assert.Throws<InvalidDataException>(() => LibStdCxxPatch.Apply(File.ReadAllBytes(typeof(LibStdCxxPatch).Assembly.Location)));

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(64)]
    [InlineData(1000)]
    [InlineData(200_000)]
    public void A_truncated_library_is_refused(int length)
    {
        byte[] part = StockLibrary.Read()[..length];
        Assert.Throws<InvalidDataException>(() => LibStdCxxPatch.Apply(part));
    }

    [Fact]
    public void A_library_that_really_uses_the_missing_version_is_refused()
    {
        byte[] image = StockLibrary.Read();
        var library = new ElfSharedObject(image);
        int symbol = library.RelocatedSymbols().First(symbol => library.SymbolName(symbol) == "_ZSt9terminatev");
        image[library.SymbolVersionOffset(symbol)] = (byte)library.Needs().First(need => need.Version == "GLIBCXX_3.4.32").Index;

        var refusal = Assert.Throws<InvalidDataException>(() => LibStdCxxPatch.Apply(image));
        Assert.Contains("_ZSt9terminatev", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("GLIBCXX_3.4.32", refusal.Message, StringComparison.Ordinal);
    }
}
